//! Who is heard where: everybody speaks a tone of their own, all the time.

use std::time::Duration;

use demo::tape::Track;

use crate::pulse::{Recording, amplitude_of, tone};

/// No two are multiples of one another, and none is a sum or a difference of others.
pub const LEAD_HZ: f64 = 437.0;
pub const RILEY_HZ: f64 = 631.0;
pub const MORGAN_HZ: f64 = 887.0;
pub const CASEY_HZ: f64 = 1_231.0;
pub const TONES: [f64; 4] = [LEAD_HZ, RILEY_HZ, MORGAN_HZ, CASEY_HZ];

/// What is said, of 32,767.
const SAID: f64 = 4_000.0;
/// Louder is heard: within 15 dB of what was said.
const HEARD: f64 = SAID * 0.18;
/// Quieter is not: 40 dB below.
const SILENT: f64 = SAID * 0.01;
/// Tones are looked for in pieces of 200 ms.
const PIECE: usize = 9_600;
/// For so long it must stay as it is.
const STEADY: usize = 72_000;
/// On a busy machine a sound daemon may skip some samples, and a skip has a little of every frequency.
/// In the middle of all pieces [`SILENT`] holds; in no single one is more than this.
const SKIPPED: f64 = SAID * 0.06;
const LOOK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(40);

/// Minutes of somebody's tone.
pub fn speech(frequency_hz: f64) -> Vec<i16> {
    tone(frequency_hz, SAID, 240.0)
}

/// Where something is heard.
pub enum Ear {
    /// A loudspeaker's.
    Loudspeaker(Recording),
    /// The lead's, or the recording's.
    Line(Track),
}

impl Ear {
    fn samples(&self) -> Vec<i16> {
        match self {
            Self::Loudspeaker(recording) => recording.samples(),
            Self::Line(track) => track.between(0, track.len()),
        }
    }

    fn tones_in(piece: &[i16]) -> Vec<(f64, f64)> {
        TONES
            .iter()
            .map(|hz| (*hz, amplitude_of(*hz, piece)))
            .collect()
    }

    /// Waits until exactly these tones are heard, and then that it stays so for a second.
    pub async fn hears(&self, who: &str, wanted: &[f64]) {
        let is_wanted = |hz: f64| wanted.contains(&hz);
        let fits = |piece: &[i16]| {
            Self::tones_in(piece).iter().all(|(hz, amplitude)| {
                if is_wanted(*hz) {
                    *amplitude > HEARD
                } else {
                    *amplitude < SILENT
                }
            })
        };
        let so = tokio::time::timeout(PATIENCE, async {
            loop {
                let samples = self.samples();
                let newest = &samples[samples.len().saturating_sub(PIECE)..];
                if newest.len() == PIECE && fits(newest) {
                    return samples.len();
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        let Ok(from) = so.await else {
            let samples = self.samples();
            let newest = &samples[samples.len().saturating_sub(PIECE)..];
            panic!("{who} hears {:.0?}, not {wanted:?}", Self::tones_in(newest));
        };
        let after = tokio::time::timeout(PATIENCE, async {
            loop {
                let samples = self.samples();
                if samples.len() >= from + STEADY {
                    return samples[from..].to_vec();
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        let Ok(after) = after.await else {
            panic!("{who}: nothing more is heard");
        };
        for hz in TONES {
            let mut amplitudes: Vec<f64> = after
                .chunks_exact(PIECE)
                .map(|piece| amplitude_of(hz, piece))
                .collect();
            amplitudes.sort_by(f64::total_cmp);
            let middle = amplitudes[amplitudes.len() / 2];
            let most = amplitudes[amplitudes.len() - 1];
            let fits = if is_wanted(hz) {
                middle > HEARD
            } else {
                middle < SILENT && most < SKIPPED
            };
            assert!(
                fits,
                "{who} hears {hz} at {amplitudes:.0?}, and {wanted:?} is wanted"
            );
        }
    }

    /// Whether a tone was ever there since the start, in pieces of 100 ms. Where another tone begins
    /// within a piece, a little of it is at every frequency.
    pub fn ever_heard(&self, hz: f64) -> bool {
        self.samples()
            .chunks_exact(PIECE / 2)
            .any(|piece| amplitude_of(hz, piece) > HEARD / 2.0)
    }
}
