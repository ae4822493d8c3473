//! The far end of a trunk, with a telephone for every call: just enough SIP over UDP for a call that is
//! answered at once (RFC 3261), and sound in G.711 A-law both ways.
//!
//! One thread serves all and only counts what it hears, since it shares the machine with the service.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mix::FRAME_MS;
use trunk::rtp::{HEADER_BYTES, RtpHeader};
use voice::{G711_PACKET_BYTES, G711Encoder, Law};

use crate::batch::Batch;
use crate::error::BenchError;
use crate::speech;
use crate::tally::{Tally, rtp_header};

const FRAME: Duration = Duration::from_millis(FRAME_MS);
/// How often due packets are sent and signalling is answered.
const TURN: Duration = Duration::from_millis(5);
/// Each telephone's socket is emptied once in this many turns: it holds far more.
const TURNS: usize = 32;
/// The length of what each says over and over.
const SPEECH_S: u32 = 20;
/// The static payload type of A-law (RFC 3551 §6).
const PCMA: u8 = 8;
/// More than any measurement needs.
const PHONES_MAX: usize = 4096;
const MESSAGE_BYTES_MAX: usize = 4096;

/// What all telephones sent and received since the last restart.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PhoneTraffic {
    /// Telephones in a call.
    pub phones: usize,
    /// Packets sent by all together.
    pub sent: u64,
    /// The fewest packets received by one of them.
    pub received_min: u64,
    /// Packets missing by sequence number, all together.
    pub missing: u64,
}

enum Order {
    Restart,
    Report(Sender<PhoneTraffic>),
}

/// A handle to the thread; it ends when this is dropped.
pub struct Callee {
    /// Where it takes calls.
    pub port: u16,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Callee {
    /// Starts it without calls.
    pub fn start() -> Result<Self, BenchError> {
        let sip = socket()?;
        let address = sip.local_addr();
        let port = address
            .map_err(BenchError::system("read an address"))?
            .port();
        let mut encoder =
            G711Encoder::new(Law::A).map_err(BenchError::unexpected("an encoder of G.711"))?;
        let words = speech::speech(1, SPEECH_S)
            .iter()
            .map(|frame| encoder.encode(frame))
            .collect();
        let (orders, taken) = channel();
        let mut desk = Desk {
            sip,
            port,
            words,
            phones: BTreeMap::new(),
        };
        let thread = std::thread::spawn(move || desk.run(&taken));
        Ok(Self {
            port,
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// Counts from now on.
    pub fn restart(&self) -> Result<(), BenchError> {
        self.order(Order::Restart)
    }

    pub fn traffic(&self) -> Result<PhoneTraffic, BenchError> {
        let (answer, answered) = channel();
        self.order(Order::Report(answer))?;
        answered
            .recv()
            .map_err(BenchError::unexpected("the telephones run"))
    }

    fn order(&self, order: Order) -> Result<(), BenchError> {
        let orders = self.orders.as_ref();
        if orders.is_some_and(|orders| orders.send(order).is_ok()) {
            return Ok(());
        }
        Err(BenchError::Unexpected("the telephones have stopped".into()))
    }
}

impl Drop for Callee {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

struct Phone {
    socket: UdpSocket,
    port: u16,
    peer: SocketAddr,
    started: Instant,
    said: u32,
    sent: u64,
    tally: Tally,
}

struct Desk {
    sip: UdpSocket,
    port: u16,
    words: Arc<[[u8; G711_PACKET_BYTES]]>,
    phones: BTreeMap<String, Phone>,
}

impl Desk {
    fn run(&mut self, orders: &Receiver<Order>) {
        let mut batch = Batch::new();
        let mut next_turn = Instant::now();
        for turn in 0_usize.. {
            loop {
                match orders.try_recv() {
                    Ok(Order::Restart) => {
                        self.listen(&mut batch, |_| true);
                        for phone in self.phones.values_mut() {
                            phone.tally.restart();
                            phone.sent = 0;
                        }
                    }
                    Ok(Order::Report(answer)) => {
                        self.listen(&mut batch, |_| true);
                        let _ = answer.send(self.traffic());
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            self.answer();
            self.listen(&mut batch, |at| at % TURNS == turn % TURNS);
            for phone in self.phones.values_mut() {
                phone.speak(&self.words, Instant::now());
            }
            // After a stall the turns go on from now: missed ones are not made up for.
            next_turn = (next_turn + TURN).max(Instant::now());
            std::thread::sleep(next_turn.saturating_duration_since(Instant::now()));
        }
    }

    /// Answers all waiting requests.
    fn answer(&mut self) {
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        loop {
            let (len, from) = match self.sip.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                // What an earlier datagram caused (ICMP).
                Err(_) => continue,
            };
            let reply = std::str::from_utf8(buffer.get(..len).unwrap_or_default())
                .ok()
                .and_then(Request::parse)
                .and_then(|request| self.reply(&request));
            if let Some(reply) = reply {
                // A full buffer loses a datagram, as a network does.
                let _ = self.sip.send_to(reply.as_bytes(), from);
            }
        }
    }

    fn reply(&mut self, request: &Request<'_>) -> Option<String> {
        match request.method {
            "ACK" => None,
            "INVITE" => {
                let known = self.phones.get(request.call_id).map(|phone| phone.port);
                let port = match known {
                    Some(port) => port,
                    None if self.phones.len() >= PHONES_MAX => return None,
                    None => {
                        let phone = Phone::new(request.sound_to()?).ok()?;
                        let port = phone.port;
                        self.phones.insert(request.call_id.to_owned(), phone);
                        port
                    }
                };
                Some(request.ok(self.port, &description(port)))
            }
            "BYE" => {
                self.phones.remove(request.call_id);
                Some(request.ok(self.port, ""))
            }
            _ => Some(request.ok(self.port, "")),
        }
    }

    fn listen(&mut self, batch: &mut Batch, which: impl Fn(usize) -> bool) {
        for (at, phone) in self.phones.values_mut().enumerate() {
            if which(at) {
                let Phone { socket, tally, .. } = phone;
                batch.drain(socket, |datagram, _| {
                    if let Some((header, _)) = rtp_header(datagram) {
                        tally.count(&header);
                    }
                });
            }
        }
    }

    fn traffic(&self) -> PhoneTraffic {
        let phones = self.phones.values();
        PhoneTraffic {
            phones: self.phones.len(),
            sent: phones.clone().map(|phone| phone.sent).sum(),
            received_min: phones
                .clone()
                .map(|phone| phone.tally.received)
                .min()
                .unwrap_or(0),
            missing: phones.map(|phone| phone.tally.missing).sum(),
        }
    }
}

impl Phone {
    fn new(peer: SocketAddr) -> Result<Self, BenchError> {
        let socket = socket()?;
        let local = socket
            .local_addr()
            .map_err(BenchError::system("read an address"))?;
        Ok(Self {
            socket,
            port: local.port(),
            peer,
            started: Instant::now(),
            said: 0,
            sent: 0,
            tally: Tally::default(),
        })
    }

    /// Says what is due, including what a stall missed.
    fn speak(&mut self, words: &[[u8; G711_PACKET_BYTES]], now: Instant) {
        while self.started + FRAME * self.said <= now {
            let number = self.said;
            self.said += 1;
            let Some(word) = words.get(number as usize % words.len().max(1)) else {
                return;
            };
            let mut packet = [0; HEADER_BYTES + G711_PACKET_BYTES];
            let header = RtpHeader {
                marker: false,
                payload_type: PCMA,
                sequence: number as u16,
                timestamp: number.wrapping_mul(G711_PACKET_BYTES as u32),
                ssrc: u32::from(self.port),
            };
            let is_written = header.write(word, &mut packet).is_some();
            let is_sent = is_written && self.socket.send_to(&packet, self.peer).is_ok();
            self.sent += u64::from(is_sent);
        }
    }
}

fn socket() -> Result<UdpSocket, BenchError> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .map_err(BenchError::system("bind a UDP socket"))?;
    socket
        .set_nonblocking(true)
        .map_err(BenchError::system("set a socket"))?;
    Ok(socket)
}

/// Sound both ways, in A-law alone.
fn description(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {PCMA}\r\na=rtpmap:{PCMA} PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}

/// What is needed of a request to answer it.
struct Request<'a> {
    method: &'a str,
    call_id: &'a str,
    lines: Vec<&'a str>,
    body: &'a str,
}

impl<'a> Request<'a> {
    /// `None` if it is not a request.
    fn parse(message: &'a str) -> Option<Self> {
        let (head, body) = message.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let (method, rest) = lines.next()?.split_once(' ')?;
        rest.ends_with("SIP/2.0").then_some(())?;
        let lines: Vec<&str> = lines.collect();
        let call_id = lines.iter().find_map(|line| header(line, "Call-ID"))?;
        Some(Self {
            method,
            call_id,
            lines,
            body,
        })
    }

    /// Where the caller receives sound, from the session description.
    fn sound_to(&self) -> Option<SocketAddr> {
        let mut lines = self.body.lines();
        let address = lines
            .clone()
            .find_map(|line| line.strip_prefix("c=IN IP4 "))?;
        let media = lines.find_map(|line| line.strip_prefix("m=audio "))?;
        let port = media.split(' ').next()?.parse().ok()?;
        Some(SocketAddr::new(IpAddr::V4(address.parse().ok()?), port))
    }

    /// A 200 response (RFC 3261 §8.2.6).
    fn ok(&self, port: u16, body: &str) -> String {
        let mut reply = String::from("SIP/2.0 200 OK\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for line in self
                .lines
                .iter()
                .filter(|line| header(line, name).is_some())
            {
                reply.push_str(line);
                if name == "To" && !line.contains(";tag=") {
                    reply.push_str(";tag=bench");
                }
                reply.push_str("\r\n");
            }
        }
        reply.push_str(&format!("Contact: <sip:127.0.0.1:{port}>\r\n"));
        if !body.is_empty() {
            reply.push_str("Content-Type: application/sdp\r\n");
        }
        reply + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }
}

fn header<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (own, value) = line.split_once(':')?;
    own.trim().eq_ignore_ascii_case(name).then(|| value.trim())
}

#[cfg(test)]
mod tests;
