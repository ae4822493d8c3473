//! When ticks come, as samples.

use std::time::Duration;

use super::types::{FRAME, SAMPLES_PER_MS};

/// Ticks in one window of the tick clock (0.5 s; two windows count).
const TICK_WINDOW: u32 = 25;
/// Ticks that jump by more (200 ms) are another clock.
const TICK_JUMP: i64 = 200 * SAMPLES_PER_MS;

/// The clock of the ticks: when they come, less what they have played. Ticks that come late say
/// nothing of those to come, so the earliest of the last second counts.
pub(super) struct TickClock {
    played: i64,
    last: i64,
    window_min: i64,
    window_before_min: i64,
    ticks: u32,
}

impl TickClock {
    pub const fn new() -> Self {
        Self {
            played: 0,
            last: 0,
            window_min: i64::MAX,
            window_before_min: i64::MAX,
            ticks: 0,
        }
    }

    pub fn tick(&mut self, now: i64) {
        self.played += FRAME;
        let offset = now - self.played;
        if (offset - self.last).abs() > TICK_JUMP {
            self.window_min = offset;
            self.window_before_min = offset;
            self.ticks = 0;
        }
        self.last = offset;
        self.window_min = self.window_min.min(offset);
        self.ticks += 1;
        if self.ticks >= TICK_WINDOW {
            self.ticks = 0;
            self.window_before_min = self.window_min;
            self.window_min = offset;
        }
    }

    pub fn now(&self) -> i64 {
        self.played + self.window_min.min(self.window_before_min)
    }
}

/// A moment as samples at 48 kHz since the clock's start.
pub(super) fn to_samples(now: Duration) -> i64 {
    // In millionths of a second times 48 this holds for 6000 years.
    i64::try_from(now.as_micros() * 48 / 1000).unwrap_or(i64::MAX / 4)
}
