//! WAV files: read whole, written while they play.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use hound::{SampleFormat, WavReader, WavSpec};
use mix::{Frame, SAMPLE_RATE_HZ};
use voice::Resampler;

use super::device::Loudspeaker;
use super::memory::PlayClock;
use crate::error::ClientError;

/// The longest file that is read, in samples of all channels: an hour of stereo at 48 kHz.
const SAMPLES_MAX: u32 = 2 * 3600 * SAMPLE_RATE_HZ;

/// A WAV file as 48 kHz mono: any rate that [`Resampler`] takes, any number of channels (the first
/// counts when there are more than two), 8 to 32 bits or float.
///
/// # Errors
/// [`ClientError::Audio`] when it is no such file.
pub fn read_wav(path: &Path) -> Result<Vec<i16>, ClientError> {
    let error = |why: String| ClientError::Audio(format!("{}: {why}", path.display()));
    let reader = WavReader::open(path).map_err(|e| error(e.to_string()))?;
    let spec = reader.spec();
    if reader.len() > SAMPLES_MAX {
        return Err(error("longer than an hour".into()));
    }
    let samples = match spec.sample_format {
        SampleFormat::Float => reader
            .into_samples::<f32>()
            .map(|sample| sample.map(|sample| (sample * f32::from(i16::MAX)) as i16))
            .collect::<Result<Vec<_>, _>>(),
        SampleFormat::Int => {
            let up = 16_u16.saturating_sub(spec.bits_per_sample);
            let down = spec.bits_per_sample.saturating_sub(16);
            reader
                .into_samples::<i32>()
                .map(|sample| sample.map(|sample| ((sample << up) >> down) as i16))
                .collect()
        }
    };
    let samples = samples.map_err(|e| error(e.to_string()))?;
    let mono: Vec<i16> = match spec.channels {
        0 | 1 => samples,
        2 => samples
            .chunks_exact(2)
            .map(|pair| pair.iter().map(|s| i32::from(*s)).sum::<i32>() / 2)
            .map(|sum| sum as i16)
            .collect(),
        more => samples.into_iter().step_by(usize::from(more)).collect(),
    };
    if spec.sample_rate == SAMPLE_RATE_HZ {
        return Ok(mono);
    }
    let mut resampler =
        Resampler::new(spec.sample_rate, SAMPLE_RATE_HZ).map_err(|e| error(e.to_string()))?;
    let mut resampled = Vec::new();
    resampler.process(&mono, &mut resampled);
    Ok(resampled)
}

/// A loudspeaker that writes a WAV file, 48 kHz mono 16 bit. It is whole once dropped.
pub struct WavWriter {
    writer: Option<hound::WavWriter<BufWriter<File>>>,
    clock: PlayClock,
}

impl std::fmt::Debug for WavWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("WavWriter")
    }
}

impl WavWriter {
    /// Writes to this file, in place of what is there.
    ///
    /// # Errors
    /// [`ClientError::Audio`] when it cannot be made.
    pub fn create(path: &Path) -> Result<Self, ClientError> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE_HZ,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let writer = hound::WavWriter::create(path, spec)
            .map_err(|error| ClientError::Audio(format!("{}: {error}", path.display())))?;
        Ok(Self {
            writer: Some(writer),
            clock: PlayClock::default(),
        })
    }
}

impl Loudspeaker for WavWriter {
    fn wants(&mut self, now: Instant) -> bool {
        self.clock.wants(now)
    }

    fn play(&mut self, frame: &Frame) {
        let Some(writer) = &mut self.writer else {
            return;
        };
        for sample in frame {
            if let Err(error) = writer.write_sample(*sample) {
                tracing::warn!(%error, "the sound is no longer written");
                self.writer = None;
                return;
            }
        }
    }
}

impl Drop for WavWriter {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take()
            && let Err(error) = writer.finalize()
        {
            tracing::warn!(%error, "the sound file may not be whole");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mix::FRAME_SAMPLES;

    #[test]
    fn what_was_played_is_read_back() {
        let path = std::env::temp_dir().join(format!("client-wav-{}.wav", crate::random::bits()));
        let mut writer = WavWriter::create(&path).unwrap();
        writer.play(&[1234; FRAME_SAMPLES]);
        drop(writer);
        assert_eq!(read_wav(&path).unwrap(), [1234; FRAME_SAMPLES]);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn stereo_at_another_rate_becomes_mono_at_ours() {
        let path = std::env::temp_dir().join(format!("client-wav-{}.wav", crate::random::bits()));
        let spec = WavSpec {
            channels: 2,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for _ in 0..1600 {
            writer.write_sample(1000_i16).unwrap();
            writer.write_sample(3000_i16).unwrap();
        }
        writer.finalize().unwrap();
        let samples = read_wav(&path).unwrap();
        assert_eq!(samples.len(), 4800);
        assert!((samples[4000] - 2000).abs() <= 20, "{}", samples[4000]);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_no_wav_is_refused() {
        let path = std::env::temp_dir().join(format!("client-wav-{}.wav", crate::random::bits()));
        std::fs::write(&path, b"RIFF but no more").unwrap();
        assert!(matches!(read_wav(&path), Err(ClientError::Audio(_))));
        std::fs::remove_file(&path).unwrap();
    }
}
