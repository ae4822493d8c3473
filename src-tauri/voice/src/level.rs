//! How loud a frame is.

use mix::Frame;

/// The root mean square of the samples, 0 to 32 768. An empty slice is silent.
#[must_use]
pub fn rms(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let energy: i64 = samples.iter().map(|&s| i64::from(s) * i64::from(s)).sum();
    (energy as f64 / samples.len() as f64).sqrt()
}

/// The level of a frame as RFC 6464 puts it: dB relative to the overload point of the system, here
/// the RMS of a square wave at full scale. 0 is overload, −127 is silence.
#[must_use]
pub fn level_dbov(frame: &Frame) -> i8 {
    let rms = rms(frame);
    if rms <= 0.0 {
        return -127;
    }
    (20.0 * (rms / 32_768.0).log10()).round().clamp(-127.0, 0.0) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use mix::{FRAME_SAMPLES, SILENCE};

    #[test]
    fn silence_is_the_lowest_level_a_full_square_wave_the_highest() {
        assert_eq!(level_dbov(&SILENCE), -127);
        assert_eq!(level_dbov(&[i16::MIN; FRAME_SAMPLES]), 0);
    }

    #[test]
    fn half_the_amplitude_is_six_decibels_less() {
        assert_eq!(level_dbov(&[16_384; FRAME_SAMPLES]), -6);
        assert_eq!(level_dbov(&[1; FRAME_SAMPLES]), -90);
    }

    #[test]
    fn nothing_has_no_level() {
        assert!(rms(&[]) <= 0.0);
        assert!((rms(&[3, -3]) - 3.0).abs() < 1e-9);
    }
}
