//! What the simulated lead says: recorded human speech, or a synthesized voice as a fallback.

use std::path::{Path, PathBuf};

use mix::SAMPLE_RATE_HZ;
use voice::speech::{decode_g722, normalized, synthesized};

/// Where Debian's package `asterisk-core-sounds-en-g722` puts its recordings.
pub const DEFAULT_SPEECH_DIR: &str = "/usr/share/asterisk/sounds/en_US_f_Allison";

/// How loud speech is made, in dBov.
const SPEECH_DBOV: f64 = -23.0;
/// Bytes of G.722 in a second.
const G722_BYTES_PER_S: u64 = 8_000;
/// Recordings shorter than three seconds are single words, not sentences.
const SENTENCE_BYTES_MIN: u64 = 3 * G722_BYTES_PER_S;
/// Longer sentences are cut off: twelve seconds.
const SENTENCE_SAMPLES_MAX: usize = 12 * SAMPLE_RATE_HZ as usize;
/// How many sentences are loaded.
const SENTENCES_MAX: usize = 8;
/// Directory entries that are examined.
const ENTRIES_MAX: usize = 10_000;

/// Where speech comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Recordings of a human.
    Recorded,
    /// A synthesized, babbling voice.
    Synthesized,
}

/// Sentences to speak.
#[derive(Debug, Clone)]
pub struct Sentences {
    /// Where they come from.
    pub source: Source,
    /// Each sentence, 48 kHz mono, at about −23 dBov; at least one.
    pub sentences: Vec<Vec<i16>>,
}

/// Loads the longer recordings (`*.g722`) of a directory, `demo-*` first; `None` for
/// [`DEFAULT_SPEECH_DIR`]. If there are none, a voice is synthesized. Blocks: not for a worker or an
/// async task.
#[must_use]
pub fn load_sentences(dir: Option<&Path>) -> Sentences {
    let dir = dir.unwrap_or(Path::new(DEFAULT_SPEECH_DIR));
    let mut files = recordings(dir);
    let is_demo = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("demo-"))
    };
    files.sort_by_key(|path| (!is_demo(path), path.clone()));
    let readable = files.iter().filter_map(|path| read(path));
    let sentences: Vec<_> = readable.take(SENTENCES_MAX).collect();
    if !sentences.is_empty() {
        return Sentences {
            source: Source::Recorded,
            sentences,
        };
    }
    Sentences {
        source: Source::Synthesized,
        sentences: (1..=3).map(|seed| synthesized(seed, 6)).collect(),
    }
}

fn recordings(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let files = entries.take(ENTRIES_MAX).filter_map(Result::ok);
    let long = files.filter(|entry| {
        let g722 = entry.path().extension().is_some_and(|ext| ext == "g722");
        let len = entry.metadata().map_or(0, |metadata| metadata.len());
        g722 && len >= SENTENCE_BYTES_MIN
    });
    long.map(|entry| entry.path()).collect()
}

fn read(path: &Path) -> Option<Vec<i16>> {
    let mut bytes = std::fs::read(path).ok()?;
    // Six samples come of a byte.
    bytes.truncate(SENTENCE_SAMPLES_MAX / 6);
    let mut samples = decode_g722(&bytes);
    normalized(&mut samples, SPEECH_DBOV);
    Some(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_recordings_a_voice_is_synthesized() {
        let sentences = load_sentences(Some(Path::new("no/such/place")));
        assert_eq!(sentences.source, Source::Synthesized);
        assert!(sentences.sentences.iter().all(|s| s.len() > 48_000));
    }
}
