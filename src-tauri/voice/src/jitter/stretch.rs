//! Time scaling by pitch-synchronous overlap-add: a period of the voice is taken out or put in where
//! the wave repeats itself, so that neither pitch nor continuity suffers.
//!
//! The search for the period serves concealment, too, which repeats it.

use std::ops::RangeInclusive;

const DECIMATION: usize = 6;
/// 400 Hz, the shortest period, in samples at 48 kHz.
pub(super) const PERIOD_MIN: usize = 120;
/// 80 Hz, the longest.
pub(super) const PERIOD_MAX: usize = 600;
/// Windows quieter than this (mean square, −56 dBov) may be cut anywhere, and no one hears it.
const QUIET: f64 = 50.0 * 50.0;

/// A place where a stretch of `period` samples from the start resembles the one after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Match {
    pub period: usize,
    /// −1 to 1; 1 where it is quiet.
    pub likeness: f64,
}

fn energy(samples: &[i16]) -> f64 {
    samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum()
}

/// Whether no one hears what is cut here.
pub(super) fn is_quiet(wave: &[i16]) -> bool {
    energy(wave) < QUIET * wave.len() as f64
}

/// The normalized correlation of `wave[..period]` and `wave[period..2 * period]`.
fn likeness(wave: &[i16], period: usize) -> Option<f64> {
    let first = wave.get(..period)?;
    let second = wave.get(period..2 * period)?;
    let dot: f64 = first
        .iter()
        .zip(second)
        .map(|(&a, &b)| f64::from(a) * f64::from(b))
        .sum();
    let norm = (energy(first) * energy(second)).sqrt();
    Some(if norm > 0.0 { dot / norm } else { 1.0 })
}

/// The period among `periods` at which the start of `wave` repeats itself best. Those of which it
/// does not hold two are left out.
pub(super) fn likeliest(wave: &[i16], periods: RangeInclusive<usize>) -> Option<Match> {
    periods
        .filter_map(|period| {
            Some(Match {
                period,
                likeness: likeness(wave, period)?,
            })
        })
        .max_by(|a, b| a.likeness.total_cmp(&b.likeness))
}

/// The best period from [`PERIOD_MIN`] to `period_max` at the start of `wave`, of which twice that
/// many samples are looked at.
pub(super) fn find(wave: &[i16], period_max: usize) -> Option<Match> {
    let period_max = period_max.min(PERIOD_MAX).min(wave.len() / 2);
    if period_max < PERIOD_MIN {
        return None;
    }
    let window = wave.get(..2 * period_max)?;
    if is_quiet(window) {
        return Some(Match {
            period: period_max,
            likeness: 1.0,
        });
    }
    let mut coarse = [0_i16; 2 * PERIOD_MAX / DECIMATION];
    for (out, chunk) in coarse.iter_mut().zip(window.chunks_exact(DECIMATION)) {
        let sum: i32 = chunk.iter().map(|&s| i32::from(s)).sum();
        *out = (sum / DECIMATION as i32) as i16;
    }
    let periods = PERIOD_MIN / DECIMATION..=period_max / DECIMATION;
    let best = likeliest(&coarse, periods)?.period * DECIMATION;
    let from = best.saturating_sub(DECIMATION - 1).max(PERIOD_MIN);
    let to = (best + DECIMATION - 1).min(period_max);
    likeliest(wave, from..=to)
}

fn blend(from: i16, to: i16, step: usize, steps: usize) -> i16 {
    let steps = steps.max(1) as i64;
    let mixed = i64::from(from) * (steps - step as i64) + i64::from(to) * step as i64;
    (mixed / steps) as i16
}

/// Takes one period out of `wave[..len]`; returns the new length.
pub(super) fn shorten(wave: &mut [i16], len: usize, period: usize) -> usize {
    if period == 0 || 2 * period > len || len > wave.len() {
        return len;
    }
    for step in 0..period {
        wave[step] = blend(wave[step], wave[period + step], step, period);
    }
    wave.copy_within(2 * period..len, period);
    len - period
}

/// Puts one period into `wave[..len]`; returns the new length, the old one when there is no room.
pub(super) fn lengthen(wave: &mut [i16], len: usize, period: usize) -> usize {
    if period == 0 || 2 * period > len || len + period > wave.len() {
        return len;
    }
    // The first period stands twice; over the second standing, the wave glides from how it goes on
    // to how it began.
    wave.copy_within(period..len, 2 * period);
    for step in 0..period {
        wave[period + step] = blend(wave[2 * period + step], wave[step], step, period);
    }
    len + period
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, len: usize) -> Vec<i16> {
        (0..len)
            .map(|n| {
                let phase = std::f64::consts::TAU * hz * n as f64 / 48_000.0;
                (8000.0 * phase.sin()) as i16
            })
            .collect()
    }

    fn steepest(wave: &[i16]) -> i32 {
        wave.windows(2)
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn a_tone_matches_at_a_multiple_of_its_period() {
        let wave = tone(200.0, 1200);
        let found = find(&wave, PERIOD_MAX).expect("a tone repeats itself");
        assert_eq!(found.period % 240, 0, "{found:?}");
        assert!(found.likeness > 0.99);
    }

    #[test]
    fn a_tone_stays_smooth_when_shortened_or_lengthened() {
        let mut wave = tone(200.0, 3000);
        let before = steepest(&wave);
        let len = shorten(&mut wave, 2000, 240);
        assert_eq!(len, 1760);
        assert!(steepest(&wave[..len]) <= before + 2);
        let len = lengthen(&mut wave, len, 240);
        assert_eq!(len, 2000);
        assert!(steepest(&wave[..len]) <= before + 2);
    }

    #[test]
    fn without_room_nothing_changes() {
        let mut wave = tone(300.0, 960);
        let before = wave.clone();
        assert_eq!(shorten(&mut wave, 960, 500), 960);
        assert_eq!(lengthen(&mut wave, 960, 240), 960);
        assert_eq!(wave, before);
    }

    #[test]
    fn quiet_may_be_cut_anywhere() {
        let found = find(&[3; 960], 333).expect("quiet repeats itself");
        assert_eq!(found.period, 333);
    }
}
