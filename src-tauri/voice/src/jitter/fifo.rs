//! Decoded samples on their way out, all captured in one mode.

use mix::{FRAME_SAMPLES, Frame, Mode};

use super::stretch;
use super::types::Kind;
use crate::opus::PACKET_SAMPLES_MAX;

/// The longest packet on top of less than a frame, one packet more, and a period put in.
const CAPACITY: usize = 2 * PACKET_SAMPLES_MAX + FRAME_SAMPLES + stretch::PERIOD_MAX;
/// Over how many samples a change of gain after something made up is spread, 5 ms.
const RAMP: usize = 240;
/// How alike two periods must be for time scaling.
const LIKENESS_MIN: f64 = 0.75;

pub(super) struct Fifo {
    wave: Box<[i16; CAPACITY]>,
    len: usize,
    mode: Option<Mode>,
    kind: Kind,
    /// The gain that the last sample had.
    gain: f32,
}

impl Fifo {
    pub fn new() -> Self {
        Self {
            wave: Box::new([0; CAPACITY]),
            len: 0,
            mode: None,
            kind: Kind::Idle,
            gain: 0.0,
        }
    }

    pub fn clear(&mut self) {
        self.len = 0;
        self.mode = None;
        self.kind = Kind::Idle;
        self.gain = 0.0;
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// The mode of all samples here; of the last ones when there are none.
    pub fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// Where the samples put in last come from; idle when there are none.
    pub fn kind(&self) -> Kind {
        if self.len == 0 { Kind::Idle } else { self.kind }
    }

    /// Whether what is here is so quiet that no one hears time scaling.
    pub fn is_quiet(&self) -> bool {
        stretch::is_quiet(&self.wave[..self.len])
    }

    /// Puts samples at the end, gliding to `gain`: quickly up, over all of them down. The caller
    /// makes sure that they are of the mode of those before.
    pub fn append(&mut self, wave: &[i16], mode: Option<Mode>, kind: Kind, gain: f32) {
        let Some(room) = self.wave.get_mut(self.len..self.len + wave.len()) else {
            return;
        };
        room.copy_from_slice(wave);
        let ramp = if gain < self.gain {
            wave.len()
        } else {
            RAMP.min(wave.len())
        };
        if self.gain < 1.0 || gain < 1.0 {
            let step = (gain - self.gain) / ramp.max(1) as f32;
            let mut now = self.gain;
            for (index, sample) in room.iter_mut().enumerate() {
                if index < ramp {
                    now += step;
                } else {
                    now = gain;
                }
                *sample = (f32::from(*sample) * now) as i16;
            }
        }
        self.gain = gain;
        self.len += wave.len();
        self.mode = mode;
        self.kind = kind;
    }

    /// Moves one frame into `out`. When there is less, the rest fades away: the last samples are
    /// mirrored, so that the wave goes on without a step.
    pub fn play(&mut self, out: &mut Frame) {
        if self.len >= FRAME_SAMPLES {
            out.copy_from_slice(&self.wave[..FRAME_SAMPLES]);
            self.wave.copy_within(FRAME_SAMPLES..self.len, 0);
            self.len -= FRAME_SAMPLES;
            return;
        }
        let len = self.len;
        out.fill(0);
        out[..len].copy_from_slice(&self.wave[..len]);
        let fade = RAMP.min(len).min(FRAME_SAMPLES - len);
        for step in 0..fade {
            let mirrored = i32::from(self.wave[len - 1 - step]);
            out[len + step] = (mirrored * (fade - step) as i32 / (fade as i32 + 1)) as i16;
        }
        self.len = 0;
        self.gain = 0.0;
    }

    /// Takes one period of at most `period_max` samples out, where the wave allows it.
    pub fn shorten(&mut self, period_max: usize) {
        if let Some(found) = stretch::find(&self.wave[..self.len], period_max)
            && found.likeness >= LIKENESS_MIN
        {
            self.len = stretch::shorten(&mut self.wave[..], self.len, found.period);
        }
    }

    /// Puts one period in, where the wave allows it.
    pub fn lengthen(&mut self) {
        if let Some(found) = stretch::find(&self.wave[..self.len], stretch::PERIOD_MAX)
            && found.likeness >= LIKENESS_MIN
        {
            self.len = stretch::lengthen(&mut self.wave[..], self.len, found.period);
        }
    }
}
