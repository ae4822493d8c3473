//! What is said in the measurements: recorded sentences, or a synthesized voice without recordings.

use std::path::Path;

use mix::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};
use voice::{Encoder, EncoderSettings, MAX_PACKET_BYTES};

use crate::error::BenchError;

/// Where the Debian package `asterisk-core-sounds-en-g722` keeps its recordings.
pub const RECORDINGS: &str = "/usr/share/asterisk/sounds/en_US_f_Allison";
/// How loud the speaking parts are, in dBov.
const LEVEL_DBOV: f64 = -23.0;
/// Recordings shorter than this (2 s at 8 000 bytes a second) are single words.
const RECORDING_BYTES_MIN: u64 = 16_000;
/// Above this level in dBov someone speaks.
const PAUSE_DBOV: i8 = -45;
const PAUSE_FRAMES_MAX: usize = 10;

/// Speech without long pauses, as frames; other speech for another `voice`.
pub fn speech(voice: u64, seconds: u32) -> Vec<Frame> {
    let wanted = (seconds * SAMPLE_RATE_HZ) as usize / FRAME_SAMPLES;
    let mut samples = recorded(voice, seconds).unwrap_or_default();
    if samples.len() < wanted * FRAME_SAMPLES {
        samples = voice::speech::synthesized(voice, 2 * seconds);
    }
    voice::speech::normalized(&mut samples, LEVEL_DBOV);
    let mut pause = 0;
    let mut frames: Vec<Frame> = samples
        .as_chunks::<FRAME_SAMPLES>()
        .0
        .iter()
        .filter(|frame| {
            pause = if voice::level_dbov(frame) < PAUSE_DBOV {
                pause + 1
            } else {
                0
            };
            pause <= PAUSE_FRAMES_MAX
        })
        .copied()
        .collect();
    frames.truncate(wanted);
    frames
}

/// Whether [`speech`] is recorded or synthesized.
pub fn source() -> &'static str {
    if Path::new(RECORDINGS).is_dir() {
        "recorded"
    } else {
        "synthesized"
    }
}

/// Twice as many seconds as asked for, since pauses are taken out.
fn recorded(voice: u64, seconds: u32) -> Option<Vec<i16>> {
    let mut files: Vec<_> = std::fs::read_dir(RECORDINGS)
        .ok()?
        .filter_map(Result::ok)
        .filter(|file| {
            file.metadata()
                .is_ok_and(|data| data.len() >= RECORDING_BYTES_MIN)
        })
        .map(|file| file.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "g722")
        })
        .collect();
    // From the end of the alphabet: the simulated lead speaks those at its beginning, and what one
    // of two talkers says must not be found in what the other said.
    files.sort();
    files.reverse();
    let start = usize::try_from(voice).ok()? * 17 % files.len().max(1);
    let mut bytes = Vec::new();
    for file in files.iter().cycle().skip(start).take(files.len()) {
        if bytes.len() >= 2 * 8_000 * seconds as usize {
            break;
        }
        bytes.extend(std::fs::read(file).ok()?);
    }
    Some(voice::speech::decode_g722(&bytes))
}

/// Encodes frames, one packet each.
pub fn encode(frames: &[Frame], settings: &EncoderSettings) -> Result<Vec<Vec<u8>>, BenchError> {
    let mut encoder = Encoder::new(settings).map_err(BenchError::unexpected("an encoder"))?;
    let mut packet = [0; MAX_PACKET_BYTES];
    frames
        .iter()
        .map(|frame| {
            let len = encoder
                .encode(frame, &mut packet)
                .map_err(BenchError::unexpected("a packet"))?;
            Ok(packet[..len].to_vec())
        })
        .collect()
}
