//! A file as `ffmpeg` reads it.

use std::f64::consts::TAU;
use std::path::Path;
use std::process::Command;

/// What is said, and what counts as not being there: 60 dB less.
pub const SAID_DB: f64 = -20.0;
pub const ABSENT_DB: f64 = SAID_DB - 60.0;
const RATE_HZ: usize = 48_000;

/// The samples of a file; the test fails when `ffmpeg` has anything to say about it.
pub fn decode(file: &Path) -> Vec<i16> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-f", "s16le", "-ac", "1", "-ar", "48000", "-"])
        .output()
        .expect("ffmpeg: see .ci/setup");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaint.is_empty(),
        "{complaint}"
    );
    output
        .stdout
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

pub fn seconds(samples: &[i16]) -> f64 {
    samples.len() as f64 / RATE_HZ as f64
}

/// The loudest that a tone is within any 100 ms, in dB of full scale (Goertzel, Hann window).
pub fn loudest_db(samples: &[i16], frequency: f64) -> f64 {
    let windows = samples.windows(RATE_HZ / 10).step_by(RATE_HZ / 50);
    windows
        .map(|window| tone_db(window, frequency))
        .fold(-120.0, f64::max)
}

fn tone_db(samples: &[i16], frequency: f64) -> f64 {
    let (step, length) = (TAU * frequency / RATE_HZ as f64, samples.len() as f64);
    let (mut re, mut im) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let at = at as f64;
        let value = f64::from(*sample) / 32_768.0 * (1.0 - (TAU * at / length).cos());
        re += value * (step * at).cos();
        im += value * (step * at).sin();
    }
    20.0 * (2.0 * re.hypot(im) / length).max(1e-6).log10()
}
