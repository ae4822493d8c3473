//! Seeded fuzz of what is read off the network: descriptions, RTP, reports. Nothing may panic, and what
//! is read must hold what its types promise. `SEED=n` replays a seed; `src-tauri/trunk/fuzz` has the
//! same as targets that are guided by coverage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::net::{IpAddr, Ipv4Addr};

use trunk::rtp::event::EventReceiver;
use trunk::rtp::rtcp::{self, COMPOUND_BYTES_MAX, Compound, ReportBlock, SenderInfo};
use trunk::rtp::{RtpHeader, RtpPacket};
use trunk::sdp::{self, Local, MediaDirection, PAYLOAD_TYPES_MAX, SdesKey};
use voice::Codec;

const ROUNDS: usize = 120_000;

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed: u64 = std::env::var("SEED").map_or_else(
            |_| {
                let now = std::time::SystemTime::now();
                let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
                since.as_nanos() as u64
            },
            |seed| seed.parse().unwrap(),
        );
        println!("SEED={seed}");
        Self(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound.max(1)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Changes some of it: bytes, lengths, the order of its parts, words that matter elsewhere.
    fn mutate(&mut self, valid: &[u8], words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = valid.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(8) {
                0 | 1 if !bytes.is_empty() => {
                    let at = at.min(bytes.len() - 1);
                    bytes[at] = self.next() as u8;
                }
                2 if !bytes.is_empty() => {
                    let at = at.min(bytes.len() - 1);
                    bytes[at] ^= 1 << self.below(8);
                }
                3 => bytes.truncate(at),
                4 => {
                    let len = self.below(40);
                    let more = self.bytes(len);
                    bytes.splice(at..at, more);
                }
                5 => {
                    let end = (at + self.below(60)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, part);
                }
                6 => {
                    let end = (at + self.below(20)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ if !words.is_empty() => {
                    let word = words[self.below(words.len())];
                    bytes.splice(at..at, word.iter().copied());
                }
                _ => {}
            }
        }
        bytes
    }
}

fn local(crypto: Option<SdesKey>) -> Local {
    Local {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        port: 40_000,
        session_id: 7,
        version: 1,
        direction: MediaDirection::SendReceive,
        codecs: vec![Codec::Opus, Codec::Pcma, Codec::Pcmu],
        crypto,
    }
}

#[test]
fn no_description_crashes_the_parser_and_every_answer_parses() {
    let mut random = Random::new();
    let key = SdesKey::new([9; 30]);
    let locals = [local(None), local(Some(key))];
    let mut valid: Vec<String> = locals.iter().map(sdp::offer).collect();
    valid.push(
        "v=0\no=a 1 1 IN IP6 ::1\ns=-\nc=IN IP6 ::1\na=inactive\nm=video 1 RTP/AVP 99\n\
         m=audio 5000/2 RTP/SAVPF 111 0 8 101\na=rtpmap:111 opus/48000/2\n\
         a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e|2^20|1:4\n\
         a=rtcp:5001 IN IP4 198.51.100.7\na=rtcp-mux\na=ptime:30\n"
            .to_owned(),
    );
    let words: [&[u8]; 12] = [
        b"m=audio 1 RTP/AVP 0\n",
        b"a=rtpmap:",
        b"c=IN IP4 0.0.0.0\n",
        b"inline:",
        b"telephone-event/8000\n",
        b" 65536",
        b"-1",
        b"/",
        b"\r\n",
        b"=",
        b"a=sendonly\n",
        b"\xff",
    ];
    let (mut read, mut answered) = (0_u32, 0_u32);
    for round in 0..ROUNDS {
        let bytes = if round % 10 == 0 {
            let len = random.below(300);
            random.bytes(len)
        } else {
            let valid = &valid[random.below(valid.len())];
            random.mutate(valid.as_bytes(), &words)
        };
        let Ok(description) = sdp::parse(&bytes) else {
            continue;
        };
        read += 1;
        for local in &locals {
            if let Ok((text, negotiated)) = sdp::answer(local, &description) {
                answered += 1;
                assert!(negotiated.receive.iter().count() <= PAYLOAD_TYPES_MAX);
                assert!(negotiated.receive.get(negotiated.send.0).is_some());
                assert_eq!(negotiated.srtp.is_some(), local.crypto.is_some());
                assert!(!(negotiated.sends && negotiated.peer.ip().is_unspecified()));
                sdp::parse(text.as_bytes()).expect("an answer of ours can be read");
            }
            let _ = sdp::accept(local, &description);
        }
    }
    println!("{read} of {ROUNDS} were descriptions, {answered} answers");
    assert!(read > 1000 && answered > 1000);
}

#[test]
fn no_packet_brings_the_reader_of_rtp_down() {
    let mut random = Random::new();
    let header = RtpHeader {
        marker: true,
        payload_type: 101,
        sequence: 7,
        timestamp: 8,
        ssrc: 9,
    };
    let mut valid = [0; 172];
    header.write(&[1, 10, 0, 160], &mut valid).unwrap();
    let mut extended = valid.to_vec();
    extended[0] |= 0x33;
    extended[24..28].copy_from_slice(&[0xbe, 0xde, 0, 2]);
    let mut keys = EventReceiver::default();
    let mut read = 0_u32;
    for round in 0..ROUNDS {
        let bytes = match round % 10 {
            0 => {
                let len = random.below(100);
                random.bytes(len)
            }
            1..=5 => random.mutate(&valid, &[]),
            _ => random.mutate(&extended, &[]),
        };
        let Some(packet) = RtpPacket::parse(&bytes) else {
            continue;
        };
        read += 1;
        assert!(packet.header.payload_type < 128);
        assert!(packet.payload.len() + 12 <= bytes.len());
        let key = keys.receive(round as i64, packet.header.timestamp, packet.payload);
        assert!(key.is_none_or(|key| "0123456789*#ABCD".contains(key)));
    }
    println!("{read} of {ROUNDS} were packets");
    assert!(read > 1000);
}

#[test]
fn no_report_brings_the_reader_of_rtcp_down() {
    let mut random = Random::new();
    let compound = Compound {
        ssrc: 9,
        sender: Some(SenderInfo::default()),
        block: Some(ReportBlock::default()),
        name: "0123456789abcdef",
        goodbye: true,
    };
    let mut valid = [0; COMPOUND_BYTES_MAX];
    let len = compound.write(&mut valid).unwrap();
    let mut read = 0_u32;
    for round in 0..ROUNDS {
        let bytes = if round % 10 == 0 {
            let len = random.below(120);
            random.bytes(len)
        } else {
            random.mutate(&valid[..len], &[])
        };
        let mut told = 0_usize;
        let is_valid = rtcp::read(&bytes, |_| told += 1);
        read += u32::from(is_valid);
        assert!(is_valid || told == 0, "what is refused tells nothing");
        assert!(told <= bytes.len() / 4);
    }
    println!("{read} of {ROUNDS} were reports");
    assert!(read > 1000);
}
