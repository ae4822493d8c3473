//! A SIP end of our own, that says exactly what a test has it say: one UDP socket and text.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::desk::{HERE, LEAD_PHONE, PATIENCE, REP_PHONE};

/// One message, as it came.
#[derive(Debug, Clone)]
pub struct Message {
    pub text: String,
    pub from: SocketAddr,
}

impl Message {
    /// The method of a request, or the status of a response.
    pub fn kind(&self) -> &str {
        let line = self.text.lines().next().unwrap_or_default();
        match line.strip_prefix("SIP/2.0 ") {
            Some(status) => status.split(' ').next().unwrap_or_default(),
            None => line.split(' ').next().unwrap_or_default(),
        }
    }

    /// The URI of a request.
    pub fn uri(&self) -> &str {
        self.text.split(' ').nth(1).unwrap_or_default()
    }

    /// The first header of this name; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        head.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find(|(own, _)| own.trim().eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.trim())
    }

    /// The tag of From or To; empty when there is none.
    pub fn tag(&self, name: &str) -> &str {
        let value = self.header(name);
        let tag = value.split(";tag=").nth(1).unwrap_or_default();
        tag.split(';').next().unwrap_or_default()
    }

    pub fn body(&self) -> &str {
        self.text
            .split_once("\r\n\r\n")
            .map_or("", |(_, body)| body)
    }

    /// The port that RTP is wanted at.
    pub fn media_port(&self) -> u16 {
        let line = self.body().lines().find(|line| line.starts_with("m=audio"));
        let port = line.and_then(|line| line.split(' ').nth(1));
        port.and_then(|port| port.parse().ok()).expect("an offer")
    }

    /// What Contact says is reached.
    pub fn contact(&self) -> &str {
        let value = self.header("Contact");
        let value = value.split_once('<').map_or(value, |(_, uri)| uri);
        value.split('>').next().unwrap_or_default()
    }
}

/// A session description with sound at this port.
pub fn sound(port: u16) -> String {
    sound_at(HERE, port)
}

/// The same, at this address.
pub fn sound_at(address: IpAddr, port: u16) -> String {
    let family = if address.is_ipv6() { "IP6" } else { "IP4" };
    format!(
        "v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}

/// What is said of a body, and the body.
pub fn with_body(body: &str) -> String {
    let kind = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    format!("{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A response to a request. The tag is ours in To, unless there is one.
pub fn response(
    to: &Message,
    status: &str,
    tag: &str,
    lines: &str,
    own: SocketAddr,
    body: &str,
) -> String {
    let tag = if to.tag("To").is_empty() && !tag.is_empty() {
        format!(";tag={tag}")
    } else {
        String::new()
    };
    let contact = if lines.contains("Contact:") {
        String::new()
    } else {
        format!("Contact: <sip:{LEAD_PHONE}@{}>\r\n", own)
    };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         {contact}{lines}{}",
        to.header("Via"),
        to.header("From"),
        to.header("To"),
        to.header("Call-ID"),
        to.header("CSeq"),
        with_body(body),
    )
}

/// Someone with a SIP socket.
pub struct Uas {
    pub socket: UdpSocket,
    pub port: u16,
    /// Every message that came.
    pub seen: Vec<Message>,
    next: u32,
}

impl Uas {
    pub async fn start() -> Self {
        Self::at((HERE, 0).into()).await
    }

    pub async fn at(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        Self {
            socket,
            port,
            seen: Vec::new(),
            next: 1,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// The next message of any kind, unless none comes in this time.
    pub async fn any(&mut self, limit: Duration) -> Option<Message> {
        let mut buffer = [0; 4_096];
        let came = timeout(limit, self.socket.recv_from(&mut buffer)).await;
        let (length, from) = came.ok()?.unwrap();
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let message = Message { text, from };
        self.seen.push(message.clone());
        Some(message)
    }

    /// The next message of this kind; what else comes is passed over.
    pub async fn take(&mut self, kind: &str) -> Message {
        self.take_where(kind, |message| message.kind() == kind)
            .await
    }

    /// The same, for what takes its time.
    pub async fn take_within(&mut self, kind: &str, limit: Duration) -> Message {
        self.take_until(kind, limit, |message| message.kind() == kind)
            .await
    }

    pub async fn take_where(&mut self, what: &str, holds: impl Fn(&Message) -> bool) -> Message {
        self.take_until(what, PATIENCE, holds).await
    }

    async fn take_until(
        &mut self,
        what: &str,
        limit: Duration,
        holds: impl Fn(&Message) -> bool,
    ) -> Message {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let left = deadline - tokio::time::Instant::now();
            let message = self.any(left).await;
            let kinds = || self.seen.iter().map(Message::kind).collect::<Vec<_>>();
            let message = message.unwrap_or_else(|| panic!("never {what}; came: {:?}", kinds()));
            if holds(&message) {
                return message;
            }
        }
    }

    pub async fn send(&self, text: &str, to: SocketAddr) {
        self.socket.send_to(text.as_bytes(), to).await.unwrap();
    }

    /// Replies to a request. The tag is ours in To, unless there is one.
    pub async fn reply(&self, to: &Message, status: &str, tag: &str, lines: &str, body: &str) {
        let text = response(to, status, tag, lines, self.address(), body);
        self.send(&text, to.from).await;
    }

    fn branch(&mut self) -> String {
        self.next += 1;
        format!("z9hG4bKuas{}x{}", self.port, self.next)
    }

    /// Sends a request within the call that this INVITE of theirs began.
    pub async fn request(&mut self, invite: &Message, tag: &str, method: &str, cseq: u32) {
        self.request_with(invite, tag, method, cseq, "").await;
    }

    /// The same, with a session description.
    pub async fn request_with(
        &mut self,
        invite: &Message,
        tag: &str,
        method: &str,
        cseq: u32,
        body: &str,
    ) {
        let rest = with_body(body);
        self.request_saying(invite, tag, method, cseq, &rest).await;
    }

    /// The same, with more lines and any body: all that comes after the usual lines.
    pub async fn request_saying(
        &mut self,
        invite: &Message,
        tag: &str,
        method: &str,
        cseq: u32,
        rest: &str,
    ) {
        let branch = self.branch();
        let text = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch={branch};rport\r\nFrom: {};tag={tag}\r\n\
             To: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n{rest}",
            invite.contact(),
            self.address(),
            invite.header("To"),
            invite.header("From"),
            invite.header("Call-ID"),
        );
        self.send(&text, invite.from).await;
    }

    /// Calls someone. What is sent is given back, as if it had come.
    pub async fn invite(&mut self, to: SocketAddr, lines: &str, body: &str) -> Message {
        let branch = self.branch();
        let (own, port) = (self.address(), self.port);
        let from = if lines.contains("From:") {
            String::new()
        } else {
            format!("From: <sip:{LEAD_PHONE}@{own}>;tag=caller\r\n")
        };
        let text = format!(
            "INVITE sip:{REP_PHONE}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch={branch};rport\r\n\
             {from}To: <sip:{REP_PHONE}@{to}>\r\nCall-ID: {branch}@{port}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:{LEAD_PHONE}@{own}>\r\nMax-Forwards: 70\r\n{lines}{}",
            with_body(body),
        );
        self.send(&text, to).await;
        Message { text, from: to }
    }

    /// Sends CANCEL, or an ACK of a refusal, of our own INVITE: both with its branch.
    pub async fn within_invite(&self, invite: &Message, method: &str, to: &str) {
        let text = format!(
            "{method} {} SIP/2.0\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\n\
             CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            invite.uri(),
            invite.header("Via"),
            invite.header("From"),
            invite.header("Call-ID"),
        );
        self.send(&text, invite.from).await;
    }

    /// Sends a request within the call that our own INVITE began, and this answer confirmed.
    pub async fn caller_request(&mut self, answer: &Message, method: &str, cseq: u32, body: &str) {
        let branch = self.branch();
        let text = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch={branch};rport\r\nFrom: {}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n{}",
            answer.contact(),
            self.address(),
            answer.header("From"),
            answer.header("To"),
            answer.header("Call-ID"),
            with_body(body),
        );
        self.send(&text, answer.from).await;
    }
}

/// A socket that sends back every packet of sound, or says a tone by itself.
pub struct Rtp {
    pub port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Rtp {
    /// Sends back what it hears.
    pub async fn echo() -> Self {
        Self::echo_at(HERE).await
    }

    pub async fn echo_at(address: IpAddr) -> Self {
        let socket = UdpSocket::bind((address, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 2_048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                // Whom it came from may be gone.
                let _ = socket.send_to(&buffer[..length], from).await;
            }
        });
        Self { port, task }
    }

    /// Says a tone in A-law to this port, from now on.
    pub async fn tone(hz: f32, to: u16) -> Self {
        let socket = UdpSocket::bind((HERE, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut encoder = voice::G711Encoder::new(voice::Law::A).unwrap();
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            for sequence in 0_u32.. {
                ticks.tick().await;
                let mut frame = mix::SILENCE;
                for (at, sample) in frame.iter_mut().enumerate() {
                    let at = sequence as usize * mix::FRAME_SAMPLES + at;
                    let angle = at as f64 * f64::from(hz) * std::f64::consts::TAU / 48_000.0;
                    *sample = (angle.sin() * 8_000.0) as i16;
                }
                let mut packet = vec![0x80, 8];
                packet.extend((sequence as u16).to_be_bytes());
                packet.extend((sequence * 160).to_be_bytes());
                packet.extend((u32::from(port) + 1).to_be_bytes());
                packet.extend(encoder.encode(&frame));
                // No one may listen yet.
                let _ = socket.send_to(&packet, (HERE, to)).await;
            }
        });
        Self { port, task }
    }
}

impl Drop for Rtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}
