use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn request(method: &str, to: &str, body: &str) -> String {
    format!(
        "{method} sip:+1555@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\n\
         From: <sip:rep@127.0.0.1>;tag=a\r\nTo: {to}\r\nCall-ID: one\r\nCSeq: 1 {method}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn what_is_no_request_is_not_answered() {
    for message in ["", "\r\n\r\n", "SIP/2.0 200 OK\r\nCall-ID: one\r\n\r\n"] {
        assert!(Request::parse(message).is_none(), "{message:?}");
    }
}

#[test]
fn a_reply_copies_the_requests_headers_and_adds_one_tag() {
    for (to, replied) in [
        ("<sip:b@h>", "To: <sip:b@h>;tag=bench\r\n"),
        ("<sip:b@h>;tag=x", "To: <sip:b@h>;tag=x\r\n"),
    ] {
        let text = request("BYE", to, "");
        let reply = Request::parse(&text).unwrap().ok(5060, "");
        for line in [
            "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\n",
            "From: <sip:rep@127.0.0.1>;tag=a\r\n",
            replied,
            "CSeq: 1 BYE\r\n",
        ] {
            assert!(reply.contains(line), "{line} is not in {reply}");
        }
    }
}

#[test]
fn who_calls_is_spoken_to_is_counted_and_is_let_go() {
    let callee = Callee::start().unwrap();
    let (sip, sound) = (socket().unwrap(), socket().unwrap());
    let port = sound.local_addr().unwrap().port();
    let mut buffer = [0; MESSAGE_BYTES_MAX];
    let mut ask = |text: String| {
        sip.send_to(text.as_bytes(), (Ipv4Addr::LOCALHOST, callee.port))
            .unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            if let Ok(len) = sip.recv(&mut buffer) {
                return String::from_utf8(buffer[..len].to_vec()).unwrap();
            }
            assert!(Instant::now() < until, "no reply");
            std::thread::sleep(TURN);
        }
    };
    let offer = format!("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {port} RTP/AVP 8\r\n");
    let first = ask(request("INVITE", "<sip:b@h>", &offer));
    // One that was sent again is the same call.
    assert_eq!(first, ask(request("INVITE", "<sip:b@h>", &offer)));
    assert!(first.starts_with("SIP/2.0 200 OK\r\n"), "{first}");
    let (_, media) = first.split_once("m=audio ").unwrap();
    let phone: u16 = media.split(' ').next().unwrap().parse().unwrap();
    for sequence in [1, 2, 4] {
        let mut packet = [0; 13];
        let header = RtpHeader {
            marker: false,
            payload_type: PCMA,
            sequence,
            timestamp: 0,
            ssrc: 7,
        };
        header.write(&[0], &mut packet).unwrap();
        sound
            .send_to(&packet, (Ipv4Addr::LOCALHOST, phone))
            .unwrap();
    }
    let mut spoken = 0;
    let until = Instant::now() + PATIENCE;
    while spoken < 5 {
        let mut packet = [0; 2048];
        if let Ok(len) = sound.recv(&mut packet) {
            assert_eq!(len, 12 + G711_PACKET_BYTES);
            assert_eq!(packet[1], PCMA);
            spoken += 1;
        }
        assert!(Instant::now() < until, "nothing is said");
        std::thread::sleep(Duration::from_millis(1));
    }
    let traffic = callee.traffic().unwrap();
    assert!(traffic.sent >= 5);
    assert_eq!(
        (traffic.phones, traffic.received_min, traffic.missing),
        (1, 3, 1)
    );
    ask(request("BYE", "<sip:b@h>;tag=bench", ""));
    assert_eq!(callee.traffic().unwrap().phones, 0);
}
