//! Comfort noise (RFC 3389): what is heard in a pause of which the sender told how loud it is.

/// Louder is no comfort: a sender that asks for more gets this, in dB below overload.
const LEVEL_MIN: u8 = 30;
/// How much of each sample goes on in the next: the noise of a room is dull.
const DULL: f32 = 0.5;

/// Low noise, the same in each run.
pub(super) struct Noise {
    state: u32,
    last: f32,
    /// The greatest deviation of a sample, before it is dulled.
    amplitude: f32,
}

impl Noise {
    pub const fn new() -> Self {
        Self {
            state: 0x9E37_79B9,
            last: 0.0,
            amplitude: 0.0,
        }
    }

    /// Takes the level from a payload: the low seven bits of its first byte are dB below overload.
    /// The coefficients of the spectrum that may follow are optional to heed (RFC 3389 §3.2), and
    /// are not heeded.
    pub fn set_level(&mut self, payload: &[u8]) {
        let level = payload.first().map_or(0x7F, |level| level & 0x7F);
        let level_db = f32::from(level.max(LEVEL_MIN));
        let rms = 32_768.0 * 10_f32.powf(-level_db / 20.0);
        // Uniform noise is √3 times as high as its RMS; dulling takes 1 − DULL² of its power.
        self.amplitude = rms * (3.0 * (1.0 - DULL * DULL)).sqrt();
    }

    /// Fills `out` with noise at that level.
    pub fn fill(&mut self, out: &mut [i16]) {
        for sample in out {
            // Marsaglia's xorshift.
            self.state ^= self.state << 13;
            self.state ^= self.state >> 17;
            self.state ^= self.state << 5;
            let uniform = (self.state >> 8) as f32 / (1 << 23) as f32 - 1.0;
            self.last = DULL * self.last + self.amplitude * uniform;
            *sample = self.last.round() as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rms;

    #[test]
    fn noise_has_the_level_that_was_told() {
        for (byte, level_db) in [(40, -40.0), (0x80 | 55, -55.0), (70, -70.0), (0, -30.0)] {
            let mut noise = Noise::new();
            noise.set_level(&[byte, 1, 2, 3]);
            let mut out = [0; 8_000];
            noise.fill(&mut out);
            let heard_db = 20.0 * (rms(&out) / 32_768.0).log10();
            assert!((heard_db - level_db).abs() < 0.5, "{byte}: {heard_db:.1}");
        }
    }

    #[test]
    fn the_lowest_level_and_no_level_are_silence() {
        for payload in [&[0x7F][..], &[0xFF, 0], &[]] {
            let mut noise = Noise::new();
            noise.set_level(payload);
            let mut out = [9; 160];
            noise.fill(&mut out);
            assert_eq!(out, [0; 160]);
        }
    }
}
