//! A lead's ear that hears only whether every tick came.

use media::lead::{Ear, Ears};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Ticks that came to the ears of leads, and those that did not.
#[derive(Debug, Default)]
pub struct Ticks {
    /// Ticks that came.
    pub heard: AtomicU64,
    /// Ticks that did not follow the one before.
    pub gaps: AtomicU64,
    /// Ticks without a packet, though nobody was held.
    pub empty: AtomicU64,
}

/// Gives each lead such an ear.
pub struct TickEars(pub Arc<Ticks>);

impl Ears for TickEars {
    fn open(&self, _call: &wire::CallId) -> Option<Box<dyn Ear>> {
        Some(Box::new(TickEar {
            ticks: Arc::clone(&self.0),
            last: None,
        }))
    }
}

struct TickEar {
    ticks: Arc<Ticks>,
    last: Option<u64>,
}

impl Ear for TickEar {
    fn packet(&mut self, tick: u64, opus: &[u8]) {
        if self.last.is_some_and(|last| tick != last + 1) {
            self.ticks.gaps.fetch_add(1, Ordering::Relaxed);
        }
        self.last = Some(tick);
        if opus.is_empty() {
            self.ticks.empty.fetch_add(1, Ordering::Relaxed);
        }
        self.ticks.heard.fetch_add(1, Ordering::Relaxed);
    }
}
