//! A telephone in memory: it speaks and pauses, and what it sends goes through a jitter buffer. Its
//! numbers wrap soon after it starts.

use super::*;
use crate::Law;

const RATE: f64 = 48_000.0;

/// A packet on its way.
#[derive(Clone)]
pub(super) struct Sent {
    pub at: Duration,
    codec: Codec,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Vec<u8>,
}

impl Sent {
    pub fn packet(&self) -> Packet<'_> {
        Packet {
            codec: self.codec,
            sequence: self.sequence,
            timestamp: self.timestamp,
            mode: None,
            payload: &self.payload,
        }
    }
}

/// A sender whose clock runs in samples at 48 kHz.
pub(super) struct Phone {
    pub samples: usize,
    pub sequence: u16,
    pub sent: Vec<Sent>,
}

impl Phone {
    pub fn new() -> Self {
        Self {
            samples: 0,
            sequence: 65_530,
            sent: Vec::new(),
        }
    }

    /// Sends a packet that lasts so long, at its end.
    pub fn send(&mut self, codec: Codec, payload: Vec<u8>, duration_ms: usize) {
        let end = self.samples + duration_ms * 48;
        self.sent.push(Sent {
            at: Duration::from_micros(end as u64 * 125 / 6),
            codec,
            sequence: self.sequence,
            timestamp: (u32::MAX - 20_000).wrapping_add(self.samples as u32),
            payload,
        });
        self.sequence = self.sequence.wrapping_add(1);
        self.samples = end;
    }

    /// Speaks for so many packets, in a wave of its own time at 8 kHz.
    pub fn speak(
        &mut self,
        law: Law,
        packets: usize,
        duration_ms: usize,
        wave: impl Fn(usize) -> i16,
    ) {
        for _ in 0..packets {
            let from = self.samples / 6;
            let payload = (from..from + duration_ms * 8)
                .map(|n| law.encode(wave(n)))
                .collect();
            self.send(codec(law), payload, duration_ms);
        }
    }

    /// Says that a pause begins, which lasts so long.
    pub fn pause(&mut self, level: u8, duration_ms: usize) {
        self.send(Codec::ComfortNoise, vec![level], 0);
        self.samples += duration_ms * 48;
    }
}

pub(super) fn codec(law: Law) -> Codec {
    match law {
        Law::A => Codec::Pcma,
        Law::Mu => Codec::Pcmu,
    }
}

pub(super) fn narrow_tone(hz: f64, amplitude: f64) -> impl Fn(usize) -> i16 {
    move |n| (amplitude * (std::f64::consts::TAU * hz * n as f64 / 8_000.0).sin()) as i16
}

pub(super) struct Played {
    pub wave: Vec<i16>,
    pub kinds: Vec<Kind>,
    pub stats: JitterStats,
}

impl Played {
    pub fn frames(&self, frames: std::ops::Range<usize>) -> &[i16] {
        &self.wave[frames.start * FRAME_SAMPLES..frames.end * FRAME_SAMPLES]
    }
}

/// Pulls so many frames, the first at `phase`, while packets come after the delay that `delay` says.
pub(super) fn play(
    sent: &[Sent],
    frames: u64,
    phase: Duration,
    delay: impl Fn(usize) -> Option<Duration>,
) -> Played {
    play_through(buffer(), sent, frames, phase, delay)
}

/// The same with a buffer of one's own.
pub(super) fn play_through(
    mut buffer: JitterBuffer,
    sent: &[Sent],
    frames: u64,
    phase: Duration,
    delay: impl Fn(usize) -> Option<Duration>,
) -> Played {
    let mut arrivals: Vec<_> = sent
        .iter()
        .enumerate()
        .filter_map(|(index, packet)| Some((packet.at + delay(index)?, packet)))
        .collect();
    arrivals.sort_by_key(|(at, _)| *at);
    let mut arrivals = arrivals.into_iter().peekable();
    let (mut wave, mut kinds) = (Vec::new(), Vec::new());
    for tick in 0..frames {
        let now = phase + ms(20 * tick);
        while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= now) {
            buffer.push(at, &packet.packet());
        }
        let pulled = buffer.pull(now);
        assert_eq!(pulled.mode, None);
        wave.extend(pulled.frame);
        kinds.push(pulled.kind);
    }
    Played {
        wave,
        kinds,
        stats: buffer.stats(),
    }
}

pub(super) fn at_once(_: usize) -> Option<Duration> {
    Some(Duration::ZERO)
}

pub(super) fn amplitude_of(hz: f64, wave: &[i16]) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in wave.iter().enumerate() {
        let phase = std::f64::consts::TAU * hz * n as f64 / RATE;
        re += f64::from(sample) * phase.cos();
        im += f64::from(sample) * phase.sin();
    }
    2.0 * re.hypot(im) / wave.len() as f64
}

pub(super) fn steepest(wave: &[i16]) -> f64 {
    wave.windows(2)
        .map(|pair| (f64::from(pair[1]) - f64::from(pair[0])).abs())
        .fold(0.0, f64::max)
}

/// How far a tone moves from one sample to the next at most.
pub(super) fn slope(hz: f64, amplitude: f64) -> f64 {
    amplitude * std::f64::consts::TAU * hz / RATE
}
