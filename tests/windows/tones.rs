//! Who is heard where: everybody speaks a tone of their own, all the time.

use std::time::{Duration, Instant};

use demo::tape::Track;

use crate::pulse::{Recording, amplitude_of, tone};
use crate::slow::{give_up, waits};

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
/// On a busy machine a sound daemon may skip some samples, and a skip has a little of every frequency,
/// the less the farther it is from the tone that skipped. A tone stands out among those this far away.
const ASIDE_HZ: f64 = 150.0;
const STANDS_OUT: f64 = 1.5;
/// Skips of several tones add up: what stands out of a single piece is no voice below this, if it is
/// [`SILENT`] in the middle one of all pieces.
const SKIPPED: f64 = SAID * 0.06;
const LOOK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(40);

/// Minutes of somebody's tone.
pub fn speech(frequency_hz: f64) -> Vec<i16> {
    tone(frequency_hz, SAID, 240.0)
}

/// How loud a tone is in one piece, if it is more than what a skip leaves of every frequency.
pub fn standing_out(hz: f64, piece: &[i16]) -> f64 {
    let amplitude = amplitude_of(hz, piece);
    let aside = [hz - ASIDE_HZ, hz + ASIDE_HZ].map(|aside| amplitude_of(aside, piece));
    if aside.iter().all(|aside| amplitude > aside * STANDS_OUT) {
        amplitude
    } else {
        0.0
    }
}

/// How loud one tone is in some pieces.
#[derive(Debug)]
struct Heard {
    hz: f64,
    /// In the middle one of all pieces.
    middle: f64,
    /// The same of what stands out: all that a sound that skips in each piece leaves is no voice.
    middle_out: f64,
    /// At its loudest, where it stands out.
    loudest: f64,
}

impl Heard {
    fn of(hz: f64, samples: &[i16]) -> Self {
        let pieces = samples.chunks_exact(PIECE);
        let standing_out = sorted(pieces.clone().map(|piece| standing_out(hz, piece)));
        let amplitudes = sorted(pieces.map(|piece| amplitude_of(hz, piece)));
        let middle = |sorted: &[f64]| sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        Self {
            hz,
            middle: middle(&amplitudes),
            middle_out: middle(&standing_out),
            loudest: standing_out.last().copied().unwrap_or(0.0),
        }
    }

    fn is_heard(&self) -> bool {
        self.middle > HEARD
    }

    fn is_silent(&self) -> bool {
        self.middle_out < SILENT && self.loudest < SKIPPED
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Whether a tone is nowhere in these samples, but for what skips leave of it.
pub fn is_silent(hz: f64, samples: &[i16]) -> bool {
    Heard::of(hz, samples).is_silent()
}

/// Where something is heard.
pub enum Ear {
    /// A loudspeaker's.
    Loudspeaker(Recording),
    /// The lead's, or the recording's.
    Line(Track),
}

impl Ear {
    /// How many samples were heard so far.
    fn count(&self) -> usize {
        match self {
            Self::Loudspeaker(recording) => recording.count(),
            Self::Line(track) => track.len(),
        }
    }

    /// The samples from one position to another, as far as they were heard.
    fn between(&self, from: usize, to: usize) -> Vec<i16> {
        match self {
            Self::Loudspeaker(recording) => recording.between(from, to),
            Self::Line(track) => track.between(from, to),
        }
    }

    /// Waits until these tones are heard and no others, and then that it stays so. What must not be
    /// heard must not be there from then on; what must be heard may take its time, for on a busy
    /// machine a sound daemon is late now and then.
    pub async fn hears(&self, who: &str, wanted: &[f64]) {
        let deadline = Instant::now() + PATIENCE;
        let waits = waits();
        let mut from = self.count();
        let mut settled = false;
        loop {
            let piece_count = if settled { STEADY_PIECES } else { 1 };
            let to = from + piece_count * PIECE;
            if self.count() < to {
                if Instant::now() > deadline {
                    give_up(&format!("{who}: nothing more is heard"), &waits);
                }
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let next = self.between(from, to);
            from = to;
            let heard = TONES.map(|hz| Heard::of(hz, &next));
            let mut wanted_heard = true;
            let mut others_silent = true;
            for tone in &heard {
                if wanted.contains(&tone.hz) {
                    wanted_heard &= tone.is_heard();
                } else {
                    others_silent &= tone.is_silent();
                }
            }
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
            if Instant::now() > deadline {
                give_up(&format!("{who} hears {heard:.0?}, not {wanted:?}"), &waits);
            }
        }
    }

    /// Whether a tone was ever there since the start, for 300 ms: where another tone begins, or the
    /// sound daemon skips, there is a little of every frequency for a moment.
    pub fn ever_heard(&self, hz: f64) -> bool {
        let loud: Vec<bool> = self
            .between(0, usize::MAX)
            .chunks_exact(PIECE / 2)
            .map(|piece| amplitude_of(hz, piece) > HEARD / 2.0)
            .collect();
        loud.windows(3).any(|three| three.iter().all(|loud| *loud))
    }
}
