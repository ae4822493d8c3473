//! Recorded human speech, and how well it is heard after what is done to it.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should say so"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use voice::{Resampler, speech};

const RECORDINGS: &str = "/usr/share/asterisk/sounds/en_US_f_Allison";
const PIECE_SECONDS: usize = 8;

/// Eight seconds of a prompt, spoken at −26 dBov.
pub fn piece(name: &str, from_seconds: usize) -> Vec<i16> {
    let path = Path::new(RECORDINGS).join(name).with_extension("g722");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "no recorded speech at {}: {error}. Run `make test`, which installs \
             asterisk-core-sounds-en-g722.",
            path.display()
        )
    });
    let from = from_seconds * 8_000;
    let cut = bytes
        .get(from..from + PIECE_SECONDS * 8_000)
        .expect("each prompt is long enough");
    let mut samples = speech::decode_g722(cut);
    speech::normalized(&mut samples, -26.0);
    samples
}

/// The Python that has PESQ.
fn python() -> PathBuf {
    let python = std::env::var_os("PESQ_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python"),
        PathBuf::from,
    );
    assert!(
        python.exists(),
        "no Python with PESQ at {}. Run `make test`, or set PESQ_PYTHON to one that has \
         src-tauri/voice/tests/requirements.txt.",
        python.display()
    );
    python
}

/// How wide the band is that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// PESQ-WB, at 16 kHz.
    Wide,
    /// PESQ-NB, at 8 kHz: what a telephone carries.
    Narrow,
}

/// Writes what PESQ compares in a band: raw samples at its rate.
pub fn write(band: Band, path: &Path, samples: &[i16]) {
    let rate_hz = match band {
        Band::Wide => 16_000,
        Band::Narrow => 8_000,
    };
    let mut resampled = Vec::new();
    Resampler::new(48_000, rate_hz)
        .expect("a known pair")
        .process(samples, &mut resampled);
    let bytes: Vec<u8> = resampled.iter().flat_map(|s| s.to_le_bytes()).collect();
    std::fs::write(path, bytes).expect("the target folder is writable");
}

/// PESQ of each pair of files: what was said, and what was heard.
pub fn pesq(band: Band, pairs: &[(PathBuf, PathBuf)]) -> Vec<f64> {
    let mut command = Command::new(python());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../voice/tests/pesq_score.py"));
    command.arg(match band {
        Band::Wide => "wb",
        Band::Narrow => "nb",
    });
    for (said, heard) in pairs {
        command.arg(said).arg(heard);
    }
    let output = command.output().expect("Python runs");
    assert!(
        output.status.success(),
        "PESQ failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let scores: Vec<f64> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.trim().parse().expect("a score"))
        .collect();
    assert_eq!(scores.len(), pairs.len());
    scores
}
