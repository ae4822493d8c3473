//! Packets, keys and reports: none brings its reader down.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trunk::rtp::event::EventReceiver;
use trunk::rtp::{RtpPacket, rtcp};

fuzz_target!(|bytes: &[u8]| {
    if let Some(packet) = RtpPacket::parse(bytes) {
        assert!(packet.payload.len() + 12 <= bytes.len());
        let mut keys = EventReceiver::default();
        let sequence = i64::from(packet.header.sequence);
        let _ = keys.receive(sequence, packet.header.timestamp, packet.payload);
    }
    let mut told = 0;
    let is_valid = rtcp::read(bytes, |_| told += 1);
    assert!(is_valid || told == 0);
});
