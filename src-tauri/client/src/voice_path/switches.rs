//! Which mode was in force when.

use std::collections::VecDeque;
use std::time::Instant;

use mix::Mode;

/// Switches that are kept apart; when there are more, the narrowest of them counts.
const SWITCHES_MAX: usize = 256;

/// Which mode was in force when: so that a frame gets the mode that it was captured in, however late
/// it is read.
#[derive(Debug, Default)]
pub(super) struct Switches {
    /// In force before the first of `later`.
    mode: Mode,
    later: VecDeque<(Instant, Mode)>,
}

impl Switches {
    pub(super) fn push(&mut self, at: Instant, mode: Mode) {
        if self.later.len() >= SWITCHES_MAX {
            // Rather too narrow than too wide.
            let narrowest = self.later.iter().map(|(_, mode)| *mode).min();
            self.mode = self.mode.narrower(narrowest.unwrap_or_default());
            self.later.clear();
        }
        self.later.push_back((at, mode));
    }

    /// Everything before is over.
    pub(super) fn settle(&mut self, mode: Mode) {
        self.mode = mode;
        self.later.clear();
    }

    /// The narrowest mode in force at any moment of a frame. Frames are asked for in order.
    pub(super) fn narrowest(&mut self, start: Instant, end: Instant) -> Mode {
        while let Some((_, mode)) = self.later.pop_front_if(|(at, _)| *at <= start) {
            self.mode = mode;
        }
        let during = self.later.iter().take_while(|(at, _)| *at < end);
        during.fold(self.mode, |narrowest, (_, mode)| narrowest.narrower(*mode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn m5_a_switch_holds_for_the_first_frame_captured_after_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut switches = Switches::default();
        switches.push(at(0), Mode::Whisper);
        switches.push(at(50), Mode::Barge);
        switches.push(at(90), Mode::Whisper);
        let modes: Vec<_> = (0..6)
            .map(|n| switches.narrowest(at(n * 20), at(n * 20 + 20)))
            .collect();
        let whisper = Mode::Whisper;
        let barge = Mode::Barge;
        assert_eq!(modes, [whisper, whisper, whisper, barge, whisper, whisper]);
    }

    #[test]
    fn m3_a_frame_that_is_read_late_keeps_the_mode_that_it_was_captured_in() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut switches = Switches::default();
        switches.push(at(0), Mode::Barge);
        switches.push(at(100), Mode::Listen);
        switches.push(at(110), Mode::Barge);
        // All switches are known before the first frame is read, as after a long stop.
        assert_eq!(switches.narrowest(at(80), at(100)), Mode::Barge);
        assert_eq!(switches.narrowest(at(100), at(120)), Mode::Listen);
        assert_eq!(switches.narrowest(at(120), at(140)), Mode::Barge);
    }

    #[test]
    fn too_many_switches_at_once_leave_the_narrowest() {
        let start = Instant::now();
        let mut switches = Switches::default();
        for n in 0..10_000 {
            let mode = if n == 5000 { Mode::Listen } else { Mode::Barge };
            switches.push(start + Duration::from_millis(n), mode);
        }
        assert!(switches.later.len() <= SWITCHES_MAX);
        assert_eq!(switches.mode, Mode::Listen);
    }
}
