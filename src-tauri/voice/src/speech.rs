//! Speech to test and demonstrate with: recorded, or synthesized where there is no recording.

use std::f64::consts::{PI, TAU};

use audio_codec::Decoder as _;
use mix::{FRAME_SAMPLES, SAMPLE_RATE_HZ};

use crate::{Resampler, rms};

/// Decodes raw G.722 (64 kbit/s, 16 kHz, no header, as telephone exchanges store their prompts) to
/// 48 kHz mono: six samples for each byte. Every byte decodes to something.
#[must_use]
pub fn decode_g722(bytes: &[u8]) -> Vec<i16> {
    let wide = audio_codec::g722::G722Decoder::new().decode(bytes);
    let mut out = Vec::with_capacity(wide.len() * 3);
    if let Ok(mut resampler) = Resampler::new(16_000, SAMPLE_RATE_HZ) {
        resampler.process(&wide, &mut out);
    }
    out
}

/// Brings the speaking parts of `samples` to `target_dbov` (see [`crate::level_dbov`]), pauses left
/// out of the measure. Never clips: speech whose peaks leave no room stays below the target. Silence
/// stays silence.
pub fn normalized(samples: &mut [i16], target_dbov: f64) {
    let loudest = samples.chunks(FRAME_SAMPLES).map(rms).fold(0.0, f64::max);
    // 30 dB below the loudest frame is a pause.
    let threshold = loudest * 10_f64.powf(-30.0 / 20.0);
    let (mut energy, mut frames) = (0.0, 0_u32);
    for frame in samples.chunks(FRAME_SAMPLES) {
        let rms = rms(frame);
        if rms > threshold {
            energy += rms * rms;
            frames += 1;
        }
    }
    if frames == 0 {
        return;
    }
    let level = (energy / f64::from(frames)).sqrt();
    let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(1);
    let wanted = 32_768.0 * 10_f64.powf(target_dbov / 20.0) / level;
    let gain = wanted.min(32_767.0 / f64::from(peak.max(1)));
    for sample in samples {
        *sample = (f64::from(*sample) * gain).round() as i16;
    }
}

/// A synthesized voice that babbles: `seconds` of 48 kHz mono, the same for the same seed, at about
/// −23 dBov. Voiced syllables with gliding pitch and formants, now and then a hiss before them, in
/// phrases of one to two seconds with pauses between.
#[must_use]
pub fn synthesized(seed: u64, seconds: u32) -> Vec<i16> {
    let len = seconds as usize * SAMPLE_RATE_HZ as usize;
    let mut voice = Voice::new(seed);
    let mut wave = Vec::with_capacity(len + SAMPLE_RATE_HZ as usize * 3);
    while wave.len() < len {
        voice.phrase(&mut wave);
    }
    wave.truncate(len);
    let mut samples: Vec<i16> = wave
        .iter()
        .map(|&s| (s * 2_000.0).clamp(-32_767.0, 32_767.0) as i16)
        .collect();
    normalized(&mut samples, -23.0);
    samples
}

/// First to third formant of some vowels in Hz (Peterson and Barney 1952).
const VOWELS_HZ: [[f64; 3]; 8] = [
    [270.0, 2290.0, 3010.0],
    [390.0, 1990.0, 2550.0],
    [530.0, 1840.0, 2480.0],
    [660.0, 1720.0, 2410.0],
    [730.0, 1090.0, 2440.0],
    [570.0, 840.0, 2410.0],
    [440.0, 1020.0, 2240.0],
    [300.0, 870.0, 2240.0],
];
const BANDWIDTHS_HZ: [f64; 3] = [70.0, 100.0, 140.0];
/// Parameters move every 5 ms.
const BLOCK: usize = 240;

struct Voice {
    random: u64,
    pitch_hz: f64,
    /// How far through the glottal period, 0 to 1.
    glottis: f64,
    formants_hz: [f64; 3],
    resonators: [[f64; 2]; 3],
    hiss: f64,
}

impl Voice {
    fn new(seed: u64) -> Self {
        let mut voice = Self {
            // Any start but zero does for xorshift; the multiplication parts neighbouring seeds.
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            pitch_hz: 0.0,
            glottis: 0.0,
            formants_hz: VOWELS_HZ[4],
            resonators: [[0.0; 2]; 3],
            hiss: 0.0,
        };
        for _ in 0..8 {
            voice.uniform();
        }
        voice.pitch_hz = 95.0 + 115.0 * voice.uniform();
        voice
    }

    /// 0 to 1, by xorshift64.
    fn uniform(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn phrase(&mut self, wave: &mut Vec<f64>) {
        let syllables = 4 + (self.uniform() * 5.0) as usize;
        for syllable in 0..syllables {
            if self.uniform() < 0.35 {
                self.consonant(wave);
            }
            // The pitch falls towards the end of a phrase.
            let fall = 1.12 - 0.25 * syllable as f64 / syllables as f64;
            self.vowel(fall, wave);
        }
        let pause_s = 0.25 + 0.5 * self.uniform();
        let pause = (pause_s * f64::from(SAMPLE_RATE_HZ)) as usize;
        wave.resize(wave.len() + pause, 0.0);
    }

    fn consonant(&mut self, wave: &mut Vec<f64>) {
        let len = 2_400 + (self.uniform() * 2_400.0) as usize;
        for n in 0..len {
            let noise = 2.0 * self.uniform() - 1.0;
            // A first difference leaves the high part, as in an s.
            let high = noise - self.hiss;
            self.hiss = noise;
            wave.push(0.12 * high * (PI * n as f64 / len as f64).sin());
        }
    }

    fn vowel(&mut self, fall: f64, wave: &mut Vec<f64>) {
        let index = (self.uniform() * VOWELS_HZ.len() as f64) as usize;
        let target_hz = VOWELS_HZ[index.min(VOWELS_HZ.len() - 1)];
        let loudness = 0.6 + 0.4 * self.uniform();
        let tune = 0.95 + 0.1 * self.uniform();
        let blocks = 24 + (self.uniform() * 24.0) as usize;
        for block in 0..blocks {
            for (formant, target) in self.formants_hz.iter_mut().zip(target_hz) {
                *formant += 0.12 * (target - *formant);
            }
            let along = block as f64 / blocks as f64;
            let hz = self.pitch_hz * fall * tune * (1.0 + 0.06 * (TAU * along).sin());
            let next = (block + 1) as f64 / blocks as f64;
            let (from, to) = ((PI * along).sin(), (PI * next).sin());
            for n in 0..BLOCK {
                let envelope = from + (to - from) * n as f64 / BLOCK as f64;
                let sample = self.glottal_sample(hz);
                wave.push(loudness * envelope.max(0.0).sqrt() * sample);
            }
        }
    }

    /// One sample of the glottal flow (Rosenberg's pulse, differentiated), through the formants.
    fn glottal_sample(&mut self, hz: f64) -> f64 {
        self.glottis = (self.glottis + hz / f64::from(SAMPLE_RATE_HZ)).fract();
        let flow = match self.glottis {
            t if t < 0.4 => (PI * t / 0.4).sin(),
            t if t < 0.56 => -2.5 * (PI * (t - 0.4) / 0.32).sin(),
            _ => 0.0,
        };
        let mut sum = 0.0;
        let breath = 0.02 * (2.0 * self.uniform() - 1.0);
        for (formant, (hz, bandwidth_hz)) in self
            .resonators
            .iter_mut()
            .zip(self.formants_hz.iter().zip(BANDWIDTHS_HZ))
        {
            let rate_hz = f64::from(SAMPLE_RATE_HZ);
            let radius = (-PI * bandwidth_hz / rate_hz).exp();
            let b = 2.0 * radius * (TAU * hz / rate_hz).cos();
            let c = -radius * radius;
            let out = (1.0 - b - c) * (flow + breath) + b * formant[0] + c * formant[1];
            *formant = [out, formant[0]];
            sum += out;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level_dbov;

    fn levels(samples: &[i16]) -> Vec<i8> {
        samples
            .as_chunks::<FRAME_SAMPLES>()
            .0
            .iter()
            .map(level_dbov)
            .collect()
    }

    #[test]
    fn the_same_seed_babbles_the_same_and_another_differs() {
        assert_eq!(synthesized(7, 2), synthesized(7, 2));
        assert_ne!(synthesized(7, 2), synthesized(8, 2));
        assert_eq!(synthesized(0, 3).len(), 3 * 48_000);
    }

    #[test]
    fn the_voice_speaks_in_phrases_with_pauses() {
        for seed in 0..5 {
            let levels = levels(&synthesized(seed, 10));
            let spoken = levels.iter().filter(|&&l| l > -35).count();
            let paused = levels.iter().filter(|&&l| l < -60).count();
            assert!(spoken > levels.len() / 2, "seed {seed}: {spoken} spoken");
            assert!(paused > levels.len() / 12, "seed {seed}: {paused} paused");
        }
    }

    #[test]
    fn speech_is_brought_to_a_level_and_never_clips() {
        let mut samples = synthesized(1, 5);
        normalized(&mut samples, -30.0);
        let spoken: Vec<i16> = samples
            .chunks(FRAME_SAMPLES)
            .filter(|frame| rms(frame) > 100.0)
            .flatten()
            .copied()
            .collect();
        let level = 20.0 * (rms(&spoken) / 32_768.0).log10();
        assert!((level + 30.0).abs() < 1.5, "{level}");
        normalized(&mut samples, 20.0);
        let peak = samples.iter().map(|s| s.unsigned_abs()).max();
        assert!(peak > Some(32_000) && peak <= Some(32_767));
        let mut silence = [0; 4_800];
        normalized(&mut silence, -20.0);
        assert_eq!(silence, [0; 4_800]);
    }

    #[test]
    fn g722_decodes_to_six_samples_a_byte_whatever_the_bytes() {
        let bytes: Vec<u8> = (0..=255).cycle().take(16_000).collect();
        assert_eq!(decode_g722(&bytes).len(), 6 * 16_000);
        assert!(decode_g722(&[]).is_empty());
    }
}
