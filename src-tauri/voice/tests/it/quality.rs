//! How speech sounds after encoder, network and jitter buffer: PESQ-WB of recorded human speech with
//! the settings that are shipped, and PESQ-NB of the same through a telephone. The network is simulated and seeded; each score is printed.
//!
//! Needs what `make test` installs: the recordings of Debian's `asterisk-core-sounds-en-g722` and a
//! Python with `tests/requirements.txt`, found at `PESQ_PYTHON` or in `target/venv`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should say so"
)]

use crate::network;
use crate::recorded;

use std::path::Path;

use mix::Mode;
use network::{Network, Sent, frames, played, sent, sent_g711};
use recorded::{Band, pesq, piece, write};
use voice::{EncoderSettings, JitterSettings, Kind, Law};

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
/// To 8 kHz and back: 1.5 ms each.
const RESAMPLING_SAMPLES: usize = 144;

/// Who speaks, and so what is sent and how much of it there is to hear.
#[derive(Clone, Copy)]
enum Speaker {
    Client,
    Telephone(Law),
}

impl Speaker {
    fn band(self) -> Band {
        match self {
            Self::Client => Band::Wide,
            Self::Telephone(_) => Band::Narrow,
        }
    }

    fn sent(self, speech: &[i16]) -> Vec<Sent> {
        let frames = frames(speech).into_iter();
        match self {
            Self::Client => {
                let captured: Vec<_> = frames.map(|frame| (frame, Mode::Barge)).collect();
                sent(&captured, &EncoderSettings::default())
            }
            Self::Telephone(law) => {
                let captured: Vec<_> = frames.map(|frame| (frame, None)).collect();
                sent_g711(&captured, law)
            }
        }
    }

    fn delay_samples(self) -> usize {
        match self {
            Self::Client => LOOKAHEAD_SAMPLES,
            Self::Telephone(_) => RESAMPLING_SAMPLES,
        }
    }
}

/// The mean PESQ over pieces and seeds.
fn score(name: &str, speaker: Speaker, network: Network, seeds: u64) -> f64 {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let band = speaker.band();
    let mut pairs = Vec::new();
    let mut runs = Vec::new();
    for (index, (prompt, from_seconds)) in PIECES.into_iter().enumerate() {
        let speech = piece(prompt, from_seconds);
        let packets = speaker.sent(&speech);
        let reference = folder.join(format!("{name}-{index}.s16"));
        write(band, &reference, &speech);
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
                .skip(speaker.delay_samples())
                .take(speech.len())
                .collect();
            let degraded = folder.join(format!("{name}-{index}-{round}.s16"));
            write(band, &degraded, &heard);
            pairs.push((reference.clone(), degraded));
            runs.push((prompt, seed, stats));
        }
    }
    let scores = pesq(band, &pairs);
    for ((prompt, seed, stats), score) in runs.iter().zip(&scores) {
        eprintln!("{name}: {score:.2}  {prompt} seed {seed}  {stats:?}");
    }
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    eprintln!(
        "{name}: mean PESQ {band:?} {mean:.3} over {} runs",
        scores.len()
    );
    mean
}

#[test]
fn speech_is_clear_on_a_clean_network() {
    let network = Network {
        delay_ms: 20.0,
        ..Network::default()
    };
    assert!(score("clean", Speaker::Client, network, 1) >= 3.8);
}

#[test]
fn speech_is_clear_with_12_ms_of_jitter() {
    let network = Network {
        delay_ms: 60.0,
        jitter_ms: 12.0,
        ..Network::default()
    };
    assert!(score("jitter", Speaker::Client, network, SEEDS) >= 3.6);
}

#[test]
fn speech_survives_the_loss_of_every_twentieth_packet() {
    let network = Network {
        delay_ms: 20.0,
        loss: 0.05,
        ..Network::default()
    };
    assert!(score("loss", Speaker::Client, network, SEEDS) >= 2.4);
}

#[test]
fn a_telephone_is_clear_on_a_clean_network() {
    let network = Network {
        delay_ms: 20.0,
        ..Network::default()
    };
    for (name, law) in [("phone-a", Law::A), ("phone-mu", Law::Mu)] {
        assert!(score(name, Speaker::Telephone(law), network, 1) >= 3.7);
    }
}

#[test]
fn a_telephone_is_clear_with_12_ms_of_jitter() {
    let network = Network {
        delay_ms: 60.0,
        jitter_ms: 12.0,
        ..Network::default()
    };
    let speaker = Speaker::Telephone(Law::Mu);
    assert!(score("phone-jitter", speaker, network, SEEDS) >= 3.4);
}

#[test]
fn a_telephone_survives_loss() {
    for (name, loss, least) in [("phone-loss-1", 0.01, 3.55), ("phone-loss-5", 0.05, 2.9)] {
        let network = Network {
            delay_ms: 20.0,
            loss,
            ..Network::default()
        };
        let speaker = Speaker::Telephone(Law::A);
        assert!(score(name, speaker, network, SEEDS) >= least);
    }
}
