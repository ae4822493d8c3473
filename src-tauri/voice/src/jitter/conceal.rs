//! Concealment of lost telephone sound by the repetition of its last periods, in the manner of ITU-T
//! G.711 Appendix I. All samples are at 8 kHz.
//!
//! Where Appendix I delays everything by 3.75 ms to smooth the place where the repetition begins,
//! this takes the step there out of the repetition's first quarter period, and delays nothing. The
//! fading is the caller's.

use super::stretch;

/// 200 Hz, the shortest period that is repeated; of a higher voice two or more are.
const PERIOD_MIN: usize = 40;
/// 66 Hz, the longest.
const PERIOD_MAX: usize = 120;
/// The last 20 ms are compared with what was before.
const WINDOW: usize = 160;
/// Three of the longest period, and a quarter to glide over.
const HISTORY: usize = 3 * PERIOD_MAX + PERIOD_MAX / 4;
/// After this many samples (10 ms) one period more is repeated, up to three, so that no buzz is heard.
const WIDEN: usize = 80;
const PERIODS_MAX: usize = 3;
/// What is made up overlaps the sound after it by a quarter period and 4 ms for each 10 ms, up to
/// 10 ms.
const OVERLAP: usize = 32;
const OVERLAP_MAX: usize = 80;

/// What was heard last, and how it may have gone on.
pub(super) struct Concealment {
    history: [i16; HISTORY],
    /// The history when the repetition began.
    pattern: [i16; HISTORY],
    period: usize,
    /// Samples made up since the last that was heard; 0 while nothing is missing.
    made_up: usize,
    now: Repetition,
    /// What was repeated before the last widening, from which `now` glides away.
    before: Repetition,
    glide: usize,
    /// By how much the first repeated sample misses how the wave went on.
    step: f32,
}

/// A place in so many periods at the end of the pattern, which are repeated.
#[derive(Clone, Copy, Default)]
struct Repetition {
    periods: usize,
    at: usize,
}

impl Concealment {
    pub const fn new() -> Self {
        let none = Repetition { periods: 1, at: 0 };
        Self {
            history: [0; HISTORY],
            pattern: [0; HISTORY],
            period: PERIOD_MAX,
            made_up: 0,
            now: none,
            before: none,
            glide: 0,
            step: 0.0,
        }
    }

    /// Forgets what was heard. What is made up next is silence.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Fills `out` with how the sound may have gone on.
    pub fn conceal(&mut self, out: &mut [i16]) {
        for sample in out.iter_mut() {
            *sample = self.next();
        }
        self.remember(out);
    }

    /// Takes in sound that goes on. After something made up, its start is blended with that.
    pub fn resume(&mut self, wave: &mut [i16]) {
        if self.made_up > 0 {
            let longer = OVERLAP * (self.made_up / WIDEN);
            self.blend((self.period / 4 + longer).min(OVERLAP_MAX), wave);
        }
        self.remember(wave);
    }

    /// Takes in sound of another kind, which begins within what went on until now.
    pub fn replace(&mut self, wave: &mut [i16]) {
        self.blend(OVERLAP_MAX, wave);
        self.remember(wave);
    }

    fn blend(&mut self, overlap: usize, wave: &mut [i16]) {
        let overlap = overlap.min(wave.len());
        for (index, sample) in wave.iter_mut().take(overlap).enumerate() {
            let share = (index + 1) as f32 / (overlap + 1) as f32;
            let made_up = f32::from(self.next());
            *sample = (made_up + (f32::from(*sample) - made_up) * share) as i16;
        }
        self.made_up = 0;
    }

    fn remember(&mut self, wave: &[i16]) {
        let new = wave.len().min(HISTORY);
        self.history.copy_within(new.., 0);
        if let (Some(room), Some(last)) = (
            self.history.get_mut(HISTORY - new..),
            wave.get(wave.len() - new..),
        ) {
            room.copy_from_slice(last);
        }
    }

    fn begin(&mut self) {
        let mut backwards = self.history;
        backwards.reverse();
        let found = stretch::likeliest(&backwards, PERIOD_MIN..=PERIOD_MAX, |_| WINDOW);
        self.period = found.map_or(PERIOD_MAX, |found| found.period);
        self.pattern = self.history;
        self.now = Repetition { periods: 1, at: 0 };
        self.glide = 0;
        let last = |back: usize| self.history.get(HISTORY - back).copied().unwrap_or(0);
        self.step = f32::from(last(1)) - f32::from(last(self.period + 1));
    }

    fn next(&mut self) -> i16 {
        if self.made_up == 0 {
            self.begin();
        }
        let quarter = self.period / 4;
        if self.made_up > 0 && self.made_up.is_multiple_of(WIDEN) && self.now.periods < PERIODS_MAX
        {
            self.before = self.now;
            self.now.periods += 1;
            self.now.at %= self.period;
            self.glide = quarter;
        }
        let mut sample = self.repeated(self.now);
        self.now.at += 1;
        if self.glide > 0 {
            let share = self.glide as f32 / (quarter + 1) as f32;
            sample += (self.repeated(self.before) - sample) * share;
            self.before.at += 1;
            self.glide -= 1;
        }
        if self.made_up < quarter {
            sample += self.step * (quarter - self.made_up) as f32 / quarter as f32;
        }
        self.made_up += 1;
        sample.round().clamp(-32_768.0, 32_767.0) as i16
    }

    /// One sample of the repetition. Over its last quarter period it glides to what stood before its
    /// start, so that the end leads on to the start.
    fn repeated(&self, repetition: Repetition) -> f32 {
        let len = repetition.periods * self.period;
        let at = repetition.at % len;
        let from_end = len - at;
        let sample = |back: usize| {
            let index = HISTORY.checked_sub(back);
            f32::from(
                index
                    .and_then(|at| self.pattern.get(at))
                    .copied()
                    .unwrap_or(0),
            )
        };
        let quarter = self.period / 4;
        let own = sample(from_end);
        if from_end > quarter {
            return own;
        }
        let share = (quarter - from_end + 1) as f32 / (quarter + 1) as f32;
        own + (sample(from_end + len) - own) * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, len: usize) -> Vec<i16> {
        (0..len)
            .map(|n| {
                let phase = std::f64::consts::TAU * hz * n as f64 / 8_000.0;
                (8_000.0 * phase.sin()) as i16
            })
            .collect()
    }

    fn steepest(wave: &[i16]) -> i32 {
        wave.windows(2)
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn a_tone_goes_on_as_if_nothing_were_missing() {
        // 240 Hz has a period of 33⅓ samples: three of them are repeated.
        for hz in [100.0, 200.0, 240.0, 410.0] {
            let whole = tone(hz, 1_200);
            let mut concealment = Concealment::new();
            let mut heard = whole.clone();
            concealment.resume(&mut heard[..640]);
            concealment.conceal(&mut heard[640..800]);
            concealment.resume(&mut heard[800..]);
            let apart = whole.iter().zip(&heard).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(apart < Some(900), "{hz} Hz is {apart:?} off");
            assert!(steepest(&heard) < steepest(&whole) * 3 / 2, "{hz} Hz");
        }
    }

    #[test]
    fn the_place_where_a_voice_returns_with_another_phase_does_not_click() {
        let whole = tone(150.0, 1_600);
        let mut concealment = Concealment::new();
        let mut heard = whole[..640].to_vec();
        concealment.resume(&mut heard);
        let mut made_up = [0; 480];
        concealment.conceal(&mut made_up);
        heard.extend(made_up);
        // Half a period later than it should be.
        let mut returned = whole[640 + 27..640 + 27 + 160].to_vec();
        concealment.resume(&mut returned);
        heard.extend(returned);
        assert!(
            steepest(&heard) < 2 * steepest(&whole),
            "{}",
            steepest(&heard)
        );
    }

    #[test]
    fn after_a_reset_what_is_made_up_is_silence() {
        let mut concealment = Concealment::new();
        concealment.resume(&mut tone(200.0, 500));
        concealment.conceal(&mut [0; 160]);
        concealment.reset();
        let mut out = [1; 400];
        concealment.conceal(&mut out);
        assert_eq!(out, [0; 400]);
        let mut wave = tone(200.0, 160);
        concealment.reset();
        concealment.resume(&mut wave);
        assert_eq!(wave, tone(200.0, 160));
    }
}
