//! Who says what: recorded human speech, no two of them the same.

use media::lead::{Source, load_sentences};
use std::time::Duration;
use voice::speech::{normalized, synthesized};

const SECOND: usize = 48_000;
/// How loud everyone speaks, in dBov.
const SPEECH_DBOV: f64 = -26.0;

/// The words of the demonstration, 48 kHz mono.
#[derive(Debug, Clone)]
pub struct Script {
    /// `recorded` or `synthesized`.
    pub source: &'static str,
    /// What the rep says while the coaches listen.
    pub rep_first: Vec<i16>,
    /// What the rep says later.
    pub rep_second: Vec<i16>,
    /// What the three coaches say into closed microphones.
    pub coaches_listening: [Vec<i16>; 3],
    /// What they say later: to no one, to the rep, to everyone.
    pub coaches_speaking: [Vec<i16>; 3],
    /// The lead's sentences, said over and over.
    pub lead: Vec<Vec<i16>>,
    /// How long the lead is given to speak in each scene.
    pub lead_turn: Duration,
}

impl Script {
    /// The recordings where they are installed, and otherwise a synthesized voice.
    #[must_use]
    pub fn load() -> Self {
        let mut speech = load_sentences(None);
        if speech.source == Source::Synthesized {
            speech.sentences = (1..=14).map(|seed| synthesized(seed, 6)).collect();
        }
        // The first half of all speech is the lead's, the rest is shared out among the others.
        let (lead, others) = speech.sentences.split_at(speech.sentences.len() / 2);
        let others: Vec<i16> = others.concat();
        let mut rest = others.as_slice();
        let mut next = |seconds: usize| {
            let (words, after) = rest.split_at((seconds * SECOND).min(rest.len()));
            rest = after;
            let mut words = words.to_vec();
            normalized(&mut words, SPEECH_DBOV);
            words
        };
        Self {
            source: match speech.source {
                Source::Recorded => "recorded",
                Source::Synthesized => "synthesized",
            },
            rep_first: next(5),
            rep_second: next(5),
            coaches_listening: [next(4), next(4), next(4)],
            coaches_speaking: [next(4), next(5), next(5)],
            lead: lead
                .iter()
                .map(|sentence| {
                    let mut sentence = sentence.clone();
                    normalized(&mut sentence, SPEECH_DBOV);
                    sentence
                })
                .collect(),
            lead_turn: Duration::from_secs(7),
        }
    }
}
