//! Tones, said and heard.

use std::f64::consts::TAU;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use media::{LeadMedia, LeadMix};
use mix::{FRAME_SAMPLES, Frame, Mode, SILENCE};
use voice::{Decoder, Encoder, EncoderSettings, MAX_PACKET_BYTES};

/// Louder is heard; −20 dB is what is said.
pub const HEARD_DB: f64 = -32.0;
/// Quieter is not; between the two a test fails either way.
pub const SILENT_DB: f64 = -50.0;
/// Samples in which a tone is looked for: 100 ms.
const WINDOW: usize = 4_800;

/// What a client says, and how it stamps it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sound {
    pub tone: Option<f64>,
    pub stamp: Option<Mode>,
    /// On which of its tracks.
    pub track: usize,
}

pub fn silent() -> Sound {
    Sound::default()
}

pub fn unstamped(tone: f64) -> Sound {
    on_track(tone, 0)
}

pub fn on_track(tone: f64, track: usize) -> Sound {
    Sound {
        tone: Some(tone),
        stamp: None,
        track,
    }
}

pub fn stamped(tone: f64, mode: Mode) -> Sound {
    Sound {
        tone: Some(tone),
        stamp: Some(mode),
        track: 0,
    }
}

/// A tone, frame by frame.
#[derive(Default)]
pub struct Tone {
    phase: f64,
}

impl Tone {
    pub fn frame(&mut self, frequency: f64) -> Frame {
        let mut frame = SILENCE;
        for sample in &mut frame {
            *sample = (self.phase.sin() * 3276.8) as i16;
            self.phase = (self.phase + TAU * frequency / 48_000.0) % TAU;
        }
        frame
    }
}

pub fn encoder() -> Encoder {
    Encoder::new(&EncoderSettings {
        complexity: 2,
        fec: false,
        ..EncoderSettings::default()
    })
    .unwrap()
}

/// What one listener has heard since it was last cleared.
#[derive(Clone)]
pub struct Ring(Arc<Mutex<(Decoder, Vec<i16>)>>);

impl Default for Ring {
    fn default() -> Self {
        Self(Arc::new(Mutex::new((Decoder::new().unwrap(), Vec::new()))))
    }
}

impl Ring {
    pub fn hear(&self, opus: &[u8]) {
        let (decoder, heard) = &mut *self.0.lock().unwrap();
        let mut frame = SILENCE;
        if !opus.is_empty() {
            decoder.decode(opus, &mut frame).unwrap();
        }
        heard.extend(frame);
    }

    pub fn clear(&self) {
        self.0.lock().unwrap().1.clear();
    }

    pub fn frames(&self) -> usize {
        self.0.lock().unwrap().1.len() / FRAME_SAMPLES
    }

    /// The loudest that a tone was within any 100 ms, in dB.
    pub fn loudest_db(&self, frequency: f64) -> f64 {
        let windows = self.windows_db(frequency).into_iter();
        windows.fold(-120.0, f64::max)
    }

    /// How loud a tone was within each 100 ms, in dB.
    pub fn windows_db(&self, frequency: f64) -> Vec<f64> {
        let heard = &self.0.lock().unwrap().1;
        let windows = heard.chunks_exact(WINDOW);
        windows.map(|w| tone_db(w, frequency)).collect()
    }

    /// How loud a tone is in the last 100 ms, in dB.
    pub fn now_db(&self, frequency: f64) -> f64 {
        let heard = &self.0.lock().unwrap().1;
        let from = heard.len().saturating_sub(WINDOW);
        tone_db(&heard[from..], frequency)
    }

    pub async fn hears(&self, frequency: f64) {
        let what = format!("{frequency} Hz is heard");
        super::until(&what, || self.now_db(frequency) > HEARD_DB).await;
    }

    pub async fn hears_not(&self, frequency: f64) {
        let what = format!("{frequency} Hz is not heard");
        let silent = || self.frames() > 5 && self.now_db(frequency) < SILENT_DB;
        super::until(&what, silent).await;
    }

    /// Waits until so much more was heard, from now on.
    pub async fn listen(&self, frames: usize) {
        self.clear();
        super::until("so much is heard", || self.frames() >= frames).await;
    }
}

/// How loud a tone is in samples (Goertzel, Hann window), in dB of full scale.
fn tone_db(samples: &[i16], frequency: f64) -> f64 {
    if samples.is_empty() {
        return -120.0;
    }
    let (step, len) = (TAU * frequency / 48_000.0, samples.len() as f64);
    let (mut re, mut im) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let at = at as f64;
        let window = 1.0 - (TAU * at / len).cos();
        let value = f64::from(*sample) / 32_768.0 * window;
        re += value * (step * at).cos();
        im += value * (step * at).sin();
    }
    20.0 * (2.0 * re.hypot(im) / len).max(1e-6).log10()
}

/// A lead who says a tone, and what they hear.
pub struct ToneLead {
    tone: Option<f64>,
    source: Tone,
    encoder: Encoder,
    ring: Ring,
    sequence: u16,
}

impl ToneLead {
    pub fn new(tone: Option<f64>, ring: Ring) -> Self {
        Self {
            tone,
            source: Tone::default(),
            encoder: encoder(),
            ring,
            sequence: 0,
        }
    }
}

impl LeadMedia for ToneLead {
    fn tick(&mut self, _: Duration, heard: LeadMix<'_>, speak: &mut dyn FnMut(&voice::Packet<'_>)) {
        self.ring.hear(heard.opus);
        let Some(tone) = self.tone else {
            return;
        };
        let mut out = [0; MAX_PACKET_BYTES];
        let frame = self.source.frame(tone);
        let len = self.encoder.encode(&frame, &mut out).unwrap();
        self.sequence = self.sequence.wrapping_add(1);
        speak(&voice::Packet {
            codec: voice::Codec::Opus,
            sequence: self.sequence,
            timestamp: (heard.tick as u32).wrapping_mul(FRAME_SAMPLES as u32),
            mode: None,
            payload: &out[..len],
        });
    }
}
