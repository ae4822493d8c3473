//! Finds the traces of one speaker in what a listener received.
//!
//! A known piece of speech is searched for in a track by its whitened cross-correlation (the phase
//! transform of Knapp and Carter, 1976): only phases count, so that a quiet voice beneath a loud one
//! is found as well as one that is alone. What is not there gives a noise whose
//! peak stands about ten deviations high; what is there stands out by many times that.
//!
//! The track is searched stretch by stretch: among the phases of a long one, a second of speech counts
//! for little, and a telephone's, which fills half of the band only, was not always found.

use mix::{FRAME_SAMPLES, SAMPLE_RATE_HZ};
use realfft::{RealFftPlanner, num_complex::Complex};
use voice::Resampler;

/// The rate at which is searched: the recordings hold nothing above 7 kHz.
const SEARCH_HZ: u32 = 16_000;
/// The length of a piece that is searched for: 1 s at 16 kHz.
const PIECE_SAMPLES: usize = 16_000;
/// The length of a stretch of the track: 4 s.
const STRETCH_SAMPLES: usize = 64_000;
/// How long a piece and a stretch fade in and out, 50 ms: a cut is a click, and two clicks are alike.
const FADE_SAMPLES: usize = 800;
/// From one stretch to the next. Each piece lies wholly within one of them, without its fades.
const STRETCH_STEP_SAMPLES: usize = STRETCH_SAMPLES - PIECE_SAMPLES - 2 * FADE_SAMPLES;
/// A piece quieter than this is a pause, and no evidence either way.
const PIECE_DBOV_MIN: f64 = -33.0;
/// How many deviations a peak must stand out. Another sentence of the same voice mostly gives 10 to 16,
/// seldom 24, and is then not alike; the sentence itself gives 25 and mostly more than 40.
const DEVIATIONS_MIN: f64 = 20.0;
/// How alike the samples at that place must be to the piece: their correlation coefficient. A voice
/// nine decibels beneath another gives 0.3; a peak by chance among the phases gives nearly none.
const LIKENESS_MIN: f64 = 0.2;
/// What is written for no trace: the bottom of the scale of RFC 6464.
pub const NO_TRACE_DBOV: f64 = -127.0;

/// What was found of a speaker in a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace {
    /// Pieces of speech that were searched for.
    pub pieces: usize,
    pub found: usize,
    /// The mean level at which they were found, in dBov; [`NO_TRACE_DBOV`] when none was.
    pub level_dbov: f64,
}

impl Trace {
    /// Whether any piece was found: a leak of one second is a leak.
    #[must_use]
    pub const fn heard(&self) -> bool {
        self.found > 0
    }

    /// Whether so much was found that one may speak of hearing: three pieces of four.
    #[must_use]
    pub const fn heard_well(&self) -> bool {
        self.found > 0 && self.found * 4 >= self.pieces * 3
    }
}

/// Searches a track for what a speaker said. Both are 48 kHz mono.
#[must_use]
pub fn trace(said: &[i16], track: &[i16]) -> Trace {
    Listener::new(track).trace(said)
}

/// A track in which several speakers are searched for.
pub struct Listener {
    track: Vec<f64>,
    /// The phases of each stretch of the track.
    stretches: Vec<Vec<Complex<f64>>>,
    fft: std::sync::Arc<dyn realfft::RealToComplex<f64>>,
    inverse: std::sync::Arc<dyn realfft::ComplexToReal<f64>>,
}

/// The level of a whole track, in dBov.
#[must_use]
pub fn track_dbov(track: &[i16]) -> f64 {
    let sum: f64 = track.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    dbov(sum / track.len().max(1) as f64 / f64::from(i16::MAX).powi(2))
}

/// Where in a track a piece of speech was found, in seconds from the track's start; `None` when it is
/// not there, or too quiet to tell. Both are 48 kHz mono; to a sixteenth of a millisecond.
#[must_use]
pub fn place_s(piece: &[i16], track: &[i16]) -> Option<f64> {
    let piece = to_search_rate(piece);
    if dbov(power(&piece)) < PIECE_DBOV_MIN {
        return None;
    }
    let lag = Listener::new(track).locate(&piece)?;
    Some(lag as f64 / f64::from(SEARCH_HZ))
}

impl Listener {
    /// Takes a track, 48 kHz mono.
    #[must_use]
    pub fn new(track: &[i16]) -> Self {
        let track = to_search_rate(track);
        let size = (STRETCH_SAMPLES + PIECE_SAMPLES).next_power_of_two();
        let mut planner = RealFftPlanner::new();
        let fft = planner.plan_fft_forward(size);
        let inverse = planner.plan_fft_inverse(size);
        let stretches = (0..track.len())
            .step_by(STRETCH_STEP_SAMPLES)
            .map(|start| {
                let end = track.len().min(start + STRETCH_SAMPLES);
                phases(fft.as_ref(), &track[start..end])
            })
            .collect();
        Self {
            track,
            stretches,
            fft,
            inverse,
        }
    }

    /// Searches for what a speaker said, 48 kHz mono.
    #[must_use]
    pub fn trace(&self, said: &[i16]) -> Trace {
        let said = to_search_rate(said);
        let pieces: Vec<&[f64]> = said
            .chunks_exact(PIECE_SAMPLES)
            .filter(|piece| dbov(power(piece)) >= PIECE_DBOV_MIN)
            .collect();
        let found: Vec<f64> = pieces.iter().filter_map(|piece| self.find(piece)).collect();
        let mean_power = found.iter().sum::<f64>() / found.len().max(1) as f64;
        Trace {
            pieces: pieces.len(),
            found: found.len(),
            level_dbov: if found.is_empty() {
                NO_TRACE_DBOV
            } else {
                dbov(mean_power)
            },
        }
    }

    /// The power at which this piece is in the track; `None` when it is not.
    fn find(&self, piece: &[f64]) -> Option<f64> {
        let lag = self.locate(piece)?;
        let received = self.track.get(lag..lag + piece.len())?;
        let energy: f64 = piece.iter().map(|value| value * value).sum();
        let common = received.iter().zip(piece).map(|(a, b)| a * b).sum::<f64>();
        let received_energy: f64 = received.iter().map(|value| value * value).sum();
        if common.abs() < LIKENESS_MIN * (energy * received_energy).sqrt() {
            return None;
        }
        let gain = common / energy;
        Some(gain * gain * power(piece))
    }

    /// The sample of the track at which this piece begins; `None` when it is not there.
    fn locate(&self, piece: &[f64]) -> Option<usize> {
        let piece_phases = phases(self.fft.as_ref(), piece);
        let last = self.track.len().saturating_sub(piece.len());
        let peaks = self
            .stretches
            .iter()
            .enumerate()
            .filter_map(|(at, phases)| {
                let start = at * STRETCH_STEP_SAMPLES;
                let lags = last
                    .saturating_sub(start)
                    .clamp(1, STRETCH_SAMPLES - PIECE_SAMPLES);
                let (lag, height) = self.peak(&piece_phases, phases, lags)?;
                Some((start + lag, height))
            });
        let (lag, height) = peaks.max_by(|a, b| a.1.total_cmp(&b.1))?;
        (height >= DEVIATIONS_MIN).then_some(lag)
    }

    /// Where among so many lags a stretch is most like the piece, and by how many deviations.
    fn peak(
        &self,
        piece: &[Complex<f64>],
        stretch: &[Complex<f64>],
        lags: usize,
    ) -> Option<(usize, f64)> {
        let mut spectrum: Vec<_> = piece
            .iter()
            .zip(stretch)
            .map(|(piece, stretch)| stretch * piece.conj())
            .collect();
        let mut correlation = self.inverse.make_output_vec();
        self.inverse.process(&mut spectrum, &mut correlation).ok()?;
        let deviation = (correlation.iter().map(|value| value * value).sum::<f64>()
            / correlation.len() as f64)
            .sqrt();
        let (lag, peak) = correlation
            .iter()
            .take(lags)
            .enumerate()
            .map(|(lag, value)| (lag, value.abs()))
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        (deviation > 0.0).then_some((lag, peak / deviation))
    }
}

/// The spectrum with every magnitude made one, within the band of speech.
fn phases(fft: &dyn realfft::RealToComplex<f64>, samples: &[f64]) -> Vec<Complex<f64>> {
    let mut input = fft.make_input_vec();
    for (at, (to, from)) in input.iter_mut().zip(samples).enumerate() {
        let to_edge = (at + 1).min(samples.len() - at).min(FADE_SAMPLES);
        *to = *from * to_edge as f64 / FADE_SAMPLES as f64;
    }
    let mut spectrum = fft.make_output_vec();
    if fft.process(&mut input, &mut spectrum).is_err() {
        spectrum.fill(Complex::default());
    }
    let hz_per_bin = f64::from(SEARCH_HZ) / fft.len() as f64;
    let loudest = spectrum.iter().map(|bin| bin.norm()).fold(0.0, f64::max);
    for (index, bin) in spectrum.iter_mut().enumerate() {
        let hz = index as f64 * hz_per_bin;
        // Bins 60 dB beneath the loudest hold rounding only, or what a telephone's codec adds beyond its
        // band, and their phases mean nothing.
        let counts = (150.0..6_500.0).contains(&hz) && bin.norm() > loudest * 1e-3;
        *bin = if counts {
            *bin / bin.norm()
        } else {
            Complex::default()
        };
    }
    spectrum
}

fn to_search_rate(samples: &[i16]) -> Vec<f64> {
    let mut resampled = Vec::with_capacity(samples.len() / 3 + FRAME_SAMPLES);
    if let Ok(mut resampler) = Resampler::new(SAMPLE_RATE_HZ, SEARCH_HZ) {
        resampler.process(samples, &mut resampled);
    }
    resampled
        .iter()
        .map(|&sample| f64::from(sample) / f64::from(i16::MAX))
        .collect()
}

fn power(samples: &[f64]) -> f64 {
    samples.iter().map(|value| value * value).sum::<f64>() / samples.len().max(1) as f64
}

fn dbov(power: f64) -> f64 {
    if power <= 0.0 {
        NO_TRACE_DBOV
    } else {
        (10.0 * power.log10()).max(NO_TRACE_DBOV)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voice::speech::{decode_g722, normalized};
    use voice::{Decoder, Encoder, EncoderSettings, Law, MAX_PACKET_BYTES};

    /// Six seconds of recorded speech: each number gives other sentences.
    fn voice_of(number: usize) -> Vec<i16> {
        let names = [
            "demo-instruct",
            "demo-moreinfo",
            "demo-congrats",
            "demo-abouttotry",
        ];
        let path = format!(
            "/usr/share/asterisk/sounds/en_US_f_Allison/{}.g722",
            names[number % 4]
        );
        let bytes = std::fs::read(&path).unwrap_or_else(|error| {
            panic!("{path}: {error}; the set-up (`make test`) installs it")
        });
        let start = (number / 4) * 6 * 48_000;
        let mut samples = decode_g722(&bytes)[start..start + 6 * 48_000].to_vec();
        normalized(&mut samples, -26.0);
        samples
    }

    /// What a listener gets of a track: encoded and decoded.
    fn through_opus(track: &[i16]) -> Vec<i16> {
        let mut encoder = Encoder::new(&EncoderSettings::default()).unwrap();
        let mut decoder = Decoder::new().unwrap();
        let mut packet = [0; MAX_PACKET_BYTES];
        let mut heard = Vec::new();
        for frame in track.as_chunks::<FRAME_SAMPLES>().0 {
            let len = encoder.encode(frame, &mut packet).unwrap();
            let mut out = [0; FRAME_SAMPLES];
            decoder.decode(&packet[..len], &mut out).unwrap();
            heard.extend_from_slice(&out);
        }
        heard
    }

    fn added(a: &[i16], b: &[i16], gain: f64) -> Vec<i16> {
        let scaled = b.iter().map(|&sample| (f64::from(sample) * gain) as i16);
        a.iter()
            .zip(scaled)
            .map(|(&a, b)| a.saturating_add(b))
            .collect()
    }

    #[test]
    fn a_voice_is_found_in_a_coded_mix_and_an_absent_one_is_not() {
        let (rep, lead, absent) = (voice_of(1), voice_of(2), voice_of(3));
        let heard = through_opus(&added(&rep, &lead, 1.0));
        for present in [&rep, &lead] {
            let found = trace(present, &heard);
            assert!(found.heard_well(), "{found:?}");
            assert!(
                (found.level_dbov - track_dbov(present)).abs() < 3.0,
                "{found:?}"
            );
        }
        let found = trace(&absent, &heard);
        assert!(found.pieces > 2 && !found.heard(), "{found:?}");
        assert!((found.level_dbov - NO_TRACE_DBOV).abs() < f64::EPSILON);
    }

    /// What a telephone makes of a voice: A-law at 8 kHz.
    fn through_telephone(track: &[i16]) -> Vec<i16> {
        let mut down = Resampler::new(SAMPLE_RATE_HZ, 8_000).unwrap();
        let mut up = Resampler::new(8_000, SAMPLE_RATE_HZ).unwrap();
        let (mut narrow, mut wide) = (Vec::new(), Vec::new());
        down.process(track, &mut narrow);
        for sample in &mut narrow {
            *sample = Law::A.decode(Law::A.encode(*sample));
        }
        up.process(&narrow, &mut wide);
        wide
    }

    #[test]
    fn every_second_of_a_telephones_voice_is_found_in_a_long_track() {
        // It never pauses, and comes between two samples of the rate at which is searched.
        let mut lead = voice_of(0);
        lead.extend(voice_of(1));
        lead.extend(voice_of(2));
        let said = through_telephone(&lead);
        for delay in 3_190..3_193 {
            let mut track = vec![0; delay];
            track.extend(&said);
            track.extend([0; 4_800]);
            let found = trace(&said, &through_opus(&track));
            assert!(found.pieces > 12, "{found:?}");
            assert_eq!(found.found, found.pieces, "{delay} samples late");
        }
    }

    #[test]
    fn a_leak_nine_decibels_beneath_another_voice_is_found() {
        let (rep, whisper) = (voice_of(4), voice_of(1));
        let found = trace(&whisper, &through_opus(&added(&rep, &whisper, 0.35)));
        assert!(found.heard(), "{found:?}");
    }

    #[test]
    fn a_leak_at_minus_forty_decibels_is_found_in_silence() {
        let whisper = voice_of(1);
        let quiet = added(&vec![0; whisper.len()], &whisper, 0.01);
        let found = trace(&whisper, &through_opus(&quiet));
        assert!(found.heard(), "{found:?}");
    }

    #[test]
    fn silence_holds_no_trace_of_anybody() {
        assert!(!trace(&voice_of(6), &vec![0; 6 * 48_000]).heard());
        assert!(!trace(&voice_of(6), &[]).heard());
    }
}
