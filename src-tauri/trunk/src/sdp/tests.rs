use std::net::{IpAddr, Ipv4Addr};

use voice::Codec;

use super::*;

pub(super) fn local(codecs: &[Codec]) -> Local {
    Local {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        port: 40_000,
        session_id: 7,
        version: 1,
        direction: MediaDirection::SendReceive,
        codecs: codecs.to_vec(),
        crypto: None,
    }
}

pub(super) const ALL: &[Codec] = &[Codec::Opus, Codec::Pcma, Codec::Pcmu];

fn parsed(text: &str) -> Description {
    parse(text.as_bytes()).unwrap()
}

/// A description of a peer at 198.51.100.7:5000 with these lines of audio.
fn peer(formats: &str, lines: &[&str]) -> Description {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    parsed(&format!(
        "v=0\no=peer 1 1 IN IP4 198.51.100.7\ns=call\nc=IN IP4 198.51.100.7\nt=0 0\nm=audio 5000 RTP/AVP {formats}\n{lines}"
    ))
}

#[test]
fn an_offer_says_what_the_rfcs_ask_for() {
    let text = offer(&local(ALL));
    assert_eq!(
        text,
        "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 40000 RTP/AVP 96 8 0 13 100 101\r\n\
         a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:100 telephone-event/48000\r\n\
         a=fmtp:100 0-16\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n\
         a=ptime:20\r\na=maxptime:20\r\na=rtcp:40001\r\na=sendrecv\r\n"
    );
}

#[test]
fn an_offer_and_its_answer_come_to_the_same_on_both_sides() {
    let (ours, mut theirs) = (local(ALL), local(&[Codec::Pcmu, Codec::Opus]));
    theirs.address = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
    theirs.port = 5000;
    let (text, at_theirs) = answer(&theirs, &parsed(&offer(&ours))).unwrap();
    let at_ours = accept(&ours, &parsed(&text)).unwrap();
    assert_eq!(at_ours.send, (0, Codec::Pcmu));
    assert_eq!(at_theirs.send, (0, Codec::Pcmu));
    assert_eq!(at_ours.peer, "198.51.100.7:5000".parse().unwrap());
    assert_eq!(at_ours.peer_rtcp, "198.51.100.7:5001".parse().unwrap());
    assert_eq!(at_theirs.peer, "192.0.2.1:40000".parse().unwrap());
    assert_eq!(at_ours.event.unwrap().payload_type, 101);
    assert_eq!(at_ours.comfort_noise, Some(13));
    assert_eq!(at_ours.receive.get(96), Some(Payload::Voice(Codec::Opus)));
    assert_eq!(at_theirs.receive.get(8), None);
    assert!(at_ours.sends && at_ours.receives && at_theirs.sends && at_theirs.receives);
}

#[test]
fn keys_go_by_the_clock_of_the_sound_beside_them() {
    let lines = [
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:97 telephone-event/8000",
        "a=rtpmap:98 telephone-event/48000",
    ];
    let description = peer("111 97 98", &lines);
    let (_, negotiated) = answer(&local(ALL), &description).unwrap();
    assert_eq!(negotiated.send, (111, Codec::Opus));
    let event = negotiated.event.unwrap();
    assert_eq!((event.payload_type, event.clock_hz), (98, 48_000));
    assert_eq!(
        negotiated.receive.get(97),
        Some(Payload::Event { clock_hz: 8000 })
    );
    let only = peer("0 97", &lines);
    let (_, negotiated) = answer(&local(ALL), &only).unwrap();
    assert_eq!(negotiated.event.unwrap().payload_type, 97);
}

#[test]
fn an_answer_may_give_our_payload_types_another_meaning() {
    let lines = [
        "a=rtpmap:96 telephone-event/16000",
        "a=rtpmap:100 G722/8000",
        "a=rtpmap:101 telephone-event/16000",
    ];
    let negotiated = accept(&local(ALL), &peer("8 96 100 101", &lines)).unwrap();
    let event = Some(Payload::Event { clock_hz: 16_000 });
    assert_eq!(negotiated.receive.get(96), event);
    assert_eq!(negotiated.receive.get(100), None, "what we do not know");
    assert_eq!(negotiated.receive.get(101), event);
    assert_eq!(negotiated.send, (8, Codec::Pcma));
    assert_eq!(negotiated.event.unwrap().payload_type, 96);
    // What it says nothing of means what we offered.
    let pcmu = Some(Payload::Voice(Codec::Pcmu));
    assert_eq!(negotiated.receive.get(0), pcmu);
}

#[test]
fn each_way_to_hold_is_answered_by_its_opposite() {
    for (asked, answered, sends, receives) in [
        ("a=sendonly", "a=recvonly", false, true),
        ("a=recvonly", "a=sendonly", true, false),
        ("a=inactive", "a=inactive", false, false),
        ("a=sendrecv", "a=sendrecv", true, true),
    ] {
        let (text, negotiated) = answer(&local(ALL), &peer("0", &[asked])).unwrap();
        assert!(text.ends_with(&format!("{answered}\r\n")), "{text}");
        assert_eq!((negotiated.sends, negotiated.receives), (sends, receives));
    }
    // The old way: nothing is sent to no address.
    let (_, negotiated) = answer(&local(ALL), &peer("0", &["c=IN IP4 0.0.0.0"])).unwrap();
    assert!(!negotiated.sends && negotiated.receives);
}

#[test]
fn the_sessions_direction_applies_if_the_medium_has_none() {
    let text = "v=0\nc=IN IP4 198.51.100.7\na=inactive\nm=audio 5000 RTP/AVP 0\n";
    let negotiated = accept(&local(ALL), &parsed(text)).unwrap();
    assert!(!negotiated.sends && !negotiated.receives);
    let text = format!("{text}a=sendrecv\n");
    assert!(accept(&local(ALL), &parsed(&text)).unwrap().sends);
}

#[test]
fn other_media_are_refused_and_the_first_usable_audio_counts() {
    let text = "v=0\r\nc=IN IP4 198.51.100.7\r\nm=video 6000 RTP/AVP 99\r\nm=audio 0 RTP/AVP 0\r\n\
                m=audio 7000 RTP/AVP 3 18\r\nm=audio 5000 RTP/AVPF 8\r\na=mid:1\r\nm=image 9 udptl t38\r\n";
    let (text, negotiated) = answer(&local(ALL), &parsed(text)).unwrap();
    assert_eq!(negotiated.peer.port(), 5000);
    let media: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        media,
        [
            "m=video 0 RTP/AVP 99",
            "m=audio 0 RTP/AVP 0",
            "m=audio 0 RTP/AVP 3 18",
            "m=audio 40000 RTP/AVPF 8",
            "m=image 0 udptl t38"
        ]
    );
}

#[test]
fn rtcp_goes_where_the_peer_says() {
    let rtcp = |lines: &[&str]| {
        let (text, negotiated) = answer(&local(ALL), &peer("0", lines)).unwrap();
        (
            text.contains("a=rtcp-mux"),
            negotiated.peer_rtcp.to_string(),
        )
    };
    assert_eq!(rtcp(&[]), (false, "198.51.100.7:5001".to_owned()));
    assert_eq!(rtcp(&["a=rtcp:53020"]).1, "198.51.100.7:53020");
    let elsewhere = ["a=rtcp:53020 IN IP4 198.51.100.8"];
    assert_eq!(rtcp(&elsewhere).1, "198.51.100.8:53020");
    let mux = ["a=rtcp-mux", "a=rtcp:53020"];
    assert_eq!(rtcp(&mux), (true, "198.51.100.7:5000".to_owned()));
}

#[test]
fn a_session_over_ipv6_is_described_and_understood() {
    let mut ours = local(ALL);
    ours.address = "2001:db8::1".parse().unwrap();
    let text = "v=0\nc=IN IP6 2001:db8::2\nm=audio 5000 RTP/AVP 8\n";
    let (answered, negotiated) = answer(&ours, &parsed(text)).unwrap();
    assert!(answered.contains("c=IN IP6 2001:db8::1\r\n"));
    assert_eq!(negotiated.peer, "[2001:db8::2]:5000".parse().unwrap());
    // A socket of one family cannot send to the other.
    let error = answer(&local(ALL), &parsed(text)).unwrap_err();
    assert_eq!(error, SdpError::NoAddress);
}

#[test]
fn an_encrypted_session_exchanges_both_keys_and_prints_neither() {
    let (mut ours, mut theirs) = (local(ALL), local(ALL));
    ours.crypto = Some(SdesKey::new([1; 30]));
    theirs.crypto = Some(SdesKey::new([2; 30]));
    let offered = offer(&ours);
    assert!(offered.contains("RTP/SAVP "));
    let (text, at_theirs) = answer(&theirs, &parsed(&offered)).unwrap();
    let at_ours = accept(&ours, &parsed(&text)).unwrap();
    let (ours, theirs) = (at_ours.srtp.unwrap(), at_theirs.srtp.unwrap());
    assert_eq!(ours.local, theirs.remote);
    assert_eq!(ours.remote, theirs.local);
    assert_eq!(theirs.local.salt(), [2; 14]);
    let shown = format!("{at_ours:?} {:?}", parsed(&offered));
    assert!(!shown.contains("AQEB") && !shown.contains("[1, 1") && !shown.contains("1, 1, 1"));
}

#[test]
fn the_short_tag_is_taken_where_a_peer_offers_it() {
    let key =
        "a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e|2^20";
    let text = format!(
        "v=0\nc=IN IP4 198.51.100.7\nm=audio 5000 RTP/SAVP 0\n\
         a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:AQID\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:broken\n{key}\n"
    );
    let mut ours = local(ALL);
    ours.crypto = Some(SdesKey::new([1; 30]));
    let (answered, negotiated) = answer(&ours, &parsed(&text)).unwrap();
    assert!(answered.contains("a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:"));
    let keys = negotiated.srtp.unwrap();
    assert_eq!(keys.local.suite(), Suite::Sha1_32);
    assert_eq!(keys.remote.key()[..3], [1, 2, 3]);
}

#[test]
fn unless_both_sides_agree_on_encryption_the_session_fails() {
    let mut secure = local(ALL);
    secure.crypto = Some(SdesKey::new([1; 30]));
    let plain = peer("0", &[]);
    assert_eq!(accept(&secure, &plain), Err(SdpError::Encryption));
    assert_eq!(answer(&secure, &plain), Err(SdpError::Encryption));
    let encrypted = parsed(&offer(&secure));
    assert_eq!(answer(&local(ALL), &encrypted), Err(SdpError::Encryption));
    // Encrypted, with no key.
    let text = "v=0\nc=IN IP4 198.51.100.7\nm=audio 5000 RTP/SAVP 0\n";
    assert_eq!(accept(&secure, &parsed(text)), Err(SdpError::Encryption));
    // A way out is offered as a second medium.
    let both = format!("{text}m=audio 5002 RTP/AVP 0\n");
    let (_, negotiated) = answer(&local(ALL), &parsed(&both)).unwrap();
    assert_eq!(negotiated.peer.port(), 5002);
}
