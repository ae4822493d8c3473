//! Descriptions that no one should send, and someone does.

use voice::Codec;

use super::tests::{ALL, local};
use super::*;

fn answered(text: &str) -> Result<Negotiated, SdpError> {
    answer(&local(ALL), &parse(text.as_bytes())?).map(|(_, negotiated)| negotiated)
}

#[test]
fn an_unusable_description_says_why() {
    let head = "v=0\r\nc=IN IP4 198.51.100.7\r\n";
    for (lines, why) in [
        ("", SdpError::NoAudio),
        ("m=audio 5000 RTP/AVP\r\n", SdpError::NoCodec),
        (
            "m=audio 5000 RTP/AVP 3 18 97\r\na=rtpmap:97 speex/8000\r\n",
            SdpError::NoCodec,
        ),
        (
            "m=audio 5000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            SdpError::NoCodec,
        ),
        ("m=audio 5000 RTP/AVP 13\r\n", SdpError::NoCodec),
        ("m=audio 5000 RTP/AVP 96\r\n", SdpError::NoCodec),
        (
            "m=audio 5000 RTP/AVP 0\r\na=rtpmap:0 GSM/8000\r\n",
            SdpError::NoCodec,
        ),
        (
            "m=audio 5000 RTP/AVP 96\r\na=rtpmap:96 opus/16000/2\r\n",
            SdpError::NoCodec,
        ),
        ("m=audio 0 RTP/AVP 0\r\n", SdpError::NoAudio),
        ("m=video 5000 RTP/AVP 0\r\n", SdpError::NoAudio),
        ("m=audio 5000 UDP/TLS/RTP/SAVP 0\r\n", SdpError::NoAudio),
        ("m=audio 5000 TCP/RTP/AVP 0\r\n", SdpError::NoAudio),
        (
            "m=audio 5000 RTP/AVP 0\r\nc=IN IP4 phone.example\r\n",
            SdpError::NoAddress,
        ),
        (
            "m=audio 5000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n",
            SdpError::NoAddress,
        ),
        (
            "m=audio 5000 RTP/AVP 0\r\nc=IN IP6 192.0.2.3\r\n",
            SdpError::NoAddress,
        ),
        (
            "m=audio 5000 RTP/AVP 0\r\nc=IN IP4 999.1.1.1\r\n",
            SdpError::NoAddress,
        ),
        ("m=audio 5000 RTP/AVP 0\r\nc=\r\n", SdpError::NoAddress),
        ("m=audio 70000 RTP/AVP 0\r\n", SdpError::Malformed),
        ("m=audio -1 RTP/AVP 0\r\n", SdpError::Malformed),
        ("m=audio RTP/AVP 0\r\n", SdpError::Malformed),
        ("m=\r\n", SdpError::Malformed),
        ("m=audio\u{0} 5000 RTP/AVP 0\r\n", SdpError::Malformed),
    ] {
        assert_eq!(answered(&format!("{head}{lines}")), Err(why), "{lines:?}");
    }
    for text in [
        "",
        "v=1\r\n",
        "\r\nv=0\r\n",
        "o=- 1 1 IN IP4 192.0.2.1\r\n",
        "v",
    ] {
        assert_eq!(parse(text.as_bytes()), Err(SdpError::Malformed), "{text:?}");
    }
    let nowhere = "v=0\r\nm=audio 5000 RTP/AVP 0\r\n";
    assert_eq!(answered(nowhere), Err(SdpError::NoAddress));
}

#[test]
fn attributes_with_broken_numbers_change_nothing() {
    let text = "v=0\nc=IN IP4 198.51.100.7\nm=audio 5000/2 RTP/AVP 0 abc 300 -8 0 101\n\
                a=rtpmap:999 opus/48000/2\na=rtpmap:\na=rtpmap:101\na=rtpmap:0x PCMA/8000\na=ptime:-20\n\
                a=ptime:99999999999\na=rtcp:0\na=rtcp:x IN\na=crypto:\na=\na\nb=AS:x\n=\n\u{1}=\n";
    let negotiated = answered(text).unwrap();
    assert_eq!(negotiated.send, (0, Codec::Pcmu));
    assert_eq!(negotiated.ptime_ms, 20);
    assert_eq!(negotiated.peer_rtcp.port(), 5001);
    assert_eq!(negotiated.event, None);
    let fraction = text.replace("a=ptime:-20", "a=ptime:30.5");
    assert_eq!(answered(&fraction).unwrap().ptime_ms, 30);
}

#[test]
fn the_last_port_has_no_port_after_it() {
    let text = "v=0\nc=IN IP4 198.51.100.7\nm=audio 65535 RTP/AVP 0\n";
    assert_eq!(answered(text).unwrap().peer_rtcp.port(), 65_535);
}

#[test]
fn too_much_of_anything_is_refused() {
    let start = "v=0\nc=IN IP4 198.51.100.7\nm=audio 5000 RTP/AVP 0\n";
    let many = |line: &str, count| format!("{start}{}", line.repeat(count));
    assert_eq!(answered(&many("\n", 10_000)), Err(SdpError::TooMuch));
    assert_eq!(answered(&many("a=x\n", 10_000)), Err(SdpError::TooLong));
    assert_eq!(
        answered(&many("m=audio 0 x y\n", 16)),
        Err(SdpError::TooMuch)
    );
    assert!(answered(&many("m=audio 0 x y\n", 15)).is_ok());
    let formats = format!("v=0\nm=audio 5000 RTP/AVP{}\n", " 0".repeat(65));
    assert_eq!(answered(&formats), Err(SdpError::TooMuch));
    let key =
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e\n";
    assert!(answered(&many(key, 100)).is_ok());
}

#[test]
fn more_payload_types_than_fit_are_left_out() {
    let mut text = "v=0\nc=IN IP4 198.51.100.7\nm=audio 5000 RTP/AVP 0".to_owned();
    text += &(96..128)
        .map(|number| format!(" {number}"))
        .collect::<String>();
    for number in 96..128 {
        text += &format!("\na=rtpmap:{number} telephone-event/8000");
    }
    let negotiated = answered(&text).unwrap();
    assert_eq!(negotiated.receive.iter().count(), PAYLOAD_TYPES_MAX);
}

#[test]
fn names_in_any_character_set_are_passed_over() {
    let text =
        b"v=0\r\ns=caf\xe9\r\nc=IN IP4 198.51.100.7 \r\nm=audio 5000 RTP/AVP 8 \r\na=sendrecv \r\n";
    let description = parse(text).unwrap();
    let negotiated = accept(&local(ALL), &description).unwrap();
    assert_eq!(negotiated.send, (8, Codec::Pcma));
}
