//! A speaker who lets others finish, as pure state.

/// Louder than this counts as being spoken to, in dBov.
const SPOKEN_TO_DBOV: i8 = -45;
/// This many loud ticks in a row are speech rather than a click: 60 ms.
const ONSET_TICKS: u32 = 3;
/// How long it stays silent after the other's last word: 600 ms.
const HANGOVER_TICKS: u32 = 30;
/// The pause between two sentences: 400 ms.
const BREATH_TICKS: u32 = 20;

/// Where in its sentences a speaker is, and whether it is speaking. Speaks forever, from the
/// first sentence to the last and again.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    talks_over: bool,
    sentence: usize,
    packet: usize,
    loud_ticks: u32,
    silent_ticks_left: u32,
}

impl Turns {
    /// A speaker at the start of the first sentence. One who `talks_over` others never waits.
    pub(crate) const fn new(talks_over: bool) -> Self {
        Self {
            talks_over,
            sentence: 0,
            packet: 0,
            loud_ticks: 0,
            silent_ticks_left: 0,
        }
    }

    /// One tick, given how loud the others were: the sentence and the packet in it to speak now, if
    /// any. `packets` gives the number of packets of a sentence, `None` beyond the last one.
    pub(crate) fn step(
        &mut self,
        heard_dbov: i8,
        packets: impl Fn(usize) -> Option<usize>,
    ) -> Option<(usize, usize)> {
        if heard_dbov > SPOKEN_TO_DBOV {
            self.loud_ticks += 1;
        } else {
            self.loud_ticks = 0;
        }
        if self.loud_ticks >= ONSET_TICKS && !self.talks_over {
            self.silent_ticks_left = self.silent_ticks_left.max(HANGOVER_TICKS);
        }
        if self.silent_ticks_left > 0 {
            self.silent_ticks_left -= 1;
            return None;
        }
        let now = (self.sentence, self.packet);
        let len = packets(self.sentence)?;
        self.packet += 1;
        if self.packet >= len {
            self.packet = 0;
            self.sentence += 1;
            if packets(self.sentence).is_none() {
                self.sentence = 0;
            }
            self.silent_ticks_left = if self.talks_over { 0 } else { BREATH_TICKS };
        }
        (now.1 < len).then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: i8 = -20;
    const QUIET: i8 = -127;

    fn sentences(at: usize) -> Option<usize> {
        [5, 7].get(at).copied()
    }

    #[test]
    fn it_speaks_its_sentences_again_and_again_with_breaths_between() {
        let mut turns = Turns::new(false);
        let spoken: Vec<_> = (0..60).map(|_| turns.step(QUIET, sentences)).collect();
        assert_eq!(spoken[0], Some((0, 0)));
        assert_eq!(spoken[4], Some((0, 4)));
        assert!(spoken[5..25].iter().all(Option::is_none));
        assert_eq!(spoken[25], Some((1, 0)));
        assert_eq!(spoken[31], Some((1, 6)));
        assert_eq!(spoken[52], Some((0, 0)));
    }

    #[test]
    fn it_pauses_while_spoken_to_and_goes_on_where_it_stopped() {
        let mut turns = Turns::new(false);
        assert_eq!(turns.step(QUIET, sentences), Some((0, 0)));
        // A click is no speech.
        assert_eq!(turns.step(LOUD, sentences), Some((0, 1)));
        assert_eq!(turns.step(QUIET, sentences), Some((0, 2)));
        assert_eq!(turns.step(LOUD, sentences), Some((0, 3)));
        assert_eq!(turns.step(LOUD, sentences), Some((0, 4)));
        let silent: Vec<_> = (0..50).map(|_| turns.step(LOUD, sentences)).collect();
        assert!(silent.iter().all(Option::is_none));
        let resumed = (1..=100).find(|_| turns.step(QUIET, sentences) == Some((1, 0)));
        assert_eq!(resumed, Some(HANGOVER_TICKS));
    }

    #[test]
    fn one_who_talks_over_never_pauses() {
        let mut turns = Turns::new(true);
        assert!((0..100).all(|_| turns.step(LOUD, sentences).is_some()));
    }

    #[test]
    fn one_without_sentences_says_nothing() {
        let mut turns = Turns::new(true);
        assert_eq!(turns.step(QUIET, |_| None), None);
        assert_eq!(turns.step(QUIET, |_| Some(0)), None);
    }
}
