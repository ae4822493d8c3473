//! Who is heard where: everybody speaks a tone of their own, all the time.

use std::time::{Duration, Instant};

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
/// For so long it must stay as it is: 1.4 s.
const STEADY_PIECES: usize = 7;
/// On a busy machine a sound daemon may skip some samples, and a skip has a little of every frequency.
/// In the middle of all pieces [`SILENT`] holds; in no single one is more than this.
const SKIPPED: f64 = SAID * 0.06;
const LOOK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(40);

/// Minutes of somebody's tone.
pub fn speech(frequency_hz: f64) -> Vec<i16> {
    tone(frequency_hz, SAID, 240.0)
}

/// How loud one tone is in each of some pieces, the quietest first.
#[derive(Debug)]
struct Amplitudes {
    hz: f64,
    sorted: Vec<f64>,
}

impl Amplitudes {
    fn of(hz: f64, samples: &[i16]) -> Self {
        let pieces = samples.chunks_exact(PIECE);
        let mut sorted: Vec<f64> = pieces.map(|piece| amplitude_of(hz, piece)).collect();
        sorted.sort_by(f64::total_cmp);
        Self { hz, sorted }
    }

    fn middle(&self) -> f64 {
        self.sorted
            .get(self.sorted.len() / 2)
            .copied()
            .unwrap_or(0.0)
    }

    fn is_heard(&self) -> bool {
        self.middle() > HEARD
    }

    fn is_silent(&self) -> bool {
        self.middle() < SILENT && self.sorted.iter().all(|amplitude| *amplitude < SKIPPED)
    }
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

    /// Waits until these tones are heard and no others, and then that it stays so. What must not be
    /// heard must not be there from then on; what must be heard may take its time, for on a busy
    /// machine a sound daemon is late now and then.
    pub async fn hears(&self, who: &str, wanted: &[f64]) {
        let deadline = Instant::now() + PATIENCE;
        let mut from = self.samples().len();
        let mut settled = false;
        loop {
            let piece_count = if settled { STEADY_PIECES } else { 1 };
            let samples = self.samples();
            let Some(next) = samples.get(from..from + piece_count * PIECE) else {
                assert!(Instant::now() < deadline, "{who}: nothing more is heard");
                tokio::time::sleep(LOOK).await;
                continue;
            };
            from += next.len();
            let heard = TONES.map(|hz| Amplitudes::of(hz, next));
            let (wanted_heard, others_silent) = (
                heard
                    .iter()
                    .filter(|tone| wanted.contains(&tone.hz))
                    .all(Amplitudes::is_heard),
                heard
                    .iter()
                    .filter(|tone| !wanted.contains(&tone.hz))
                    .all(Amplitudes::is_silent),
            );
            assert!(
                others_silent || !settled,
                "{who} hears {heard:.0?}, and only {wanted:?} may be"
            );
            if wanted_heard && others_silent {
                if settled {
                    return;
                }
                settled = true;
            }
            assert!(
                Instant::now() < deadline,
                "{who} hears {heard:.0?}, not {wanted:?}"
            );
        }
    }

    /// Whether no tone is heard for a moment, within three seconds from now.
    pub async fn falls_silent(&self) -> bool {
        let from = self.samples().len();
        for _ in 0..60 {
            tokio::time::sleep(LOOK).await;
            let samples = self.samples();
            let mut pieces = samples.get(from..).unwrap_or_default().chunks_exact(PIECE);
            let is_silent =
                |piece: &[i16]| (TONES.iter()).all(|hz| amplitude_of(*hz, piece) < SILENT);
            if pieces.any(is_silent) {
                return true;
            }
        }
        false
    }

    /// Whether a tone was ever there since the start, for 300 ms: where another tone begins, or the
    /// sound daemon skips, there is a little of every frequency for a moment.
    pub fn ever_heard(&self, hz: f64) -> bool {
        let loud: Vec<bool> = self
            .samples()
            .chunks_exact(PIECE / 2)
            .map(|piece| amplitude_of(hz, piece) > HEARD / 2.0)
            .collect();
        loud.windows(3).any(|three| three.iter().all(|loud| *loud))
    }
}
