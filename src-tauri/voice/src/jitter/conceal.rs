//! Concealment of lost telephone sound by the repetition of its last period, in the manner of ITU-T
//! G.711 Appendix I. All samples are at 8 kHz.
//!
//! Where Appendix I delays everything by 3.75 ms to smooth the place where the repetition begins,
//! this takes the step there out of the repetition's first quarter period, and delays nothing. It
//! does not go on to repeat two periods and three after 10 and 20 ms, either: measured, that was
//! heard as worse. The fading is the caller's.

use super::stretch;

/// 400 Hz, the shortest period that is repeated.
const PERIOD_MIN: usize = 20;
/// 66 Hz, the longest.
const PERIOD_MAX: usize = 120;
/// Two of the longest period, to compare.
const HISTORY: usize = 2 * PERIOD_MAX;
/// What is made up overlaps the sound after it by a quarter period and 1 ms for each 10 ms of it, up
/// to 10 ms.
const OVERLAP_SHARE: usize = 10;
const OVERLAP_MAX: usize = 80;

/// What was heard last, and how it may have gone on.
pub(super) struct Concealment {
    history: [i16; HISTORY],
    /// The history when the repetition began: its last `period` samples are repeated.
    pattern: [i16; HISTORY],
    period: usize,
    /// Samples made up since the last that was heard; 0 while nothing is missing.
    made_up: usize,
    /// By how much the first repeated sample misses how the wave went on.
    step: f32,
}

impl Concealment {
    pub const fn new() -> Self {
        Self {
            history: [0; HISTORY],
            pattern: [0; HISTORY],
            period: PERIOD_MAX,
            made_up: 0,
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
            let overlap = self.period / 4 + self.made_up / OVERLAP_SHARE;
            self.blend(overlap.min(OVERLAP_MAX), wave);
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
        let found = stretch::likeliest(&backwards, PERIOD_MIN..=PERIOD_MAX);
        self.period = found.map_or(PERIOD_MAX, |found| found.period);
        self.pattern = self.history;
        self.step = self.heard(1) - self.heard(self.period + 1);
    }

    /// The sample so many before the end of the pattern.
    fn heard(&self, back: usize) -> f32 {
        let at = HISTORY.checked_sub(back);
        f32::from(at.and_then(|at| self.pattern.get(at)).copied().unwrap_or(0))
    }

    fn next(&mut self) -> i16 {
        if self.made_up == 0 {
            self.begin();
        }
        let quarter = self.period / 4;
        let left = self.period - self.made_up % self.period;
        let mut sample = self.heard(left);
        if left <= quarter {
            // The end of the period glides to what stood before its start, and so leads on to that.
            let share = (quarter - left + 1) as f32 / (quarter + 1) as f32;
            sample += (self.heard(left + self.period) - sample) * share;
        }
        if self.made_up < quarter {
            sample += self.step * (quarter - self.made_up) as f32 / quarter as f32;
        }
        self.made_up += 1;
        sample.round().clamp(-32_768.0, 32_767.0) as i16
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
    fn a_voice_returning_with_another_phase_does_not_click() {
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
    fn a_growing_voice_is_repeated_without_a_step() {
        let grows: Vec<i16> = (0..630)
            .map(|n| {
                let phase = std::f64::consts::TAU * 150.0 * f64::from(n) / 8_000.0;
                (8_000.0 * (f64::from(n - 630) / 160.0).exp() * phase.sin()) as i16
            })
            .collect();
        let mut concealment = Concealment::new();
        let mut heard = grows.clone();
        concealment.resume(&mut heard);
        let mut made_up = [0; 320];
        concealment.conceal(&mut made_up);
        heard.extend(made_up);
        let (steepest, before) = (steepest(&heard), steepest(&grows));
        assert!(steepest < before * 3 / 2, "{steepest} after {before}");
    }

    #[test]
    fn after_a_reset_concealment_is_silent() {
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
