//! A device's own 20 ms clock, for devices that have none.

use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_millis(mix::FRAME_MS);
/// Further behind than this, time is skipped rather than caught up with.
const BEHIND_MAX: Duration = Duration::from_millis(500);

/// Says once for each 20 ms that they are over, by absolute deadlines.
#[derive(Debug, Default)]
pub struct FrameClock {
    next: Option<Instant>,
}

impl FrameClock {
    /// The first 20 ms begin now.
    pub fn start(&mut self, now: Instant) {
        self.next = Some(now + FRAME);
    }

    pub fn stop(&mut self) {
        self.next = None;
    }

    /// The end of the next 20 ms, once, if they are over by now.
    pub fn frame_end(&mut self, now: Instant) -> Option<Instant> {
        let mut next = self.next.filter(|next| *next <= now)?;
        if now.duration_since(next) > BEHIND_MAX {
            next = now;
        }
        self.next = Some(next + FRAME);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_do_not_drift_however_late_it_is_asked() {
        let start = Instant::now();
        let mut clock = FrameClock::default();
        clock.start(start);
        let mut frames = 0;
        for late_ms in (7..10_000).step_by(13) {
            let now = start + Duration::from_millis(late_ms);
            while let Some(end) = clock.frame_end(now) {
                frames += 1;
                assert_eq!(end, start + FRAME * frames);
            }
        }
        assert_eq!(frames, 499);
    }

    #[test]
    fn after_a_long_stop_time_is_skipped() {
        let start = Instant::now();
        let mut clock = FrameClock::default();
        clock.start(start);
        let late = start + Duration::from_secs(60);
        assert_eq!(clock.frame_end(late), Some(late));
        assert_eq!(clock.frame_end(late), None);
    }
}
