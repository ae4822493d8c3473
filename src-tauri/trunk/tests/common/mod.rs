//! Two phones, or one and a bare socket, in one thread: what is sent over loopback is there at once, so
//! nothing waits.
#![allow(dead_code, reason = "each test uses some of it")]

mod tone;

pub use tone::strength;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use media::{LeadMedia, LeadMix};
use mix::{FRAME_SAMPLES, Frame, SILENCE};
use trunk::phone::{HoldSound, PhoneControl, PhoneMedia, PhoneReport, Ports, phone, sdes_key};
use trunk::sdp::{self, Local, MediaDirection, Negotiated};
use voice::{Codec, Encoder, EncoderSettings, JitterBuffer, JitterSettings, MAX_PACKET_BYTES};

pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const TICK: Duration = Duration::from_millis(20);
/// What a held lead hears.
pub const HOLD_HZ: f32 = 330.0;

/// Test programs run beside each other, each in a range of its own.
pub static PORTS: LazyLock<Ports> = LazyLock::new(|| {
    let base = 20_000 + (std::process::id() % 90) as u16 * 100;
    Ports::new(HERE, base..=base + 99)
});

pub static HOLD: LazyLock<Arc<HoldSound>> = LazyLock::new(|| {
    let mut tone = Tone::new(HOLD_HZ);
    let samples: Vec<i16> = (0..50).flat_map(|_| tone.frame()).collect();
    Arc::new(HoldSound::music(&samples).unwrap())
});

/// A sine.
pub struct Tone {
    hz: f32,
    at: usize,
}

impl Tone {
    pub fn new(hz: f32) -> Self {
        Self { hz, at: 0 }
    }

    pub fn frame(&mut self) -> Frame {
        let mut frame = SILENCE;
        for sample in &mut frame {
            let angle = self.at as f32 * self.hz * std::f32::consts::TAU / 48_000.0;
            *sample = (angle.sin() * 8000.0) as i16;
            self.at = (self.at + 1) % 48_000;
        }
        frame
    }
}

/// One phone with an ear.
pub struct End {
    pub control: PhoneControl,
    pub media: PhoneMedia,
    pub buffer: JitterBuffer,
    pub tone: Tone,
    /// What is said before the tone.
    pub words: VecDeque<Frame>,
    pub encoder: Encoder,
    pub local: Local,
    pub ticks: u32,
    /// Packets that it was spoken to in.
    pub spoken: Vec<(u16, u32, Codec, Vec<u8>)>,
    pub heard: Vec<i16>,
    pub keys: String,
}

impl End {
    pub fn new(hz: f32, codecs: &[Codec], encrypted: bool) -> Self {
        let pair = PORTS.take().unwrap();
        let local = Local {
            address: HERE,
            port: pair.rtp_port(),
            session_id: 1,
            version: 1,
            direction: MediaDirection::SendReceive,
            codecs: codecs.to_vec(),
            crypto: encrypted.then(|| sdes_key().unwrap()),
        };
        let (control, media) = phone(pair, Arc::clone(&HOLD)).unwrap();
        assert_eq!(control.local_port(), local.port);
        Self {
            control,
            media,
            buffer: JitterBuffer::new(JitterSettings::default()).unwrap(),
            tone: Tone::new(hz),
            words: VecDeque::new(),
            encoder: Encoder::new(&EncoderSettings::default()).unwrap(),
            local,
            ticks: 0,
            spoken: Vec::new(),
            heard: Vec::new(),
            keys: String::new(),
        }
    }

    pub fn now(&self) -> Duration {
        TICK * self.ticks
    }

    /// One tick: says its tone, and hears.
    pub fn tick(&mut self) {
        let frame = match self.words.pop_front() {
            Some(frame) => frame,
            None => self.tone.frame(),
        };
        let mut packet = [0; MAX_PACKET_BYTES];
        let len = if self.media.hears_opus() {
            self.encoder.encode(&frame, &mut packet).unwrap()
        } else {
            0
        };
        let heard = LeadMix {
            tick: u64::from(self.ticks),
            frame: &frame,
            opus: &packet[..len],
        };
        let now = self.now();
        self.ticks += 1;
        let Self { buffer, spoken, .. } = self;
        self.media.tick(now, heard, &mut |packet| {
            assert_eq!(packet.mode, None);
            let payload = packet.payload.to_vec();
            spoken.push((packet.sequence, packet.timestamp, packet.codec, payload));
            buffer.push(now, packet);
        });
        self.heard.extend(self.buffer.pull(now).frame);
    }

    pub fn report(&mut self) -> PhoneReport {
        let report = self.control.report();
        self.keys += &report.keys;
        report
    }

    /// What was heard in the last second.
    pub fn last_second(&self) -> &[i16] {
        &self.heard[self.heard.len() - 50 * FRAME_SAMPLES..]
    }

    pub fn hears(&self, hz: f32) -> f32 {
        strength(self.last_second(), hz)
    }
}

/// Lets the first offer and the second answer, and tells both what they came to.
pub fn negotiate(first: &mut End, second: &mut End) -> (Negotiated, Negotiated) {
    let offer = sdp::parse(sdp::offer(&first.local).as_bytes()).unwrap();
    let (text, at_second) = sdp::answer(&second.local, &offer).unwrap();
    let answer = sdp::parse(text.as_bytes()).unwrap();
    let at_first = sdp::accept(&first.local, &answer).unwrap();
    first.control.negotiated(at_first).unwrap();
    second.control.negotiated(at_second).unwrap();
    (at_first, at_second)
}

/// Two phones in a call.
pub fn call(codecs: &[Codec], encrypted: bool) -> (End, End) {
    let mut first = End::new(440.0, codecs, encrypted);
    let mut second = End::new(1000.0, codecs, encrypted);
    negotiate(&mut first, &mut second);
    first.control.answered();
    second.control.answered();
    (first, second)
}

pub fn run(first: &mut End, second: &mut End, ticks: usize) {
    for _ in 0..ticks {
        first.tick();
        second.tick();
    }
}

/// A bare socket on loopback, that does not block.
pub fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((HERE, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// What has come to a bare socket.
pub fn received(socket: &UdpSocket) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut buffer = [0; 2048];
    std::iter::from_fn(|| {
        let (len, from) = socket.recv_from(&mut buffer).ok()?;
        Some((from, buffer[..len].to_vec()))
    })
    .collect()
}
