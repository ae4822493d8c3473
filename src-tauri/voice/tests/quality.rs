//! How speech sounds after encoder, network and jitter buffer: PESQ-WB of recorded human speech with
//! the settings that are shipped. The network is simulated and seeded; each score is printed.
//!
//! Needs what `make test` installs: the recordings of Debian's `asterisk-core-sounds-en-g722` and a
//! Python with `tests/requirements.txt`, found at `PESQ_PYTHON` or in `target/venv`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should say so"
)]

mod network;
mod recorded;

use std::path::Path;

use mix::Mode;
use network::{Network, frames, played, sent};
use recorded::{pesq_wb, piece, write_wideband};
use voice::{EncoderSettings, JitterSettings, Kind};

/// Prompts and where to start in them, in seconds; eight seconds are taken from each.
const PIECES: [(&str, usize); 6] = [
    ("demo-instruct", 2),
    ("demo-instruct", 30),
    ("demo-congrats", 1),
    ("demo-moreinfo", 1),
    ("basic-pbx-ivr-main", 3),
    ("demo-echotest", 2),
];
/// Where the seeds of the networks start; a failure names this and the piece.
const SEED: u64 = 20_240_611;
const SEEDS: u64 = 3;
/// Opus looks ahead by 6.5 ms.
const LOOKAHEAD_SAMPLES: usize = 312;

/// The mean PESQ-WB over pieces and seeds.
fn score(name: &str, network: Network, seeds: u64) -> f64 {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut pairs = Vec::new();
    let mut runs = Vec::new();
    for (index, (prompt, from_seconds)) in PIECES.into_iter().enumerate() {
        let speech = piece(prompt, from_seconds);
        let captured: Vec<_> = frames(&speech)
            .into_iter()
            .map(|frame| (frame, Mode::Barge))
            .collect();
        let packets = sent(&captured, &EncoderSettings::default());
        let reference = folder.join(format!("{name}-{index}.s16"));
        write_wideband(&reference, &speech);
        for round in 0..seeds {
            let seed = SEED + 100 * index as u64 + round;
            let (out, stats) = played(&packets, network, JitterSettings::default(), seed);
            let start = out
                .iter()
                .position(|played| played.kind != Kind::Idle)
                .expect("speech comes out");
            let heard: Vec<i16> = out
                .iter()
                .skip(start)
                .flat_map(|played| played.frame)
                .skip(LOOKAHEAD_SAMPLES)
                .take(speech.len())
                .collect();
            let degraded = folder.join(format!("{name}-{index}-{round}.s16"));
            write_wideband(&degraded, &heard);
            pairs.push((reference.clone(), degraded));
            runs.push((prompt, seed, stats));
        }
    }
    let scores = pesq_wb(&pairs);
    for ((prompt, seed, stats), score) in runs.iter().zip(&scores) {
        eprintln!("{name}: {score:.2}  {prompt} seed {seed}  {stats:?}");
    }
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    eprintln!("{name}: mean PESQ-WB {mean:.3} over {} runs", scores.len());
    mean
}

#[test]
fn speech_is_clear_on_a_clean_network() {
    let network = Network {
        delay_ms: 20.0,
        ..Network::default()
    };
    assert!(score("clean", network, 1) >= 3.8);
}

#[test]
fn speech_is_clear_with_12_ms_of_jitter() {
    let network = Network {
        delay_ms: 60.0,
        jitter_ms: 12.0,
        ..Network::default()
    };
    assert!(score("jitter", network, SEEDS) >= 3.6);
}

#[test]
fn speech_survives_the_loss_of_every_twentieth_packet() {
    let network = Network {
        delay_ms: 20.0,
        loss: 0.05,
        ..Network::default()
    };
    assert!(score("loss", network, SEEDS) >= 2.4);
}
