//! What a phone believes of what comes to its port: from the peer, from behind a NAT, from strangers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use std::net::UdpSocket;

use common::{End, negotiate, received, run, socket};
use trunk::rtp::{RtpHeader, RtpPacket};
use trunk::sdp::Negotiated;
use voice::{Codec, G711Encoder, Law};

/// A peer that is a bare socket, and speaks µ-law.
struct Peer {
    socket: UdpSocket,
    to: u16,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    payload: [u8; 160],
}

impl Peer {
    fn new(to: u16, ssrc: u32) -> Self {
        let frame = common::Tone::new(700.0).frame();
        Self {
            socket: socket(),
            to,
            ssrc,
            sequence: 100,
            timestamp: 1000,
            payload: G711Encoder::new(Law::Mu).unwrap().encode(&frame),
        }
    }

    fn send_as(&mut self, payload_type: u8, payload: &[u8]) {
        let header = RtpHeader {
            marker: false,
            payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(160);
        let mut packet = [0; 400];
        let len = header.write(payload, &mut packet).unwrap();
        self.socket
            .send_to(&packet[..len], (common::HERE, self.to))
            .unwrap();
    }

    fn send(&mut self) {
        let payload = self.payload;
        self.send_as(0, &payload);
    }
}

/// A phone whose peer was described as being at the address of a bare socket.
fn phone_of(described: &UdpSocket) -> (End, Negotiated) {
    let mut phone = End::new(440.0, &[Codec::Pcmu, Codec::Pcma], false);
    let mut other = End::new(440.0, &[Codec::Pcmu, Codec::Pcma], false);
    let (mut negotiated, _) = negotiate(&mut phone, &mut other);
    negotiated.peer = described.local_addr().unwrap();
    phone.control.negotiated(negotiated).unwrap();
    phone.control.answered();
    phone.tick();
    (phone, negotiated)
}

#[test]
fn a_stranger_hears_nothing_is_not_heard_and_ends_nothing() {
    let mut peer = Peer::new(0, 7);
    let (mut phone, _) = phone_of(&peer.socket);
    peer.to = phone.control.local_port();
    let mut stranger = Peer::new(peer.to, 7);
    stranger.sequence = 101;
    for _ in 0..50 {
        peer.send();
        stranger.send();
        stranger.send_as(101, &[1, 10, 0, 160]);
        phone.tick();
    }
    let report = phone.report();
    assert_eq!((report.received, report.strangers), (50, 100));
    assert_eq!(report.keys, "");
    assert_eq!(phone.spoken.len(), 50);
    assert_eq!(received(&stranger.socket).len(), 0);
    assert_eq!(received(&peer.socket).len(), 51);
}

#[test]
fn a_peer_behind_a_nat_is_found_by_what_it_sends() {
    let nowhere = socket();
    let (mut phone, mut negotiated) = phone_of(&nowhere);
    let port = phone.control.local_port();
    let (mut peer, mut late) = (Peer::new(port, 7), Peer::new(port, 9));
    // What no peer would send leads nowhere.
    late.socket.send_to(b"hello", (common::HERE, port)).unwrap();
    late.send_as(77, &[0; 160]);
    phone.tick();
    assert_eq!(received(&late.socket).len(), 0);
    for _ in 0..20 {
        peer.send();
        phone.tick();
        late.send();
    }
    let report = phone.report();
    assert_eq!((report.received, report.refused), (20, 0));
    assert_eq!(report.strangers, 2 + 19);
    assert_eq!(received(&peer.socket).len(), 20);
    assert_eq!(received(&late.socket).len(), 0);
    assert_eq!(received(&nowhere).len(), 2);
    // Another description lets go of it.
    negotiated.peer = late.socket.local_addr().unwrap();
    phone.control.negotiated(negotiated).unwrap();
    for _ in 0..10 {
        late.send();
        phone.tick();
    }
    assert_eq!(received(&late.socket).len(), 10);
    assert!(phone.report().received >= 30);
}

#[test]
fn who_was_described_is_believed_before_whoever_came_first() {
    let mut peer = Peer::new(0, 7);
    let (mut phone, _) = phone_of(&peer.socket);
    peer.to = phone.control.local_port();
    let mut thief = Peer::new(peer.to, 666);
    thief.send();
    phone.tick();
    assert_eq!(received(&thief.socket).len(), 1);
    for _ in 0..10 {
        peer.send();
        thief.send();
        phone.tick();
    }
    // One tick at most, until the second packet of who was described.
    assert!(received(&thief.socket).len() <= 1);
    assert!(received(&peer.socket).len() >= 10);
    assert!(phone.report().strangers >= 8);
}

#[test]
fn a_new_stream_needs_two_packets_in_a_row() {
    let mut peer = Peer::new(0, 7);
    let (mut phone, _) = phone_of(&peer.socket);
    peer.to = phone.control.local_port();
    for round in 0..20 {
        peer.send();
        phone.tick();
        if round % 2 == 1 {
            // Another wrong one each time, from the right place.
            let (ssrc, sequence, timestamp) = (peer.ssrc, peer.sequence, peer.timestamp);
            (peer.ssrc, peer.sequence) = (1000 + round, 5000 + round as u16 * 9);
            peer.send();
            (peer.ssrc, peer.sequence, peer.timestamp) = (ssrc, sequence, timestamp);
        }
    }
    phone.tick();
    let report = phone.report();
    assert_eq!((report.received, report.refused), (20, 10));
    assert_eq!(phone.buffer.stats().lost, 0);
    let before = phone.spoken.last().unwrap().0;
    peer.ssrc = 8;
    peer.sequence = 65_000;
    for _ in 0..20 {
        peer.send();
        phone.tick();
    }
    assert_eq!(phone.report().received, 39);
    // The jitter buffer sees one stream that goes on.
    assert_eq!(phone.spoken.last().unwrap().0, before.wrapping_add(19));
}

#[test]
fn payload_types_not_negotiated_are_dropped_and_counted() {
    let mut peer = Peer::new(0, 7);
    let (mut phone, _) = phone_of(&peer.socket);
    peer.to = phone.control.local_port();
    for payload_type in [0, 8, 13, 101, 3, 18, 127] {
        peer.send_as(payload_type, &[0xd5; 80]);
    }
    peer.send_as(0, &[]);
    phone.tick();
    let report = phone.report();
    assert_eq!(report.refused, 4);
    let codecs: Vec<_> = phone.spoken.iter().map(|(_, _, codec, _)| *codec).collect();
    // Each is decoded by the payload type of its own packet; what might be a key is a pause.
    let pause = Codec::ComfortNoise;
    assert_eq!(codecs, [Codec::Pcmu, Codec::Pcma, pause, pause]);
    assert_eq!(report.keys.len(), 0, "a code above 15 is no key");
}

#[test]
fn loss_is_reported_and_so_is_the_silence_of_a_vanished_peer() {
    let mut peer = Peer::new(0, 7);
    let (mut phone, _) = phone_of(&peer.socket);
    peer.to = phone.control.local_port();
    let mut told = Vec::new();
    for _ in 0..150 {
        phone.tick();
    }
    // Of silence nothing can be said, save how long it lasts.
    let report = phone.report();
    assert_eq!((report.quality, report.heard_ms_ago), (None, 3000));
    // At its first packet, and two seconds and four seconds later: nothing, then the second of each two.
    for tick in 0..=200 {
        peer.send();
        phone.tick();
        if tick >= 100 {
            peer.sequence += 1;
            peer.timestamp += 160;
        }
        told.extend(phone.report().quality);
    }
    let lost: Vec<_> = told.iter().map(|quality| quality.lost_permille).collect();
    assert_eq!((lost.len(), lost[0], lost[1]), (3, 0, 0), "{lost:?}");
    assert!((490..=505).contains(&lost[2]), "{lost:?}");
    for _ in 0..500 {
        phone.tick();
    }
    let silent_ms = phone.report().heard_ms_ago;
    assert!((9_900..=10_100).contains(&silent_ms), "{silent_ms}");
}

#[test]
fn with_the_wrong_key_nothing_is_heard() {
    let (mut first, mut second) = common::call(&[Codec::Pcmu], true);
    run(&mut first, &mut second, 3);
    let mut wrong = negotiate(&mut first, &mut second).0;
    let keys = wrong.srtp.as_mut().unwrap();
    keys.remote = keys.local;
    first.control.negotiated(wrong).unwrap();
    let before = first.report().received;
    let spoken = first.spoken.len();
    run(&mut first, &mut second, 30);
    let report = first.report();
    assert_eq!((report.received, report.refused), (before, 30));
    assert_eq!(first.spoken.len(), spoken);
    assert_eq!(second.report().refused, 0);
}

#[test]
fn a_plain_packet_in_an_encrypted_call_is_no_packet() {
    let (mut first, mut second) = common::call(&[Codec::Pcmu], true);
    let mut stranger = Peer::new(first.control.local_port(), 7);
    for _ in 0..20 {
        stranger.send();
        first.tick();
    }
    assert_eq!(first.report().strangers, 20);
    assert_eq!(received(&stranger.socket).len(), 0);
    run(&mut first, &mut second, 20);
    assert_eq!(first.report().strangers, 20);
    assert!(first.report().received >= 19);
}

/// Seeded garbage, and packets with some bytes changed, straight into a phone's ports.
#[test]
fn no_datagram_brings_a_phone_down() {
    let seed: u64 = std::env::var("SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let mut state = seed | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for encrypted in [false, true] {
        let (mut first, mut second) = common::call(&[Codec::Opus, Codec::Pcmu], encrypted);
        let tap = socket();
        let mut elsewhere = negotiate(&mut first, &mut second).0;
        elsewhere.peer = tap.local_addr().unwrap();
        elsewhere.peer_rtcp = elsewhere.peer;
        first.control.negotiated(elsewhere).unwrap();
        let port = second.control.local_port();
        let mut at_second = negotiate(&mut first, &mut second).1;
        first.control.negotiated(elsewhere).unwrap();
        at_second.peer = tap.local_addr().unwrap();
        at_second.peer_rtcp = at_second.peer;
        second.control.negotiated(at_second).unwrap();
        for _ in 0..2000 {
            first.tick();
            for (_, mut packet) in received(&tap) {
                for _ in 0..random() % 3 {
                    let at = random() as usize % packet.len();
                    packet[at] = random() as u8;
                }
                packet.truncate(random() as usize % (packet.len() * 4) + 1);
                let to = port + (random() % 4 == 0) as u16;
                tap.send_to(&packet, (common::HERE, to)).unwrap();
                let noise: Vec<u8> = (0..random() % 64).map(|_| random() as u8).collect();
                tap.send_to(&noise, (common::HERE, port)).unwrap();
            }
            second.tick();
        }
        let report = second.report();
        assert!(report.received > 100, "{report:?}");
        assert!(report.refused + report.strangers > 100, "{report:?}");
    }
}

#[test]
fn the_silence_of_a_stream_is_a_stream() {
    let peer = Peer::new(0, 7);
    let (mut phone, _) = phone_of(&peer.socket);
    for _ in 0..5 {
        phone.tick();
    }
    let packets = received(&peer.socket);
    let packets: Vec<_> = packets
        .iter()
        .map(|(_, bytes)| RtpPacket::parse(bytes).unwrap())
        .collect();
    assert_eq!(packets.len(), 6);
    for (at, packet) in packets.iter().enumerate() {
        let (first, header) = (packets[0].header, packet.header);
        assert_eq!(header.marker, at == 0);
        assert_eq!(header.ssrc, first.ssrc);
        assert_eq!(header.sequence, first.sequence.wrapping_add(at as u16));
        let ticks = 160 * at as u32;
        assert_eq!(header.timestamp, first.timestamp.wrapping_add(ticks));
        assert_eq!((header.payload_type, packet.payload.len()), (0, 160));
    }
}
