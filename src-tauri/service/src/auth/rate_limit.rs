//! A token bucket a key, in bounded memory. Time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Keys that are remembered.
const KEYS_MAX: usize = 10_000;

/// How often something may happen.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// So often at once.
    pub burst: u32,
    /// And once more after each of these.
    pub every: Duration,
}

/// How often each key may.
pub struct RateLimit<K> {
    rate: Rate,
    buckets: HashMap<K, Bucket>,
}

struct Bucket {
    left: u32,
    since: Instant,
}

impl<K: Hash + Eq + Clone> RateLimit<K> {
    /// With every bucket full.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: HashMap::new(),
        }
    }

    /// Takes one from the key's bucket; false when it is empty.
    pub fn take(&mut self, key: &K, now: Instant) -> bool {
        let rate = self.rate;
        if !self.buckets.contains_key(key) {
            if self.buckets.len() >= KEYS_MAX {
                self.make_room(now);
            }
            self.buckets.insert(
                key.clone(),
                Bucket {
                    left: rate.burst,
                    since: now,
                },
            );
        }
        let Some(bucket) = self.buckets.get_mut(key) else {
            return false;
        };
        bucket.refill(rate, now);
        if bucket.left == 0 {
            return false;
        }
        bucket.left -= 1;
        true
    }

    /// Puts one back that was taken.
    pub fn give_back(&mut self, key: &K) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            bucket.left = (bucket.left + 1).min(self.rate.burst);
        }
    }

    /// Forgets who is full again, and the older half when that is nobody: then somebody tries ten
    /// thousand names, and the limit on their network address holds.
    fn make_room(&mut self, now: Instant) {
        let rate = self.rate;
        self.buckets.retain(|_, bucket| {
            bucket.refill(rate, now);
            bucket.left < rate.burst
        });
        if self.buckets.len() < KEYS_MAX {
            return;
        }
        let mut ages: Vec<Instant> = self.buckets.values().map(|bucket| bucket.since).collect();
        let (_, &mut median, _) = ages.select_nth_unstable(KEYS_MAX / 2);
        let mut left = KEYS_MAX / 2;
        self.buckets.retain(|_, bucket| {
            let keep = bucket.since >= median && left > 0;
            left -= usize::from(keep);
            keep
        });
    }
}

impl Bucket {
    fn refill(&mut self, rate: Rate, now: Instant) {
        let every_ms = rate.every.as_millis().max(1);
        let earned = now.saturating_duration_since(self.since).as_millis() / every_ms;
        let Ok(earned) = u32::try_from(earned) else {
            self.left = rate.burst;
            self.since = now;
            return;
        };
        self.left = self.left.saturating_add(earned).min(rate.burst);
        self.since += rate.every * earned;
        if self.left == rate.burst {
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        burst: 2,
        every: Duration::from_secs(30),
    };

    #[test]
    fn after_the_burst_it_takes_time() {
        let mut limit = RateLimit::new(RATE);
        let start = Instant::now();
        assert!(limit.take(&1, start));
        assert!(limit.take(&1, start));
        assert!(!limit.take(&1, start));
        assert!(limit.take(&2, start), "another key has its own");
        let later = start + Duration::from_secs(31);
        assert!(limit.take(&1, later));
        assert!(!limit.take(&1, later));
        assert!(limit.take(&1, later + Duration::from_secs(29)));
    }

    #[test]
    fn what_is_given_back_does_not_count() {
        let mut limit = RateLimit::new(RATE);
        let start = Instant::now();
        for _ in 0..100 {
            assert!(limit.take(&1, start));
            limit.give_back(&1);
        }
    }

    #[test]
    fn it_remembers_a_bounded_number_of_keys() {
        let mut limit = RateLimit::new(RATE);
        let start = Instant::now();
        for key in 0..3 * KEYS_MAX {
            assert!(limit.take(&key, start));
            assert!(limit.buckets.len() <= KEYS_MAX);
        }
    }
}
