//! How long to wait before the next try: exponential, capped, with jitter.

use std::time::Duration;

/// The longest wait before the first retry.
pub const BACKOFF_MIN: Duration = Duration::from_millis(500);
/// The longest wait before any retry.
pub const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// Counts failed tries.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The same, but never longer than this.
    pub(crate) fn next_within(&mut self, jitter: f32, max: Duration) -> Duration {
        self.next(jitter).min(max)
    }

    /// The wait after one more failure: between half and all of `BACKOFF_MIN · 2ⁿ`, capped at
    /// [`BACKOFF_MAX`]. `jitter` is 0 to 1; whatever else it is counts as 1.
    pub(crate) fn next(&mut self, jitter: f32) -> Duration {
        let whole = BACKOFF_MIN
            .saturating_mul(1_u32 << self.tries.min(16))
            .min(BACKOFF_MAX);
        self.tries = self.tries.saturating_add(1);
        let jitter = if (0.0..=1.0).contains(&jitter) {
            jitter
        } else {
            1.0
        };
        whole.mul_f32(0.5 + jitter / 2.0)
    }

    /// It worked: the next wait is short again.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
        backoff.reset();
        assert_eq!(backoff.next(0.0).as_millis(), 250);
    }

    #[test]
    fn no_jitter_and_no_number_of_tries_leaves_the_bounds() {
        let mut backoff = Backoff::default();
        for step in 0..100_u8 {
            let jitter = [0.0, 0.3, 1.0, -7.0, f32::NAN, f32::INFINITY][usize::from(step % 6)];
            let wait = backoff.next(jitter);
            assert!(wait >= BACKOFF_MIN / 2 && wait <= BACKOFF_MAX);
        }
    }
}
