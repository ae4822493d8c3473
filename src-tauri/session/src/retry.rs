//! What is tried again until it works: when next, ever more slowly, with jitter.

use std::time::Duration;

/// The longest wait before the first retry, where nothing else is said.
pub const RETRY_MIN: Duration = Duration::from_millis(500);
/// The longest wait before any retry, where nothing else is said.
pub const RETRY_MAX: Duration = Duration::from_secs(15);

/// When one thing is tried again, and how often it has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    min: Duration,
    max: Duration,
    failures: u32,
    at: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self::within(RETRY_MIN, RETRY_MAX)
    }
}

impl Retry {
    /// The longest wait before the first retry, and before any.
    #[must_use]
    pub const fn within(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max,
            failures: 0,
            at: None,
        }
    }

    /// The same wait each time.
    #[must_use]
    pub const fn every(wait: Duration) -> Self {
        Self::within(wait, wait)
    }

    /// It failed: it is tried again between half and all of `min · 2ⁿ` from now, `max` at most. Gives
    /// the wait. `jitter` is 0 to 1; whatever else it is counts as 1.
    pub fn failed(&mut self, now: Duration, jitter: f32) -> Duration {
        let whole = self
            .min
            .saturating_mul(1_u32 << self.failures.min(16))
            .min(self.max);
        self.failures = self.failures.saturating_add(1);
        let jitter = if (0.0..=1.0).contains(&jitter) {
            jitter
        } else {
            1.0
        };
        let wait = whole.mul_f32(0.5 + jitter / 2.0);
        self.at = Some(now.saturating_add(wait));
        wait
    }

    /// It is to be tried at this time, whatever was said before.
    pub const fn try_at(&mut self, at: Duration) {
        self.at = Some(at);
    }

    /// When it is tried next; `None` while nothing waits.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.at
    }

    /// Whether it is to be tried now; it is said once.
    pub fn take_due(&mut self, now: Duration) -> bool {
        self.at.take_if(|at| *at <= now).is_some()
    }

    /// Nothing is to be tried any more. The failures still count. Whether something was.
    pub const fn stop(&mut self) -> bool {
        self.at.take().is_some()
    }

    /// It worked: nothing is to be tried, and the next wait is short again.
    pub const fn worked(&mut self) {
        self.failures = 0;
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn waits_double_up_to_the_cap_and_start_anew_after_a_success() {
        let mut retry = Retry::default();
        let waits: Vec<_> = (0..8).map(|_| retry.failed(NOW, 1.0).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
        retry.worked();
        assert_eq!(retry.failed(NOW, 0.0).as_millis(), 250);
    }

    #[test]
    fn no_jitter_and_no_number_of_tries_leaves_the_bounds() {
        let mut retry = Retry::default();
        for step in 0..100_u8 {
            let jitter = [0.0, 0.3, 1.0, -7.0, f32::NAN, f32::INFINITY][usize::from(step % 6)];
            let wait = retry.failed(NOW, jitter);
            assert!(wait >= RETRY_MIN / 2 && wait <= RETRY_MAX);
        }
    }

    #[test]
    fn a_try_is_due_once_and_never_before_its_time() {
        let mut retry = Retry::every(Duration::from_secs(1));
        assert!(!retry.take_due(NOW));
        retry.failed(NOW, 1.0);
        let at = NOW + Duration::from_secs(1);
        assert_eq!(retry.deadline(), Some(at));
        assert!(!retry.take_due(at - Duration::from_millis(1)));
        assert!(retry.take_due(at));
        assert!(!retry.take_due(at));
        retry.failed(at, 1.0);
        assert!(retry.stop());
        assert_eq!(retry.deadline(), None);
    }
}
