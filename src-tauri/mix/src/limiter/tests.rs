use proptest::prelude::*;

use super::{BLOCK_SAMPLES, Limiter, Sum};
use crate::{FRAME_SAMPLES, Frame, SILENCE};

fn narrow(limiter: &mut Limiter, sum: &Sum) -> Frame {
    let mut out = SILENCE;
    limiter.narrow(sum, &mut out);
    out
}

/// A tone whose peak is `peak`, 100 samples a period.
fn tone(peak: f32) -> Sum {
    std::array::from_fn(|at| (peak * (at as f32 * std::f32::consts::TAU / 100.0).sin()) as i32)
}

#[test]
fn a_sum_that_fits_passes_bit_for_bit() {
    let mut limiter = Limiter::default();
    let mut sum = tone(32_767.0);
    sum[7] = i32::from(i16::MIN);
    assert!(
        narrow(&mut limiter, &sum)
            .iter()
            .zip(sum)
            .all(|(out, sample)| i32::from(*out) == sample)
    );
}

#[test]
fn the_gain_returns_to_exactly_one_after_half_a_second() {
    let mut limiter = Limiter::default();
    let quiet = tone(9_000.0);
    narrow(&mut limiter, &tone(4_000_000.0));
    let exact = quiet.map(|sample| sample as i16);
    for frame in 0..20 {
        let peak = narrow(&mut limiter, &quiet).into_iter().max().unwrap_or(0);
        assert!(peak < 8_000, "frame {frame} is at {peak} already");
    }
    for _ in 0..6 {
        narrow(&mut limiter, &quiet);
    }
    assert_eq!(narrow(&mut limiter, &quiet), exact);
}

#[test]
fn a_loud_tone_is_scaled_smoothly_after_the_attack() {
    let mut limiter = Limiter::default();
    let sum = tone(100_000.0);
    narrow(&mut limiter, &sum);
    let mut last = None::<i16>;
    for _ in 0..9 {
        let out = narrow(&mut limiter, &sum);
        let peak = out
            .iter()
            .map(|sample| sample.unsigned_abs())
            .max()
            .unwrap_or(0);
        assert!((32_000..=32_767).contains(&peak), "peak {peak}");
        // The steepest step of a full-scale tone of this period is 2,059.
        for sample in out {
            if let Some(last) = last {
                assert!(
                    (i32::from(sample) - i32::from(last)).abs() < 2_400,
                    "{last} then {sample}"
                );
            }
            last = Some(sample);
        }
        // 960 samples are not whole periods: the next frame starts the tone again.
        last = None;
    }
}

proptest! {
    /// No wrap: a sample never changes its sign nor grows, and beyond the first millisecond nothing
    /// is clipped.
    #[test]
    fn nothing_wraps_and_only_the_attack_clips(
        frames in prop::collection::vec(
            prop::collection::vec(-4_194_304_i32..=4_194_176, FRAME_SAMPLES),
            1..4,
        ),
    ) {
        let mut limiter = Limiter::default();
        for frame in frames {
            let mut sum = [0; FRAME_SAMPLES];
            sum.copy_from_slice(&frame);
            let out = narrow(&mut limiter, &sum);
            for (at, (sample, out)) in sum.iter().zip(out).enumerate() {
                let out = i32::from(out);
                prop_assert!(out.signum() * sample.signum() >= 0 && out.abs() <= sample.abs());
                if at >= BLOCK_SAMPLES {
                    prop_assert!(out > i32::from(i16::MIN), "sample {} is clipped", at);
                }
            }
            prop_assert!(limiter.gain > 0.0 && limiter.gain <= 1.0);
        }
    }
}
