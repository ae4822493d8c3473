//! How speech sounds through the whole of a phone's leg, both halves of it: encoded, over a socket,
//! through the jitter buffer. PESQ-NB of recorded human speech; each score is printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "so does a test fail, and tell what it measured"
)]

use crate::common;
use crate::recorded;

use common::{Tone, call, run};
use mix::FRAME_SAMPLES;
use recorded::{Band, pesq, piece, write};
use voice::Codec;

/// Prompts and where to start in them, in seconds; eight seconds are taken from each.
const PIECES: [(&str, usize); 4] = [
    ("demo-instruct", 2),
    ("demo-instruct", 30),
    ("demo-congrats", 1),
    ("demo-moreinfo", 1),
];
/// How long the way takes, 23 ms: the score is of two pieces that begin together.
const WAY_SAMPLES: usize = 1_104;
/// What a clean telephone line is to sound like at the least.
const GOAL: f64 = 3.7;

#[test]
fn a_phones_leg_is_clear_on_a_clean_network_in_each_codec() {
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::Opus] {
        let folder = tempfile::tempdir().unwrap();
        let mut pairs = Vec::new();
        for (at, (name, from_seconds)) in PIECES.into_iter().enumerate() {
            let speech = piece(name, from_seconds);
            let (mut first, mut second) = call(&[codec], false);
            first.tone = Tone::new(0.0);
            run(&mut first, &mut second, 500);
            let begin = second.heard.len() + WAY_SAMPLES;
            first.words = speech
                .as_chunks::<FRAME_SAMPLES>()
                .0
                .iter()
                .copied()
                .collect();
            let ticks = first.words.len();
            run(&mut first, &mut second, ticks + 5);
            let reference = folder.path().join(format!("{at}-said"));
            let degraded = folder.path().join(format!("{at}-heard"));
            write(Band::Narrow, &reference, &speech[..ticks * FRAME_SAMPLES]);
            write(
                Band::Narrow,
                &degraded,
                &second.heard[begin..][..ticks * FRAME_SAMPLES],
            );
            pairs.push((reference, degraded));
        }
        let scores = pesq(Band::Narrow, &pairs);
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        eprintln!("{codec:?}: {mean:.3} of {scores:.3?}");
        assert!(mean >= GOAL, "{codec:?}: {mean:.3}");
    }
}
