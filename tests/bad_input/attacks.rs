//! The bad input, each kind with the answer that it must get.

use crate::Coached;
use crate::common::plain::{Plain, sign_in_body};
use crate::relay::{Kind, Relay};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio_tungstenite::tungstenite::Message;
use wire::{CoachMode, Code};

const JSON_BYTES: usize = 10 * 1024 * 1024;
/// Datagrams at a time, and the pause between: a flood beyond the kernel's buffer would be the kernel's
/// loss and say nothing of the service.
const BURST: usize = 10;
const PAUSE: Duration = Duration::from_millis(5);
/// Failed sign-ins in a flood: one e-mail address is allowed five in a row, and ours a hundred.
const SIGN_INS: usize = 8;

/// Everything that is needed for a round.
pub struct Attacks {
    plain: Plain,
    random: Random,
    call: String,
    /// Of the rep, of a coach who is not on the call, of another organization.
    rep: String,
    outsider: String,
    stranger: String,
    large: &'static [u8],
}

impl Attacks {
    pub async fn prepare(server: &str, call: &Coached, seed: u64) -> Self {
        let plain = Plain::new(server);
        let outsider = plain.token_of("morgan@demo.example", "native").await;
        let stranger = plain.token_of("other@other.example", "native").await;
        let mut large = br#"{"digits":""#.to_vec();
        large.resize(JSON_BYTES, b'1');
        large.extend(br#""}"#);
        Self {
            plain,
            random: Random(seed),
            call: format!("/api/v1/activity/call/{}/", call.call_id),
            rep: call.rep.session.api().access_token().expect("a token"),
            outsider,
            stranger,
            large: Box::leak(large.into_boxed_slice()),
        }
    }

    pub async fn round(&mut self, call: &Coached, relay: &Relay) {
        self.requests().await;
        self.mode_not_allowed(call).await;
        self.garbage_sdp().await;
        self.sockets().await;
        self.not_reading().await;
        self.datagrams(relay).await;
    }

    async fn requests(&self) {
        let at = |path: &str| format!("{}{path}", self.call);
        let plain = &self.plain;
        for token in [None, Some("nobody"), Some("")] {
            for path in ["/api/v1/me/", &self.call] {
                let wanted = (401, "unauthenticated");
                plain.refused(Method::GET, path, token, "", wanted).await;
            }
        }
        let stranger = Some(self.stranger.as_str());
        let none = (404, "not_found");
        plain
            .refused(Method::GET, &self.call, stranger, "", none)
            .await;
        for (path, body) in [
            ("coach_leg/", "{}".to_owned()),
            ("hangup/", "{}".to_owned()),
            ("dtmf/", json!({"digits": "1"}).to_string()),
            ("media/", json!({"sdp": "v=0"}).to_string()),
        ] {
            plain
                .refused(Method::POST, &at(path), stranger, body, none)
                .await;
        }

        let rep = Some(self.rep.as_str());
        let dtmf = at("dtmf/");
        let invalid = (400, "invalid_request");
        let deep = "[".repeat(30_000);
        for body in [
            "{\"digits\":",
            "",
            "null",
            "\u{0}",
            "{\"digits\":7}",
            "{\"more\":1}",
            &deep,
        ] {
            let body = body.to_owned();
            plain.refused(Method::POST, &dtmf, rep, body, invalid).await;
        }
        plain
            .refused(Method::POST, &dtmf, rep, self.large, (413, "too_large"))
            .await;
    }

    async fn mode_not_allowed(&self, call: &Coached) {
        for mode in [CoachMode::Whisper, CoachMode::Barge] {
            let refused = call.listens.session.set_mode(mode).await;
            let code = refused.err().and_then(|error| error.code());
            assert_eq!(code, Some(Code::PermissionRequired));
        }
    }

    /// From a coach whose leg has no sound yet.
    async fn garbage_sdp(&mut self) {
        let (coach_leg, media) = (
            format!("{}coach_leg/", self.call),
            format!("{}media/", self.call),
        );
        let token = Some(self.outsider.as_str());
        let (status, leg) = self.plain.ask(Method::POST, &coach_leg, token, "{}").await;
        assert_eq!(status, 201, "{leg}");
        let random = self.random.bytes(2000);
        let random = String::from_utf8_lossy(&random).into_owned();
        for sdp in [
            "",
            "garbage",
            "v=0\r\n",
            "v=0\r\no=- 1 1 IN IP4 x\r\nm=audio",
            &random,
        ] {
            let body = json!({ "sdp": sdp }).to_string();
            let wanted = (400, "invalid_request");
            self.plain
                .refused(Method::POST, &media, token, body, wanted)
                .await;
        }
        let (status, left) = self.plain.ask(Method::DELETE, &coach_leg, token, "").await;
        assert_eq!(status, 204, "{left}");
    }

    async fn sockets(&self) {
        // After a good `hello`: told so, and let stay.
        let mut socket = self.plain.welcomed(&self.outsider).await;
        for message in [
            Message::text(r#"{"type":"grant_me_everything"}"#),
            Message::text("no JSON"),
            Message::binary(vec![0_u8; 100]),
            Message::text("x".repeat(wire::MESSAGE_BYTES_MAX + 1)),
        ] {
            assert!(socket.say(message).await);
            let error = socket.error().await.expect("a word about it");
            assert_eq!(error["code"], "invalid_request", "{error}");
        }
        let heartbeat = json!({"type": "heartbeat"}).to_string();
        assert!(
            socket.say(Message::text(heartbeat)).await,
            "it still is served"
        );
        // Far too long: the end, with a word if it can still be read.
        let _ = socket.say(Message::text("x".repeat(1024 * 1024))).await;
        if let Some(error) = socket.error().await {
            assert_eq!(error["code"], "invalid_request", "{error}");
            while socket.next().await.is_some() {}
        }

        // In the place of a `hello`: told so, and closed.
        for (message, code) in [
            (Message::text(r#"{"type":"heartbeat"}"#), "invalid_request"),
            (Message::binary(vec![1_u8, 2, 3]), "invalid_request"),
            (
                Message::text(r#"{"type":"hello","access_token":"nobody"}"#),
                "unauthenticated",
            ),
        ] {
            let mut socket = self.plain.socket().await;
            assert!(socket.say(message).await);
            let error = socket.error().await.expect("a word about it");
            assert_eq!(error["code"], code, "{error}");
            assert!(socket.next().await.is_none(), "and it is over");
        }
    }

    /// A client that says much and reads nothing is given up; one that only reads nothing harms nobody.
    async fn not_reading(&self) {
        let silent = self.plain.welcomed(&self.outsider).await;
        let mut talks = self.plain.welcomed(&self.outsider).await;
        let heartbeat = json!({"type": "heartbeat"}).to_string();
        for _ in 0..2000 {
            if !talks.say(Message::text(heartbeat.clone())).await {
                break;
            }
        }
        while talks.next().await.is_some() {}
        drop(silent); // Without a word of farewell.
    }

    /// On the port of the sound: from strangers, and from the addresses that clients are known by.
    async fn datagrams(&mut self, relay: &Relay) {
        let mut bad = Vec::new();
        for _ in 0..200 {
            let len = self.random.below(1400);
            bad.push(self.random.bytes(len));
            // The same, but taken for STUN, DTLS and RTP by its first byte.
            for first in [0, 22, 128] {
                let len = self.random.below(200);
                let mut datagram = vec![first];
                datagram.extend(self.random.bytes(len));
                bad.push(datagram);
            }
        }
        for kind in [Kind::Stun, Kind::Dtls, Kind::Rtp] {
            let kept = relay.kept(kind);
            assert!(!kept.is_empty(), "{kind:?} was seen");
            for datagram in kept.iter().take(32) {
                bad.push(datagram.clone());
                let len = self.random.below(datagram.len());
                bad.push(datagram[..len].to_vec());
                let mut bent = datagram.clone();
                let at = self.random.below(bent.len());
                bent[at] ^= 1 << self.random.below(8);
                bad.push(bent);
            }
        }
        let stranger = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        stranger.connect(relay.service).await.expect("an address");
        let doors = relay.doors();
        for burst in bad.chunks(BURST) {
            for datagram in burst {
                let _ = stranger.send(datagram).await;
                let door = &doors[self.random.below(doors.len())];
                let _ = door.send(datagram).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Guesses the password of one e-mail address until it is let do so no more.
    pub async fn sign_in_flood(&self, name: &str) {
        let path = "/api/v1/auth/sign_in/";
        let email = format!("nobody-{name}@demo.example");
        let mut codes = Vec::new();
        for _ in 0..SIGN_INS {
            let body = sign_in_body(&email, "guess", "native");
            let (status, answer) = self.plain.ask(Method::POST, path, None, body).await;
            let code = answer["error"]["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            codes.push((status.as_u16(), code));
        }
        assert_eq!(codes[0], (401, "unauthenticated".to_owned()));
        assert_eq!(codes[SIGN_INS - 1], (429, "rate_limited".to_owned()));
    }
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}
