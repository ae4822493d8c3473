//! The hand at the phone: it presses keys, hangs up, and writes down the keys that came in.
//!
//! `baresip`'s module `ctrl_tcp`: JSON in netstrings, `LENGTH:TEXT,`, both ways.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::DemoError;

/// No message is as long: one that claims to be ends the connection.
const MESSAGE_BYTES_MAX: usize = 65_536;
/// So many keys are kept.
const KEYS_MAX: usize = 64;

/// A connection to a phone, which ends with it.
pub(super) struct Hand {
    stream: TcpStream,
    keys: Arc<Mutex<String>>,
}

impl Hand {
    pub(super) fn at(port: u16) -> Result<Self, DemoError> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        let keys = Arc::default();
        let (mut reader, came) = (stream.try_clone()?, Arc::clone(&keys));
        // It ends with the phone, or when its hand goes.
        std::thread::spawn(move || {
            while let Some(message) = next(&mut reader) {
                take(&message, &came);
            }
        });
        Ok(Self { stream, keys })
    }

    pub(super) fn keys(&self) -> String {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    pub(super) fn does(&self, command: &str, params: &str) -> Result<(), DemoError> {
        let text = json!({ "command": command, "params": params }).to_string();
        (&self.stream).write_all(format!("{}:{text},", text.len()).as_bytes())?;
        Ok(())
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // The reader ends; it may have already.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// A key that came in, if the message tells of one.
fn take(message: &Value, keys: &Mutex<String>) {
    if message["type"] == "CALL_DTMF_START" {
        let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() < KEYS_MAX {
            keys.push_str(message["param"].as_str().unwrap_or("?"));
        }
    }
}

/// The next message; none when the phone is gone or talks nonsense.
fn next(reader: &mut impl Read) -> Option<Value> {
    let mut len = 0;
    loop {
        let mut byte = [0];
        reader.read_exact(&mut byte).ok()?;
        match byte[0] {
            digit @ b'0'..=b'9' if len <= MESSAGE_BYTES_MAX => {
                len = len * 10 + usize::from(digit - b'0');
            }
            b':' if len <= MESSAGE_BYTES_MAX => break,
            _ => return None,
        }
    }
    let mut text = vec![0; len + 1];
    reader.read_exact(&mut text).ok()?;
    if text.pop() != Some(b',') {
        return None;
    }
    // A message that is not JSON tells of no key.
    Some(serde_json::from_slice(&text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(mut bytes: &[u8]) -> String {
        let keys = Mutex::default();
        while let Some(message) = next(&mut bytes) {
            take(&message, &keys);
        }
        keys.into_inner().unwrap_or_default()
    }

    #[test]
    fn keys_are_read_from_netstrings_and_other_messages_skipped() {
        let key = |key| json!({ "event": true, "type": "CALL_DTMF_START", "param": key });
        let other = json!({ "event": true, "type": "CALL_DTMF_END", "param": "9" });
        let messages = [key("4"), other, key("#")];
        let bytes: String = (messages.iter().map(Value::to_string))
            .map(|text| format!("{}:{text},", text.len()))
            .collect();
        assert_eq!(keys_of(bytes.as_bytes()), "4#");
        assert_eq!(keys_of(&bytes.as_bytes()[..bytes.len() - 1]), "4");
        assert_eq!(keys_of(b"3:{x},15:{\"type\":\"NONE\"},"), "");
    }

    #[test]
    fn a_phone_that_sends_garbage_is_no_longer_heard() {
        assert_eq!(next(&mut &b"99999999999999999999:{},"[..]), None);
        assert_eq!(next(&mut &b"2:{};"[..]), None);
        assert_eq!(next(&mut &b"x"[..]), None);
    }
}
