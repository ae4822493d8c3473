//! The notice that everyone hears when a recorded call begins.
//!
//! It is a party like any other, one that barges: the routes decide who hears it, and no rule has an
//! exception for it.

use std::f64::consts::TAU;
use std::path::Path;
use std::sync::Arc;

use mix::{FRAME_SAMPLES, Frame, LegNumber, SAMPLE_RATE_HZ, SILENCE};
use voice::Resampler;
use voice::speech::{decode_g722, normalized};

use crate::lead::DEFAULT_SPEECH_DIR;

/// The leg of an announcement. People's legs count up from 0 and never get here.
pub(crate) const ANNOUNCEMENT_LEG: LegNumber = LegNumber(u32::MAX);
/// The recorded prompt played by default.
const PROMPT: &str = "conf-now-recording.g722";
/// Announcements are made as loud as speech.
const LEVEL_DBOV: f64 = -23.0;
/// The longest announcement: thirty seconds.
const SAMPLES_MAX: usize = 30 * SAMPLE_RATE_HZ as usize;
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Sound ready to be played into calls. Cheap to clone.
#[derive(Clone)]
pub struct Announcement(Arc<[Frame]>);

impl Announcement {
    /// From samples at 48 kHz, mono. Anything beyond thirty seconds is cut off.
    #[must_use]
    pub fn new(samples: &[i16]) -> Self {
        let samples = samples.get(..SAMPLES_MAX).unwrap_or(samples);
        let frames = samples.chunks(FRAME_SAMPLES).map(|chunk| {
            let mut frame = SILENCE;
            for (to, from) in frame.iter_mut().zip(chunk) {
                *to = *from;
            }
            frame
        });
        Self(frames.collect())
    }

    /// How long it is, in ticks of 20 ms.
    #[must_use]
    pub fn ticks(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Debug for Announcement {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Announcement({} ticks)", self.ticks())
    }
}

/// An announcement in a call, and where it stands.
pub(crate) struct Playing {
    announcement: Announcement,
    at: usize,
}

impl Playing {
    pub(crate) const fn new(announcement: Announcement) -> Self {
        Self {
            announcement,
            at: 0,
        }
    }

    /// The next tick's sound; none at the end.
    pub(crate) fn next(&mut self) -> Option<&Frame> {
        let frame = self.announcement.0.get(self.at)?;
        self.at += 1;
        Some(frame)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.at >= self.announcement.ticks()
    }
}

/// Loads an announcement: raw G.722 as telephone exchanges store it (`*.g722`, no header), or else a
/// WAV file of 16-bit samples. `None` loads a prompt installed on the system, or two tones if there is
/// none. Blocks: not for a worker or an async task.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn load_announcement(file: Option<&Path>) -> Result<Announcement, String> {
    let samples = match file {
        Some(file) => load_samples(file)?,
        None => match load_samples(&Path::new(DEFAULT_SPEECH_DIR).join(PROMPT)) {
            Ok(samples) => samples,
            Err(_) => tones(),
        },
    };
    Ok(Announcement::new(&samples))
}

/// Loads sound at 48 kHz, mono, as loud as speech: G.722 or WAV, as for an announcement. Blocks: not
/// for a worker or an async task.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn load_samples(file: &Path) -> Result<Vec<i16>, String> {
    let mut samples = read(file)?;
    normalized(&mut samples, LEVEL_DBOV);
    Ok(samples)
}

fn read(file: &Path) -> Result<Vec<i16>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let length = std::fs::metadata(file).map_err(|e| failed(&e))?.len();
    if length > FILE_BYTES_MAX {
        return Err(failed(&"the file is too large for an announcement"));
    }
    let bytes = std::fs::read(file).map_err(|e| failed(&e))?;
    if file.extension().is_some_and(|ending| ending == "g722") {
        return Ok(decode_g722(&bytes));
    }
    wav(&bytes).map_err(|error| failed(&error))
}

/// The first channel of a RIFF WAV file of 16-bit PCM, at 48 kHz.
fn wav(bytes: &[u8]) -> Result<Vec<i16>, &'static str> {
    let malformed = "not a WAV file with 16-bit samples";
    let number = |at: usize, len: usize| {
        let field = bytes.get(at..at + len)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    };
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(malformed);
    }
    let (mut at, mut format) = (12, None);
    while let (Some(name), Some(length)) = (bytes.get(at..at + 4), number(at + 4, 4)) {
        let body = at + 8;
        if name == b"fmt " {
            let is_pcm = matches!(number(body, 2), Some(1 | 0xfffe));
            let (channels, rate) = (number(body + 2, 2), number(body + 4, 4));
            if let (true, Some(channels @ 1..=8), Some(rate), Some(16)) =
                (is_pcm, channels, rate, number(body + 14, 2))
            {
                format = Some((channels, rate as u32));
            }
        } else if name == b"data" {
            let (channels, rate) = format.ok_or(malformed)?;
            let end = body.saturating_add(length).min(bytes.len());
            let data = bytes.get(body..end).unwrap_or_default();
            let samples: Vec<i16> = data
                .chunks_exact(2 * channels)
                .filter_map(|all| Some(i16::from_le_bytes(all.get(..2)?.try_into().ok()?)))
                .collect();
            let mut resampler =
                Resampler::new(rate, SAMPLE_RATE_HZ).map_err(|_| "unsupported sampling rate")?;
            let mut out = Vec::with_capacity(samples.len() * 6);
            resampler.process(&samples, &mut out);
            return Ok(out);
        }
        at = body.saturating_add(length).saturating_add(length % 2);
    }
    Err(malformed)
}

/// Half a second of one tone, half a second of a higher one.
fn tones() -> Vec<i16> {
    let half = SAMPLE_RATE_HZ as usize / 2;
    let sample = |at: usize| {
        let hz = if at < half { 520.0 } else { 660.0 };
        let in_tone = (at % half) as f64;
        let edge = (in_tone.min(half as f64 - in_tone) / 480.0).min(1.0);
        ((TAU * hz * at as f64 / f64::from(SAMPLE_RATE_HZ)).sin() * 8_000.0 * edge) as i16
    };
    (0..2 * half).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wav_file_is_resampled_and_anything_else_is_refused() {
        let folder = std::env::temp_dir().join(format!("announcement-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("notice.wav");
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        bytes.extend(16_000_u32.to_le_bytes());
        bytes.extend(32_000_u32.to_le_bytes());
        bytes.extend([2, 0, 16, 0]);
        bytes.extend(b"data");
        bytes.extend(32_000_u32.to_le_bytes());
        for at in 0..16_000 {
            let sample = ((TAU * 440.0 * f64::from(at) / 16_000.0).sin() * 9_000.0) as i16;
            bytes.extend(sample.to_le_bytes());
        }
        std::fs::write(&file, &bytes).unwrap();
        let loaded = load_announcement(Some(&file)).unwrap();
        assert!((48..=50).contains(&loaded.ticks()), "{loaded:?}");
        assert!(loaded.0[20].iter().any(|sample| *sample > 2_000));
        std::fs::write(&file, b"RIFFnothing").unwrap();
        assert!(load_announcement(Some(&file)).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn without_a_prompt_there_are_two_tones() {
        let samples = tones();
        assert_eq!(samples.len(), SAMPLE_RATE_HZ as usize);
        assert!(samples.iter().any(|sample| *sample > 7_000));
        assert!(load_announcement(None).unwrap().ticks() > 20);
    }
}
