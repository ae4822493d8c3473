//! `sipp` (sip-tester) as the far end of a trunk: it answers every call, and notes each message with
//! its time.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::program::Program;

const START_TIMEOUT: Duration = Duration::from_secs(10);
const NOTES: &str = "messages.csv";
const ERRORS: &str = "errors.log";
const SCENARIO: &str = r#"<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="answers">
<recv request="INVITE"></recv>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]t[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]t[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio SOUND_PORT RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=ptime:20
a=sendrecv

]]></send>
<recv request="ACK" next="stands"></recv>
<label id="asked"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<label id="stands"/>
<recv request="OPTIONS" optional="true" next="asked"></recv>
<recv request="BYE"></recv>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"#;

pub struct Sipp {
    /// Where it takes calls.
    pub port: u16,
    program: Program,
    folder: tempfile::TempDir,
    // Where the sound goes. It is never read: what is too much is thrown away.
    _sound: UdpSocket,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    /// Calls that came.
    pub invited: usize,
    /// Calls whose answer was acknowledged: they stand.
    pub answered: usize,
    /// When the last one was, in seconds since 1970.
    pub last_answered_s: f64,
    /// The longest from a call's INVITE to its ACK, in seconds.
    pub slowest_s: f64,
}

impl Sipp {
    /// Starts one that ends by itself after so many calls.
    pub fn start(calls: usize) -> Result<Self, BenchError> {
        let folder = tempfile::tempdir().map_err(BenchError::system("make a folder"))?;
        let scenario = folder.path().join("scenario.xml");
        let sound = socket()?;
        let steps = SCENARIO.replace("SOUND_PORT", &port_of(&sound)?.to_string());
        std::fs::write(&scenario, steps).map_err(BenchError::system("write a scenario"))?;
        let port = port_of(&socket()?)?;
        let host = Ipv4Addr::LOCALHOST.to_string();
        let mut command = Command::new("sipp");
        command
            .current_dir(folder.path())
            .arg("-sf")
            .arg(&scenario)
            .args(["-i", &host, "-p", &port.to_string()])
            .args(["-m", &calls.to_string(), "-nostdin"])
            .args(["-trace_shortmsg", "-shortmessage_file", NOTES])
            .args(["-trace_err", "-error_file", ERRORS])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut sipp = Self {
            port,
            program: Program::start(&mut command)?,
            folder,
            _sound: sound,
        };
        sipp.listens()?;
        Ok(sipp)
    }

    /// It listens once the port cannot be had any more.
    fn listens(&mut self) -> Result<(), BenchError> {
        let until = Instant::now() + START_TIMEOUT;
        while UdpSocket::bind((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
            if !self.program.runs() || Instant::now() > until {
                return Err(BenchError::Unexpected("sipp does not listen".into()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What it has seen until now.
    pub fn seen(&self) -> Result<Seen, BenchError> {
        let path = self.folder.path().join(NOTES);
        if !path.exists() {
            return Ok(Seen::default());
        }
        let notes = std::fs::read_to_string(path).map_err(BenchError::system("read its notes"))?;
        Ok(seen(&notes))
    }

    /// Waits until every call is over, each as it should be.
    pub fn ended_well(mut self, timeout: Duration) -> Result<(), BenchError> {
        if self.program.ends_well(timeout) {
            return Ok(());
        }
        let errors = std::fs::read_to_string(self.folder.path().join(ERRORS)).unwrap_or_default();
        let first: String = errors.chars().take(300).collect();
        Err(BenchError::Unexpected(format!(
            "for sipp, not every call went and ended as it should; it runs on: {}; it said: {first:?}",
            self.program.runs()
        )))
    }
}

fn socket() -> Result<UdpSocket, BenchError> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(BenchError::system("bind a UDP socket"))
}

fn port_of(socket: &UdpSocket) -> Result<u16, BenchError> {
    let address = socket.local_addr();
    Ok(address
        .map_err(BenchError::system("read an address"))?
        .port())
}

/// Reads the notes: date, time, seconds since 1970, R or S, Call-ID, CSeq, first line, with tabs
/// between. The last line may not be whole yet.
fn seen(notes: &str) -> Seen {
    let mut calls: BTreeMap<&str, (f64, Option<f64>)> = BTreeMap::new();
    for line in notes.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[_, _, at, "R", call, _, request] = fields.as_slice() else {
            continue;
        };
        let Ok(at) = at.parse::<f64>() else {
            continue;
        };
        if request.starts_with("INVITE ") {
            calls.entry(call).or_insert((at, None));
        } else if request.starts_with("ACK ")
            && let Some((_, answered)) = calls.get_mut(call)
        {
            answered.get_or_insert(at);
        }
    }
    let mut seen = Seen {
        invited: calls.len(),
        ..Seen::default()
    };
    for (invited, answered) in calls.values() {
        if let Some(answered) = answered {
            seen.answered += 1;
            seen.last_answered_s = seen.last_answered_s.max(*answered);
            seen.slowest_s = seen.slowest_s.max(answered - invited);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_stands_from_its_first_acknowledgement_on() {
        let line = |at: &str, way: &str, call: &str, first: &str| {
            format!("2026-01-01\t00:00:00.0\t{at}\t{way}\t{call}\tCSeq:1 INVITE\t{first}\n")
        };
        let notes = [
            line("100.0", "R", "a", "INVITE sip:1@h SIP/2.0"),
            line("100.1", "S", "a", "SIP/2.0 200 OK"),
            line("100.2", "R", "b", "INVITE sip:1@h SIP/2.0"),
            line("100.25", "R", "a", "ACK sip:1@h SIP/2.0"),
            line("100.5", "R", "a", "ACK sip:1@h SIP/2.0"),
            line("100.6", "R", "unknown", "ACK sip:1@h SIP/2.0"),
            "2026-01-01\t00:00:00.0\t100".into(),
        ];
        let seen = seen(&notes.concat());
        assert_eq!((seen.invited, seen.answered), (2, 1));
        assert_eq!((seen.last_answered_s, seen.slowest_s), (100.25, 0.25));
    }

    #[test]
    fn without_notes_nothing_was_seen() {
        assert_eq!(seen(""), Seen::default());
    }
}
