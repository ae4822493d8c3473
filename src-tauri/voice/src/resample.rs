//! Changes of the sampling rate: a streaming polyphase FIR.

use wide::{i16x8, i32x4};

use crate::opus::VoiceError;

/// Taps a phase where the rate does not fall: 1.5 ms of delay from 8 to 48 kHz.
const TAPS: u32 = 24;
/// Where the filter is down by 6 dB, as a share of the lower Nyquist frequency.
const CUTOFF: f64 = 0.94;
/// The shape of the Kaiser window: about 55 dB between passband and stopband.
const KAISER_BETA: f64 = 5.0;
/// Taps that a processor multiplies at once: a row is a multiple of it.
const LANES: usize = 8;
/// What a tap of 1 is: taps are whole numbers, of which a processor multiplies twice as many at once as
/// of floats. The absolute taps of a row sum to less than 3, so that with the largest samples their
/// products sum to less than an `i32` holds. Their rounding is 80 dB down.
const ONE: i32 = 1 << ONE_BITS;
const ONE_BITS: u32 = 14;
/// The largest term of the reduced ratio: 192 to 44.1 kHz is 147 to 640.
const RATIO_MAX: u32 = 640;

/// A resampler for one stream, for every ratio of two terms of at most 640: all pairs of 8, 16, 24,
/// 32, 44.1, 48, 96 and 192 kHz, but not 44.1 kHz to rates that have no such ratio to it.
///
/// Flat within 0.5 dB up to 0.8 of the lower Nyquist frequency, aliases and images at least 45 dB
/// down from 1.1 of it. The delay is 12 samples of the lower rate.
#[derive(Debug, Clone)]
pub struct Resampler {
    /// One row of reversed taps for each phase.
    rows: Vec<i16>,
    taps: usize,
    /// From one sample of the output to the next: whole samples of the input, and taps in the rows.
    step_whole: usize,
    step_taps: usize,
    /// The last samples of the input, as many as one row reaches back, and then the new ones.
    history: Vec<i16>,
    /// Where the row of the next output begins.
    row_at: usize,
    /// Samples of the input that the next output begins after, beyond those that are there.
    ahead: usize,
}

impl Resampler {
    /// A resampler whose past is silence.
    ///
    /// # Errors
    /// [`VoiceError::Settings`] when a rate is 0 or the reduced ratio has a term above 640.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, VoiceError> {
        if from_hz == 0 || to_hz == 0 {
            return Err(VoiceError::Settings("sampling rate, above 0"));
        }
        let common = gcd(from_hz, to_hz);
        let (up, down) = (to_hz / common, from_hz / common);
        if up.max(down) > RATIO_MAX {
            return Err(VoiceError::Settings("ratio of rates, terms up to 640"));
        }
        let taps = if up == down {
            1
        } else {
            let taps = TAPS.max((TAPS * down).div_ceil(up)) as usize;
            taps.next_multiple_of(LANES)
        };
        let (phases, step) = (up as usize, down as usize);
        Ok(Self {
            rows: rows(taps, phases, step),
            taps,
            step_whole: step / phases,
            step_taps: step % phases * taps,
            history: vec![0; taps - 1],
            row_at: 0,
            ahead: 0,
        })
    }

    /// Takes room for `input_max` samples at a time, so that no call of [`Resampler::process`] with at
    /// most that many allocates, if the output has room too.
    pub(crate) fn reserve(&mut self, input_max: usize) {
        self.history.reserve(self.taps + input_max);
    }

    /// Forgets the stream: the past is silence again. Allocates nothing.
    pub fn reset(&mut self) {
        self.history.clear();
        self.history.resize(self.taps - 1, 0);
        self.row_at = 0;
        self.ahead = 0;
    }

    /// Resamples `input` and appends to `output`. Allocates nothing once both have held their most.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        self.history.extend_from_slice(input);
        let (mut at, mut row_at) = (self.ahead, self.row_at);
        while let (Some(window), Some(row)) = (
            self.history.get(at..at + self.taps),
            self.rows.get(row_at..row_at + self.taps),
        ) {
            let sum = dot(row, window);
            output.push(((sum + ONE / 2) >> ONE_BITS).clamp(-32_768, 32_767) as i16);
            at += self.step_whole;
            row_at += self.step_taps;
            if row_at >= self.rows.len() {
                row_at -= self.rows.len();
                at += 1;
            }
        }
        self.row_at = row_at;
        let used = at.min(self.history.len());
        self.ahead = at - used;
        self.history.drain(..used);
    }
}

/// The sum of the products of a row of taps with as many samples. It does not overflow: see [`ONE`].
fn dot(row: &[i16], window: &[i16]) -> i32 {
    let (rows, rest) = row.as_chunks::<LANES>();
    let (windows, window_rest) = window.as_chunks::<LANES>();
    // A single tap, of equal rates, is no full row.
    let rest: i32 = (rest.iter().zip(window_rest))
        .map(|(tap, sample)| i32::from(*tap) * i32::from(*sample))
        .sum();
    // In so many words, since whether a compiler finds it in a loop depends on what is around.
    let sums = (rows.iter().zip(windows)).fold(i32x4::ZERO, |sums, (taps, samples)| {
        sums + i16x8::new(*taps).dot(i16x8::new(*samples))
    });
    sums.reduce_add() + rest
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The windowed sinc, split by phase: row `p` gives the sample `p / phases` after the newest but
/// half of the taps. Each row sums to 1, so that a constant stays one.
fn rows(taps: usize, phases: usize, step: usize) -> Vec<i16> {
    if taps == 1 {
        return vec![ONE as i16; phases];
    }
    let len = (taps * phases) as f64;
    let middle = (len - 1.0) / 2.0;
    let cutoff = CUTOFF / phases.max(step) as f64;
    let prototype = |n: usize| {
        let t = n as f64 - middle;
        let x = std::f64::consts::PI * cutoff * t;
        let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
        let edge = t / (len / 2.0);
        sinc * bessel_i0(KAISER_BETA * (1.0 - edge * edge).max(0.0).sqrt())
    };
    let mut rows = Vec::with_capacity(taps * phases);
    for phase in 0..phases {
        let row: Vec<f64> = (0..taps)
            .rev()
            .map(|tap| prototype(phase + tap * phases))
            .collect();
        let sum: f64 = row.iter().sum();
        // Each is rounded with what was left of those before, so that the row still sums to 1.
        let (mut exact, mut rounded) = (0.0, 0);
        rows.extend(row.iter().map(|tap| {
            exact += tap / sum * f64::from(ONE);
            let whole = exact.round() as i32 - rounded;
            rounded += whole;
            whole as i16
        }));
    }
    rows
}

/// The modified Bessel function of the first kind, order 0, by its series.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..32 {
        let half = x / (2.0 * f64::from(k));
        term *= half * half;
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rms;

    const RATES_HZ: [u32; 8] = [
        8_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000,
    ];

    fn tone(hz: f64, rate_hz: u32, len: usize) -> Vec<i16> {
        (0..len)
            .map(|n| {
                let phase = std::f64::consts::TAU * hz * n as f64 / f64::from(rate_hz);
                (10_000.0 * phase.sin()).round() as i16
            })
            .collect()
    }

    fn resampled(from_hz: u32, to_hz: u32, input: &[i16]) -> Vec<i16> {
        let mut resampler = Resampler::new(from_hz, to_hz).expect("a known pair");
        let mut output = Vec::new();
        for chunk in input.chunks(331) {
            resampler.process(chunk, &mut output);
        }
        output
    }

    /// The gain of a tone in decibels, its beginning left out.
    fn gain_db(from_hz: u32, to_hz: u32, hz: f64) -> f64 {
        let input = tone(hz, from_hz, from_hz as usize / 2);
        let output = resampled(from_hz, to_hz, &input);
        20.0 * (rms(&output[output.len() / 4..]).max(0.01) / rms(&input)).log10()
    }

    #[test]
    fn no_row_of_taps_overflows_and_each_sums_to_one() {
        for from_hz in RATES_HZ {
            for to_hz in RATES_HZ {
                let resampler = Resampler::new(from_hz, to_hz).expect("a known pair");
                for row in resampler.rows.chunks(resampler.taps) {
                    let sum: i32 = row.iter().map(|tap| i32::from(*tap)).sum();
                    assert_eq!(sum, ONE, "{from_hz} to {to_hz}");
                    let absolute: i32 = row.iter().map(|tap| i32::from(*tap).abs()).sum();
                    assert!(absolute < 3 * ONE, "{from_hz} to {to_hz}: {absolute}");
                }
            }
        }
    }

    #[test]
    fn every_pair_of_rates_keeps_the_passband_and_the_length() {
        for from_hz in RATES_HZ {
            for to_hz in RATES_HZ {
                let nyquist_hz = f64::from(from_hz.min(to_hz)) / 2.0;
                for share in [0.05, 0.4, 0.8] {
                    let gain_db = gain_db(from_hz, to_hz, share * nyquist_hz);
                    assert!(
                        gain_db.abs() < 0.5,
                        "{from_hz} to {to_hz} at {share}: {gain_db:.2} dB"
                    );
                }
                let len = resampled(from_hz, to_hz, &vec![0; from_hz as usize]).len();
                assert!(len.abs_diff(to_hz as usize) <= 1, "{from_hz} {to_hz} {len}");
            }
        }
    }

    #[test]
    fn aliases_are_gone_when_the_rate_falls() {
        for from_hz in RATES_HZ {
            for to_hz in RATES_HZ {
                let hz = 1.1 * f64::from(to_hz) / 2.0;
                if hz < 0.49 * f64::from(from_hz) {
                    let gain_db = gain_db(from_hz, to_hz, hz);
                    assert!(gain_db < -45.0, "{from_hz} to {to_hz}: {gain_db:.1} dB");
                }
            }
        }
    }

    #[test]
    fn images_are_gone_when_the_rate_rises() {
        // What is left of a tone when it is taken out again is image and noise.
        let output = resampled(8_000, 48_000, &tone(3_000.0, 8_000, 8_000));
        let steady = &output[4_800..43_200];
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in steady.iter().enumerate() {
            let phase = std::f64::consts::TAU * 3_000.0 * n as f64 / 48_000.0;
            re += f64::from(sample) * phase.cos();
            im += f64::from(sample) * phase.sin();
        }
        let amplitude = 2.0 * re.hypot(im) / steady.len() as f64;
        let rest = (rms(steady).powi(2) - amplitude * amplitude / 2.0).max(0.0);
        let rest_db = 10.0 * (rest / rms(steady).powi(2)).log10();
        assert!(rest_db < -45.0, "{rest_db:.1} dB");
    }

    #[test]
    fn telephone_rates_delay_by_a_millisecond_and_a_half() {
        let mut input = vec![0_i16; 800];
        input[100] = 20_000;
        let output = resampled(8_000, 48_000, &input);
        let peak = (0..output.len()).max_by_key(|&n| output[n]).unwrap_or(0);
        assert!(peak.abs_diff(100 * 6 + 72) <= 1, "{peak}");
    }

    #[test]
    fn how_the_input_is_cut_makes_no_difference() {
        let input = tone(440.0, 44_100, 4_410);
        let mut whole = Vec::new();
        Resampler::new(44_100, 48_000)
            .expect("a known pair")
            .process(&input, &mut whole);
        assert_eq!(whole, resampled(44_100, 48_000, &input));
        let mut one_by_one = Vec::new();
        let mut resampler = Resampler::new(192_000, 8_000).expect("a known pair");
        for sample in &input {
            resampler.process(&[*sample], &mut one_by_one);
        }
        assert_eq!(one_by_one, resampled(192_000, 8_000, &input));
    }

    #[test]
    fn after_a_reset_nothing_of_the_past_is_heard() {
        let mut resampler = Resampler::new(8_000, 48_000).expect("a known pair");
        let (mut first, mut again) = (Vec::new(), Vec::new());
        resampler.process(&tone(440.0, 8_000, 333), &mut first);
        resampler.process(&[30_000; 100], &mut Vec::new());
        resampler.reset();
        resampler.process(&tone(440.0, 8_000, 333), &mut again);
        assert_eq!(first, again);
    }

    #[test]
    fn the_same_rate_changes_nothing() {
        let input = tone(440.0, 48_000, 960);
        assert_eq!(resampled(48_000, 48_000, &input), input);
    }

    #[test]
    fn odd_rates_are_refused() {
        assert!(Resampler::new(0, 48_000).is_err());
        assert!(Resampler::new(44_101, 48_000).is_err());
    }
}
