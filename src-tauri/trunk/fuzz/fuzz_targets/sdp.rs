//! Descriptions: none brings the parser down, and every answer of ours can be read.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use trunk::sdp::{self, MediaDirection, Local, SdesKey};
use voice::Codec;

fuzz_target!(|bytes: &[u8]| {
    let Ok(description) = sdp::parse(bytes) else {
        return;
    };
    for crypto in [None, Some(SdesKey::new([9; 30]))] {
        let local = Local {
            address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            port: 40_000,
            session_id: 7,
            version: 1,
            direction: MediaDirection::SendReceive,
            codecs: vec![Codec::Opus, Codec::Pcma, Codec::Pcmu],
            crypto,
        };
        if let Ok((text, negotiated)) = sdp::answer(&local, &description) {
            assert!(negotiated.receive.get(negotiated.send.0).is_some());
            assert!(sdp::parse(text.as_bytes()).is_ok());
        }
        let _ = sdp::accept(&local, &description);
    }
});
