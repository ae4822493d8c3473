//! A client: str0m as the offering, controlling side. One thread drives all of a test's clients.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use media::{Stamp, stamp_extension};
use mix::Mode;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use voice::{Encoder, MAX_PACKET_BYTES, packet_has_lbrr};
use wire::{MediaOffer, MediaTracks};

use super::sound::{Ring, Sound, Tone, encoder};

/// An offer that waits for its answer.
pub struct Offer {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    mids: Vec<Mid>,
    sdp: String,
    pending: SdpPendingOffer,
}

impl Offer {
    pub fn new() -> Self {
        Self::of(1)
    }

    /// With a track for each mode: whispers on the first, barges on the second.
    pub fn by_track() -> Self {
        Self::of(2)
    }

    fn of(tracks: usize) -> Self {
        let (socket, local) = bind();
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .clear_extension_map()
            // Other numbers than the service's own: it must take ours.
            .set_extension(3, Extension::AudioLevel)
            .set_extension(7, stamp_extension())
            .set_extension(9, Extension::RtpMid)
            // As clients do.
            .set_rtcp_report_interval_audio(Duration::from_secs(1))
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        let mut change = rtc.sdp_api();
        let mids = (0..tracks)
            .map(|track| {
                let direction = if track == 0 {
                    Direction::SendRecv
                } else {
                    Direction::SendOnly
                };
                change.add_media(MediaKind::Audio, direction, None, None, None)
            })
            .collect();
        let (offer, pending) = change.apply().unwrap();
        Self {
            rtc,
            socket,
            local,
            mids,
            sdp: offer.to_sdp_string(),
            pending,
        }
    }

    pub fn sdp(&self) -> String {
        self.sdp.clone()
    }

    /// What is sent to the service.
    pub fn offer(&self) -> MediaOffer {
        let tracks = match self.mids[..] {
            [whisper, barge] => Some(MediaTracks {
                whisper: whisper.to_string(),
                barge: barge.to_string(),
            }),
            _ => None,
        };
        MediaOffer {
            sdp: self.sdp(),
            tracks,
        }
    }

    pub fn accept(mut self, answer: &str) -> Client {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc
            .sdp_api()
            .accept_answer(self.pending, answer)
            .unwrap();
        Client {
            rtc: self.rtc,
            socket: self.socket,
            local: self.local,
            senders: self.mids.into_iter().map(Sender::new).collect(),
            source: Tone::default(),
            timestamp: 1_000,
            next_frame: Instant::now(),
            deadline: Instant::now(),
            last_received: None,
            arrived: 0,
            connected: false,
        }
    }
}

/// A negotiated client, to be driven.
pub struct Client {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    senders: Vec<Sender>,
    source: Tone,
    timestamp: u32,
    next_frame: Instant,
    deadline: Instant,
    last_received: Option<u64>,
    /// Packets of sound that came, lost ones included.
    arrived: u64,
    connected: bool,
}

/// One track of a client.
struct Sender {
    mid: Mid,
    encoder: Encoder,
    /// The stamp of the last packet.
    stamp: Option<Mode>,
    sequence: u64,
}

impl Sender {
    fn new(mid: Mid) -> Self {
        Self {
            mid,
            encoder: encoder(),
            stamp: None,
            sequence: 100,
        }
    }
}

/// What a test sees of a client, and tells it.
#[derive(Clone)]
pub struct Peer {
    pub ring: Ring,
    shared: Arc<Shared>,
}

struct Shared {
    say: Mutex<Sound>,
    packets: AtomicU64,
    copies: AtomicU64,
    gaps: AtomicU64,
    /// Of the packets of sound that come, each of this number is lost; 0 for none.
    loses: AtomicU64,
    closed: AtomicBool,
    /// Neither sends nor receives anything, as if its network were gone.
    cut_off: AtomicBool,
    /// Sends everything twice, and bent copies of it.
    noisy: AtomicBool,
    sent: Mutex<Vec<Vec<u8>>>,
}

impl Peer {
    pub fn say(&self, sound: Sound) {
        *self.shared.say.lock().unwrap() = sound;
    }

    pub fn packets(&self) -> u64 {
        self.shared.packets.load(Ordering::Acquire)
    }

    /// Packets that carried a copy of the frame before them.
    pub fn copies(&self) -> u64 {
        self.shared.copies.load(Ordering::Acquire)
    }

    /// Loses every such packet of sound that comes, or none (0).
    pub fn loses_every(&self, nth: u64) {
        self.shared.loses.store(nth, Ordering::Release);
    }

    /// Sequence numbers that were skipped on the way here.
    pub fn gaps(&self) -> u64 {
        self.shared.gaps.load(Ordering::Acquire)
    }

    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    pub fn cut_off(&self, cut_off: bool) {
        self.shared.cut_off.store(cut_off, Ordering::Release);
    }

    pub fn noisy(&self, noisy: bool) {
        self.shared.noisy.store(noisy, Ordering::Release);
    }

    /// Datagrams that it sent lately.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.shared.sent.lock().unwrap().clone()
    }
}

type Clients = Arc<Mutex<Vec<(Client, Peer)>>>;

/// All clients of a test.
pub struct Peers {
    clients: Clients,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peers {
    pub fn new() -> Self {
        let clients = Clients::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (driven, stopped) = (Arc::clone(&clients), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                let mut clients = driven.lock().unwrap();
                for (client, peer) in clients.iter_mut() {
                    client.turn(peer);
                }
                drop(clients);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self {
            clients,
            stop,
            thread: Some(thread),
        }
    }

    pub fn add(&self, client: Client, say: Sound) -> Peer {
        let peer = Peer {
            ring: Ring::default(),
            shared: Arc::new(Shared {
                say: Mutex::new(say),
                packets: AtomicU64::new(0),
                copies: AtomicU64::new(0),
                loses: AtomicU64::new(0),
                gaps: AtomicU64::new(0),
                closed: AtomicBool::new(false),
                cut_off: AtomicBool::new(false),
                noisy: AtomicBool::new(false),
                sent: Mutex::new(Vec::new()),
            }),
        };
        self.clients.lock().unwrap().push((client, peer.clone()));
        peer
    }

    /// Makes another offer for a peer's connection, with new credentials, as a browser does after
    /// `restartIce()`.
    pub fn restart_ice(&self, peer: &Peer) -> Restart {
        self.with(peer, |client| {
            let mut change = client.rtc.sdp_api();
            change.ice_restart(true);
            let (offer, pending) = change.apply().unwrap();
            Restart {
                sdp: offer.to_sdp_string(),
                pending,
            }
        })
    }

    /// Takes the answer to it.
    pub fn accept(&self, peer: &Peer, restart: Restart, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.with(peer, |client| {
            let api = client.rtc.sdp_api();
            api.accept_answer(restart.pending, answer).unwrap();
            client.deadline = Instant::now();
        });
    }

    /// The peer's machine changes its network: what it had is gone at once, and it has another address.
    pub fn change_network(&self, peer: &Peer) {
        self.with(peer, |client| {
            let (socket, local) = bind();
            let candidate = |address| Candidate::host(address, "udp").unwrap();
            let before = candidate(client.local);
            client.rtc.direct_api().invalidate_candidate(&before);
            client.rtc.add_local_candidate(candidate(local));
            (client.socket, client.local) = (socket, local);
        });
    }

    fn with<T>(&self, peer: &Peer, run: impl FnOnce(&mut Client) -> T) -> T {
        let mut clients = self.clients.lock().unwrap();
        let mut clients = clients.iter_mut();
        let found = clients.find(|(_, of)| Arc::ptr_eq(&of.shared, &peer.shared));
        run(&mut found.unwrap().0)
    }
}

/// Another offer that waits for its answer.
pub struct Restart {
    pub sdp: String,
    pending: SdpPendingOffer,
}

fn bind() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let local = socket.local_addr().unwrap();
    (socket, local)
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Client {
    fn turn(&mut self, peer: &Peer) {
        let cut_off = peer.shared.cut_off.load(Ordering::Acquire);
        let mut buffer = [0; 2048];
        loop {
            let (len, source) = match self.socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => continue,
            };
            if cut_off || self.is_lost(&buffer[..len], peer) {
                continue;
            }
            let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, &buffer[..len])
            else {
                continue;
            };
            let _ = self
                .rtc
                .handle_input(Input::Receive(Instant::now(), receive));
            self.drain(peer);
        }
        let now = Instant::now();
        if now >= self.deadline {
            let _ = self.rtc.handle_input(Input::Timeout(now));
            self.drain(peer);
        }
        // After a hitch of the test's machine it goes on from now.
        if now > self.next_frame + Duration::from_millis(200) {
            self.next_frame = now;
        }
        while self.connected && now >= self.next_frame {
            self.next_frame += Duration::from_millis(20);
            self.speak(now, peer);
        }
        if !self.rtc.is_alive() {
            peer.shared.closed.store(true, Ordering::Release);
        }
    }

    fn is_lost(&mut self, datagram: &[u8], peer: &Peer) -> bool {
        // RTP, and not RTCP (RFC 7983 §7, RFC 5761 §4).
        let [128..=191, second, ..] = datagram else {
            return false;
        };
        if (64..=95).contains(&(second & 0x7f)) {
            return false;
        }
        self.arrived += 1;
        let nth = peer.shared.loses.load(Ordering::Acquire);
        nth > 0 && self.arrived.is_multiple_of(nth)
    }

    fn speak(&mut self, now: Instant, peer: &Peer) {
        self.timestamp = self.timestamp.wrapping_add(960);
        let sound = *peer.shared.say.lock().unwrap();
        let Some(tone) = sound.tone else {
            return;
        };
        let mut out = [0; MAX_PACKET_BYTES];
        let frame = self.source.frame(tone);
        let sender = &mut self.senders[sound.track];
        // A client that stamps resets its encoder at each switch: an encoder remembers.
        if sender.stamp != sound.stamp {
            sender.stamp = sound.stamp;
            sender.encoder.reset();
        }
        let len = sender.encoder.encode(&frame, &mut out).unwrap();
        let mut values = ExtensionValues::default();
        if let Some(mode) = sound.stamp {
            values.user_values.set(Stamp(mode));
        }
        let pt = self.rtc.codec_config().params()[0].pt();
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(sender.mid, None) else {
            return;
        };
        let (sequence, packet) = (sender.sequence.into(), &out[..len]);
        let packet = RtpWrite::new(pt, sequence, self.timestamp, now, packet);
        stream.write_rtp(packet.ext_vals(values));
        sender.sequence += 1;
        let _ = self.rtc.handle_input(Input::Timeout(now));
        self.drain(peer);
    }

    fn drain(&mut self, peer: &Peer) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.deadline = at;
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    if !peer.shared.cut_off.load(Ordering::Acquire) {
                        self.send(peer, transmit.destination, &transmit.contents);
                    }
                }
                Ok(Output::Event(Event::Connected)) => self.connected = true,
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    let sequence = *packet.seq_no;
                    if let Some(last) = self.last_received.replace(sequence) {
                        let gap = sequence.saturating_sub(last + 1);
                        peer.shared.gaps.fetch_add(gap, Ordering::AcqRel);
                    }
                    peer.ring.hear(&packet.payload);
                    let copies = u64::from(packet_has_lbrr(&packet.payload));
                    peer.shared.copies.fetch_add(copies, Ordering::AcqRel);
                    peer.shared.packets.fetch_add(1, Ordering::AcqRel);
                }
                Ok(Output::Event(_)) => {}
                Err(_) => return,
            }
        }
    }

    fn send(&self, peer: &Peer, destination: SocketAddr, datagram: &[u8]) {
        let _ = self.socket.send_to(datagram, destination);
        if peer.shared.noisy.load(Ordering::Acquire) {
            let mut bent = datagram.to_vec();
            if let Some(byte) = bent.last_mut() {
                *byte ^= 0x55;
            }
            let half = &datagram[..datagram.len() / 2];
            for copy in [datagram, &bent, half, &datagram[..1]] {
                let _ = self.socket.send_to(copy, destination);
            }
        }
        let mut sent = peer.shared.sent.lock().unwrap();
        if sent.len() >= 200 {
            sent.remove(0);
        }
        sent.push(datagram.to_vec());
    }
}
