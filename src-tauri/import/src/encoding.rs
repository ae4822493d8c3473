//! From bytes to text: which encoding it is, and the text in UTF-8.

use encoding_rs::{CoderResult, Decoder, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::io::{self, Read};
use wire::ImportEncoding;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 32 * 1024;

/// Bytes of a text, as UTF-8 and without NULs, which no text needs and PostgreSQL refuses.
pub(crate) struct Text<R> {
    from: R,
    decoder: Decoder,
    raw: Box<[u8]>,
    /// Which of the raw bytes are still to be decoded.
    start: usize,
    end: usize,
    at_end: bool,
    is_done: bool,
}

impl<R: Read> Text<R> {
    pub(crate) fn new(from: R, encoding: ImportEncoding) -> Self {
        let decoder = match encoding {
            ImportEncoding::Utf8 => UTF_8.new_decoder_with_bom_removal(),
            ImportEncoding::Utf16Le => UTF_16LE.new_decoder_with_bom_removal(),
            ImportEncoding::Utf16Be => UTF_16BE.new_decoder_with_bom_removal(),
            ImportEncoding::Windows1252 => WINDOWS_1252.new_decoder_without_bom_handling(),
        };
        Self {
            from,
            decoder,
            raw: vec![0; CHUNK_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            at_end: false,
            is_done: false,
        }
    }

    /// More of the text, into a buffer of its own; it's left empty at the end.
    pub(crate) fn more(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        while into.is_empty() && !self.is_done {
            if self.start == self.end && !self.at_end {
                self.start = 0;
                self.end = self.read()?;
                self.at_end = self.end == 0;
            }
            // As long as the longest that the bytes at hand can become: three bytes for each.
            into.resize(CHUNK_BYTES * 3 + 16, 0);
            let left = self.raw.get(self.start..self.end).unwrap_or_default();
            let (result, read, written, _) = self.decoder.decode_to_utf8(left, into, self.at_end);
            self.start += read;
            into.truncate(written);
            into.retain(|byte| *byte != 0);
            self.is_done = self.at_end && result == CoderResult::InputEmpty;
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<usize> {
        loop {
            match self.from.read(&mut self.raw) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

/// Finds out how bytes are encoded, by all of them: a file of a million rows may have its one letter that
/// isn't ASCII in the last.
pub(crate) struct Sniffer {
    /// Zeros at even and at odd places.
    zeros: [u64; 2],
    length: u64,
    begins: Vec<u8>,
    is_utf8: bool,
    /// The beginning of a letter that the bytes so far end with.
    carry: Vec<u8>,
}

impl Sniffer {
    pub(crate) const fn new() -> Self {
        Self {
            zeros: [0; 2],
            length: 0,
            begins: Vec::new(),
            is_utf8: true,
            carry: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let missing = 8 - self.begins.len();
        self.begins.extend(bytes.iter().take(missing));
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == 0 {
                let is_odd = (self.length + at as u64) % 2 == 1;
                let [even, odd] = &mut self.zeros;
                *(if is_odd { odd } else { even }) += 1;
            }
        }
        self.length += bytes.len() as u64;
        if self.is_utf8 {
            self.check(bytes);
        }
    }

    fn check(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        // The letter that was begun goes on, byte by byte; it has four at most.
        while !self.carry.is_empty() {
            let Some((next, after)) = rest.split_first() else {
                return;
            };
            self.carry.push(*next);
            rest = after;
            match std::str::from_utf8(&self.carry) {
                Ok(_) => self.carry.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => {
                    self.is_utf8 = false;
                    return;
                }
            }
        }
        if let Err(error) = std::str::from_utf8(rest) {
            if error.error_len().is_some() {
                self.is_utf8 = false;
            } else {
                self.carry = rest.get(error.valid_up_to()..).unwrap_or_default().to_vec();
            }
        }
    }

    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// The first bytes, up to eight.
    pub(crate) fn begins(&self) -> &[u8] {
        &self.begins
    }

    pub(crate) fn encoding(&self) -> ImportEncoding {
        match self.begins.as_slice() {
            [0xFF, 0xFE, ..] => return ImportEncoding::Utf16Le,
            [0xFE, 0xFF, ..] => return ImportEncoding::Utf16Be,
            [0xEF, 0xBB, 0xBF, ..] => return ImportEncoding::Utf8,
            _ => {}
        }
        // Text in UTF-16 has a zero in every other place where it's ASCII, as delimiters are.
        let [even, odd] = self.zeros;
        let many = self.length / 10;
        if odd > many && odd > even * 4 {
            ImportEncoding::Utf16Le
        } else if even > many && even > odd * 4 {
            ImportEncoding::Utf16Be
        } else if self.is_utf8 && self.carry.is_empty() {
            ImportEncoding::Utf8
        } else {
            ImportEncoding::Windows1252
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniffed(bytes: &[u8], step: usize) -> ImportEncoding {
        let mut sniffer = Sniffer::new();
        for part in bytes.chunks(step) {
            sniffer.push(part);
        }
        sniffer.encoding()
    }

    fn utf16(text: &str, is_big: bool) -> Vec<u8> {
        let units = text.encode_utf16();
        units
            .flat_map(|unit| {
                if is_big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            })
            .collect()
    }

    fn decoded(bytes: &[u8], encoding: ImportEncoding) -> String {
        let mut text = Text::new(bytes, encoding);
        let (mut all, mut some) = (Vec::new(), Vec::new());
        loop {
            text.more(&mut some).unwrap();
            if some.is_empty() {
                return String::from_utf8(all).unwrap();
            }
            all.extend_from_slice(&some);
        }
    }

    #[test]
    fn l2_the_encoding_of_a_file_is_found_out() {
        let text = "Firma;Näme\r\nGlöbex;Ünal\r\n";
        let mut with_mark = b"\xEF\xBB\xBF".to_vec();
        with_mark.extend_from_slice(text.as_bytes());
        let western: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), ImportEncoding::Utf8),
            (with_mark, ImportEncoding::Utf8),
            (
                utf16(&format!("\u{FEFF}{text}"), false),
                ImportEncoding::Utf16Le,
            ),
            (
                utf16(&format!("\u{FEFF}{text}"), true),
                ImportEncoding::Utf16Be,
            ),
            (utf16(text, false), ImportEncoding::Utf16Le),
            (utf16(text, true), ImportEncoding::Utf16Be),
            (western, ImportEncoding::Windows1252),
        ] {
            for step in [1, 2, 3, 1_000] {
                assert_eq!(sniffed(&bytes, step), encoding, "by {step}");
            }
            assert_eq!(decoded(&bytes, encoding), text);
        }
    }

    #[test]
    fn l2_the_last_letter_of_a_long_file_decides_too() {
        let mut bytes = vec![b'a'; 200_000];
        bytes.push(0xE9);
        assert_eq!(sniffed(&bytes, 4_096), ImportEncoding::Windows1252);
        bytes.pop();
        bytes.extend_from_slice("é".as_bytes());
        assert_eq!(sniffed(&bytes, 4_096), ImportEncoding::Utf8);
    }

    #[test]
    fn l2_nul_bytes_are_left_out() {
        assert_eq!(
            sniffed(b"Name,Phone\nGlo\0bex,1\n", 5),
            ImportEncoding::Utf8
        );
        assert_eq!(decoded(b"\0Glo\0bex\0", ImportEncoding::Utf8), "Globex");
        assert_eq!(decoded(&[0; 100_000], ImportEncoding::Utf8), "");
    }
}
