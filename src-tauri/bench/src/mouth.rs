//! A mouth that says something at known times, an ear that keeps what it heard and when, and how long
//! it took from one to the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mix::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};
use voice::{Encoder, EncoderSettings, JitterBuffer, JitterSettings, MAX_PACKET_BYTES, Packet};

use crate::error::BenchError;

const FRAME: Duration = Duration::from_millis(FRAME_MS);
const RATE: usize = SAMPLE_RATE_HZ as usize;
/// No delay is longer than this, or it is not found.
const DELAY_MAX: Duration = Duration::from_millis(600);

/// Says speech over and over, one frame every 20 ms from its start. A frame's first sample is
/// captured 20 ms before the frame is complete and sent.
pub struct Mouth {
    words: Words,
    started: Instant,
    sent: u32,
}

/// Encoded as they are said, or beforehand where many mouths say the same.
pub enum Words {
    /// Encoded as they are said.
    Live {
        said: Arc<[Frame]>,
        encoder: Box<Encoder>,
    },
    /// Encoded beforehand.
    Ready(Arc<[Arc<[u8]>]>),
}

impl Words {
    pub fn live(said: Arc<[Frame]>, settings: &EncoderSettings) -> Result<Self, BenchError> {
        let encoder = Encoder::new(settings).map_err(BenchError::unexpected("an encoder"))?;
        Ok(Self::Live {
            said,
            encoder: Box::new(encoder),
        })
    }
}

impl Mouth {
    /// Speaks from now on.
    pub fn new(words: Words) -> Self {
        Self {
            words,
            started: Instant::now(),
            sent: 0,
        }
    }

    /// Begins again at `now`, as if it had just opened.
    pub fn start(&mut self, now: Instant) {
        self.started = now;
        self.sent = 0;
    }

    /// When the capture of the first sample began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Whether it encodes as it speaks.
    pub fn is_live(&self) -> bool {
        matches!(self.words, Words::Live { .. })
    }

    /// When the next frame is complete.
    pub fn due(&self) -> Instant {
        self.started + FRAME * (self.sent + 1)
    }

    /// The next frame as a packet, with its number.
    pub fn speak(&mut self) -> Result<(u32, Arc<[u8]>), BenchError> {
        let number = self.sent;
        self.sent += 1;
        let at = number as usize;
        let packet = match &mut self.words {
            Words::Ready(packets) => packets.get(at % packets.len().max(1)).cloned(),
            Words::Live { said, encoder } => match said.get(at % said.len().max(1)) {
                None => None,
                Some(frame) => {
                    let mut packet = [0; MAX_PACKET_BYTES];
                    let len = encoder
                        .encode(frame, &mut packet)
                        .map_err(BenchError::unexpected("a packet"))?;
                    Some(packet[..len].into())
                }
            },
        };
        packet
            .map(|packet| (number, packet))
            .ok_or_else(|| BenchError::Unexpected("nothing to say".into()))
    }
}

/// A jitter buffer before a loudspeaker whose clock takes 20 ms every 20 ms, and what it played.
pub struct Ear {
    buffer: JitterBuffer,
    epoch: Instant,
    played_from: Instant,
    track: Vec<i16>,
    /// Frames that were fetched over 5 ms late: the measuring thread was held up.
    pub late: u32,
}

/// Later than this, a frame would have missed a sound card's period.
const LATE: Duration = Duration::from_millis(5);

impl Ear {
    /// Plays from `from` on. Clocks of ears are shifted against each other, as those of people are.
    pub fn new(from: Instant) -> Result<Self, BenchError> {
        let buffer = JitterBuffer::new(JitterSettings::default())
            .map_err(BenchError::unexpected("a jitter buffer"))?;
        Ok(Self {
            buffer,
            epoch: from,
            played_from: from,
            track: Vec::new(),
            late: 0,
        })
    }

    /// Takes a packet that came at `now`.
    pub fn push(&mut self, now: Instant, sequence: u16, timestamp: u32, payload: &[u8]) {
        let packet = Packet {
            codec: voice::Codec::Opus,
            sequence,
            timestamp,
            mode: None,
            payload,
        };
        self.buffer
            .push(now.saturating_duration_since(self.epoch), &packet);
    }

    /// When the next frame is to be played.
    pub fn due(&self) -> Instant {
        self.played_from
            + FRAME * u32::try_from(self.track.len() / FRAME_SAMPLES).unwrap_or(u32::MAX)
    }

    /// Plays a frame: its first sample leaves at [`Ear::due`], by the loudspeaker's clock.
    pub fn play(&mut self, now: Instant) {
        let due = self.due();
        self.late += u32::from(now.saturating_duration_since(due) > LATE);
        let pulled = self.buffer.pull(due.saturating_duration_since(self.epoch));
        self.track.extend_from_slice(pulled.frame);
    }

    /// Forgets what was played so far.
    pub fn restart(&mut self) {
        self.played_from = self.due();
        self.track.clear();
        self.late = 0;
    }

    /// What was played and when its first sample was.
    pub fn heard(&self) -> Track {
        Track {
            from: self.played_from,
            samples: self.track.clone(),
        }
    }
}

/// Samples with the moment of the first.
#[derive(Debug, Clone)]
pub struct Track {
    /// When the first sample was at the loudspeaker.
    pub from: Instant,
    /// All of them, 48 kHz mono.
    pub samples: Vec<i16>,
}

/// The delay in milliseconds of each second of speech that is found in `heard`, and how many seconds
/// were searched for. `find` gives the place in seconds at which a piece is in a track.
pub fn delays_ms(
    said: &[Frame],
    said_from: Instant,
    heard: &Track,
    find: impl Fn(&[i16], &[i16]) -> Option<f64>,
) -> (Vec<f64>, usize) {
    let words: Vec<i16> = said.iter().flatten().copied().collect();
    let (mut delays, mut searched) = (Vec::new(), 0);
    // Whole pieces, the same ones whatever the phase of the ear.
    let first = heard.from.saturating_duration_since(said_from).as_secs() + 1;
    for second in first.. {
        let start = said_from + Duration::from_secs(second);
        let at = (start.saturating_duration_since(heard.from).as_secs_f64() * RATE as f64).round()
            as usize;
        let window = at..at + RATE + (DELAY_MAX.as_secs_f64() * RATE as f64) as usize;
        let Some(track) = heard.samples.get(window) else {
            break;
        };
        let in_words = second as usize * RATE % words.len().max(1);
        let Some(piece) = words.get(in_words..in_words + RATE) else {
            continue;
        };
        searched += 1;
        if let Some(lag_s) = find(piece, track) {
            delays.push(lag_s * 1000.0);
        }
    }
    (delays, searched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_between_what_was_said_and_heard_is_found() {
        let words: Vec<Frame> = (0..150)
            .map(|frame| {
                std::array::from_fn(|at| ((frame * FRAME_SAMPLES + at) * 7919 % 20_011) as i16)
            })
            .collect();
        let samples: Vec<i16> = words.iter().flatten().copied().collect();
        let said_from = Instant::now();
        // Heard 70 ms after it was said, by an ear that opened 1.5 s in.
        let from = said_from + Duration::from_millis(1500);
        let delay = RATE * 70 / 1000;
        let heard = (0..RATE * 4)
            .map(|at| samples[(at + RATE * 3 / 2 - delay) % samples.len()])
            .collect();
        let exact = |piece: &[i16], track: &[i16]| {
            let lag = track
                .windows(piece.len())
                .position(|window| window == piece)?;
            Some(lag as f64 / RATE as f64)
        };
        let (delays, searched) = delays_ms(
            &words,
            said_from,
            &Track {
                from,
                samples: heard,
            },
            exact,
        );
        assert_eq!(searched, 2);
        for delay in &delays {
            assert!((delay - 70.0).abs() < 0.1, "{delay}");
        }
        assert_eq!(delays.len(), 2);
    }
}
