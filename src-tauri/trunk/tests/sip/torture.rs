//! Messages that are hard to read (RFC 4475), and some that no one can: none of them ends us.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use media::LeadSignal::{Answered, Ringing};
use tokio::time::timeout;
use trunk::TrunkSettings;

use super::desk::{Desk, HERE, PATIENCE, REP_PHONE, free_port, trunk_at};
use super::uas::{Message, Uas, sound};

const MUTATIONS: u32 = 6_000;
const SEED: u64 = 0x4475_3261_5060;

/// Where anything but a test panicked.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What we do with a message.
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    /// It is dropped.
    Silent,
    /// It is a call.
    Rings,
    Status(String),
}

struct Torture {
    name: String,
    section: String,
    answer: Answer,
    bytes: Vec<u8>,
}

/// The messages of `torture.txt`, and `longreq`, which is made here.
fn messages() -> Vec<Torture> {
    let all = include_str!("torture.txt").split("\n=== ").skip(1);
    let mut messages: Vec<_> = all.map(message).collect();
    messages.push(Torture {
        name: "longreq".into(),
        section: "3.1.1.7".into(),
        answer: Answer::Rings,
        bytes: long_request().into_bytes(),
    });
    messages
}

/// Valid: whatever can be long is long, and Via is written in every way that it can be. Of 34 of
/// them the last alone has a branch.
fn long_request() -> String {
    const VIAS: [&str; 17] = [
        "Via:", "v:", "V:", "Via:", "ViA:", "VIa:", "VIA:", "via:", "viA:", "vIa:", "vIA:", "V : ",
        "v : ", "V  :", "v  :", "Via :", "Via  :",
    ];
    let hop = |n: usize| {
        let name = VIAS.get(33 - n).unwrap_or(&"Via:");
        format!("{name} SIP/2.0/TCP sip{n}.example.com\r\n")
    };
    let vias: String = (1..=33).rev().map(hop).collect();
    let caller = "amazinglylongcallername".repeat(5);
    let long = "long".repeat(20);
    let body = sound(9);
    format!(
        "INVITE sip:{REP_PHONE}@example.com SIP/2.0\r\n\
         To: \"I have a user name of {} proportion\"<sip:user@example.com:6000;\
         unknownparam1=very{long}value;longparam{}=shortvalue;very{}ParameterNameWithNoValue>\r\n\
         F: sip:{caller}@example.net;tag=1{}2424;unknownheaderparam{}=unknowheaderparam{};\
         unknownValueless{}\r\n\
         Call-ID: longreq.one{}longcallid\r\nCSeq: 3882340 INVITE\r\n\
         Unknown-{}-Name: unknown-{long}-value; unknown-{long}-parameter-name = \
         unknown-{long}-parameter-value\r\n\
         {vias}Via: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very{}branchvalue\r\n\
         Max-Forwards: 70\r\nContact: <sip:{caller}@host5.example.net>\r\n\
         Content-Type: application/sdp\r\nl: {}\r\n\r\n{body}",
        "extreme".repeat(10),
        "name".repeat(25),
        "long".repeat(25),
        "298".repeat(50),
        "name".repeat(20),
        "value".repeat(15),
        "paramname".repeat(10),
        "really".repeat(20),
        "Long".repeat(20),
        "long".repeat(50),
        body.len(),
    )
}

fn message(part: &str) -> Torture {
    // The split took its last end of line.
    let part = format!("{part}\n");
    let (title, text) = part.split_once('\n').unwrap();
    let [name, section, answer] = title.split(' ').collect::<Vec<_>>()[..] else {
        panic!("a name, a section, an answer: {title}");
    };
    let comments = text.lines().take_while(|line| line.starts_with("# "));
    let start: usize = comments.map(|line| line.len() + 1).sum();
    assert!(start > 0, "{name} has no word of what it is");
    let body = sound(9);
    let text = text[start..].replace("\\\n", "");
    let text = text.replace("@length@", &body.len().to_string());
    let text = text.replace("@sound@\n", &body.replace("\r\n", "\n"));
    Torture {
        name: name.into(),
        section: section.into(),
        answer: match answer {
            "silent" => Answer::Silent,
            "rings" => Answer::Rings,
            status => Answer::Status(status.into()),
        },
        bytes: bytes(&text),
    }
}

/// Lines as SIP ends them, and the bytes that a text file cannot hold.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let escaped = rest.strip_prefix("\\x").and_then(|hex| hex.get(..2));
        if let Some(byte) = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &rest[4..];
        } else {
            if sign == '\n' {
                bytes.push(b'\r');
            }
            let mut buffer = [0; 4];
            bytes.extend(sign.encode_utf8(&mut buffer).as_bytes());
            rest = &rest[sign.len_utf8()..];
        }
    }
    bytes
}

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end.max(1)
    }
}

fn mutate(random: &mut Random, message: &mut Vec<u8>) {
    const WORDS: [&[u8]; 14] = [
        b"\r\n",
        b"\r\n\r\n",
        b";",
        b"\"",
        b"<",
        b">",
        b":",
        b"@",
        b"%",
        b"\xff\xfe",
        b"\0",
        b"18446744073709551616",
        b"-1",
        "\u{2028}\u{e9}".as_bytes(),
    ];
    for _ in 0..=random.below(4) {
        let at = random.below(message.len());
        match random.below(5) {
            0 if !message.is_empty() => message[at] = random.below(256) as u8,
            1 => message.truncate(at),
            2 => {
                let end = (at + random.below(40)).min(message.len());
                message.drain(at..end);
            }
            3 => {
                let end = (at + random.below(80)).min(message.len());
                let again = message[at..end].to_vec();
                message.splice(at..at, again);
            }
            _ => {
                let word = WORDS[random.below(WORDS.len())];
                message.splice(at..at, word.iter().copied());
            }
        }
    }
}

fn watch_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        if !place.contains("tests/sip") {
            PANICS.lock().unwrap().push(place);
        }
        before(info);
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_rfc_4475_is_answered_as_it_says() {
    watch_panics();
    let (mut uas, at, mut desk) = tortured().await;
    let messages = messages();
    assert_eq!(messages.len(), 49, "the RFC's number of messages");
    for torture in &messages {
        let Torture { name, section, .. } = torture;
        uas.socket.send_to(&torture.bytes, at).await.unwrap();
        let answer = match &torture.answer {
            Answer::Silent => None,
            Answer::Rings => {
                let incoming = timeout(PATIENCE, desk.incoming.recv()).await;
                let incoming = incoming.unwrap_or_else(|_| panic!("{section} {name} never rings"));
                incoming.unwrap().refuse(603);
                Some("603")
            }
            Answer::Status(status) => Some(status.as_str()),
        };
        if let Some(status) = answer {
            let what = format!("{section} {name}: {status}");
            let own = |message: &Message| is_of(message, name) && message.kind() != "100";
            let said = uas.take_where(&what, own).await;
            assert_eq!(said.kind(), status, "{section} {name}: {}", said.text);
        }
        answers(&mut uas, at, name).await;
    }
    // Whatever was answered late is here by then.
    let end = Instant::now() + Duration::from_millis(500);
    while uas
        .any(end.saturating_duration_since(Instant::now()))
        .await
        .is_some()
    {}
    for torture in &messages {
        let said = uas
            .seen
            .iter()
            .find(|message| is_of(message, &torture.name));
        let is_silent = torture.answer == Answer::Silent;
        assert_eq!(said.is_none(), is_silent, "{}: {said:?}", torture.name);
    }
    assert!(desk.incoming.try_recv().is_err(), "something else rang");
    // The trunk does its work afterwards.
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    uas.reply(&invite, "200 OK", "a", "", &sound(9)).await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    let panics = PANICS.lock().unwrap().clone();
    assert!(panics.is_empty(), "{panics:?}");
}

/// Whether it answers the message of this name.
fn is_of(message: &Message, name: &str) -> bool {
    message.header("Call-ID").starts_with(&format!("{name}."))
}

/// A trunk that listens, and whoever says the worst to it.
async fn tortured() -> (Uas, SocketAddr, Desk) {
    let uas = Uas::start().await;
    let at = SocketAddr::from((HERE, free_port()));
    let trunk = TrunkSettings {
        listen: Some(at),
        ..trunk_at(uas.port)
    };
    let desk = Desk::with(vec![trunk]).await;
    (uas, at, desk)
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_messages_harm_neither_the_trunk_nor_its_calls() {
    watch_panics();
    let (mut uas, at, mut desk) = tortured().await;
    // A call stands while the worst is said, some of it in its own name.
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    uas.reply(&invite, "200 OK", "a", "", &sound(9)).await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    println!("seed {SEED:#x}");
    let mut random = Random(SEED);
    let own = uas.address();
    let head = |first: &str, cseq: &str, from: &str, to: &str, n: u32| {
        format!(
            "{first}\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKmut{n};rport\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {}\r\nCSeq: {cseq}\r\nContact: <sip:x@{}>\r\nMax-Forwards: 70\r\n\
             Session-Expires: 1800;refresher=uac\r\nContent-Type: application/sdp\r\n",
            own,
            invite.header("Call-ID"),
            own,
        )
    };
    let (ours, theirs) = (
        invite.header("From"),
        format!("{};tag=b", invite.header("To")),
    );
    let body = sound(9);
    for n in 0..MUTATIONS {
        let head = match n % 4 {
            0 => head(
                &format!("INVITE {} SIP/2.0", invite.uri()),
                "1 INVITE",
                &theirs,
                invite.header("To"),
                n,
            ),
            1 => head(
                &format!("BYE {} SIP/2.0", invite.contact()),
                "7 BYE",
                &theirs,
                ours,
                n,
            ),
            2 => head("SIP/2.0 200 OK", invite.header("CSeq"), ours, &theirs, n),
            _ => head(
                &format!("UPDATE {} SIP/2.0", invite.contact()),
                "9 UPDATE",
                &theirs,
                ours,
                n,
            ),
        };
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let mut message = text.into_bytes();
        mutate(&mut random, &mut message);
        uas.socket.send_to(&message, at).await.unwrap();
        while desk.incoming.try_recv().is_ok() {}
        if n % 50 == 0 {
            answers(&mut uas, at, &format!("mutation {n}")).await;
        }
    }
    answers(&mut uas, at, "the last").await;
    drop(call);
    let mut call = desk.dial();
    let is_new = |message: &Message| {
        message.kind() == "INVITE" && message.header("Call-ID") != invite.header("Call-ID")
    };
    let invite = uas.take_where("a call afterwards", is_new).await;
    uas.reply(&invite, "180 Ringing", "c", "", "").await;
    uas.reply(&invite, "200 OK", "c", "", &sound(9)).await;
    call.expect(&[Ringing, Answered]).await;
    let panics = PANICS.lock().unwrap().clone();
    assert!(panics.is_empty(), "{panics:?}");
}

/// Whether we still answer whoever asks: what came before is read by then.
async fn answers(uas: &mut Uas, at: SocketAddr, after: &str) {
    let own = uas.address();
    let name: String = after.chars().filter(char::is_ascii_alphanumeric).collect();
    let text = format!(
        "OPTIONS sip:x@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKafter{name};rport\r\n\
         From: <sip:x@{own}>;tag=1\r\nTo: <sip:x@{at}>\r\nCall-ID: after-{name}\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    uas.send(&text, at).await;
    let call = format!("after-{name}");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let left = deadline - tokio::time::Instant::now();
        let message = uas.any(left).await;
        let message = message.unwrap_or_else(|| panic!("no answer any more after {after}"));
        if message.header("Call-ID") == call {
            return;
        }
    }
}
