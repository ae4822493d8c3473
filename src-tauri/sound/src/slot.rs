//! Hands an end of a ring from the thread that opens devices to its user.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

/// A place for the newest end of a ring. All clones are the same place.
pub(crate) struct Slot<T>(Arc<Place<T>>);

struct Place<T> {
    /// What is new since the last look: an end, or that there is none any more.
    fresh: Mutex<Option<Option<T>>>,
    closed: AtomicBool,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Place {
            fresh: Mutex::new(None),
            closed: AtomicBool::new(false),
        }))
    }

    /// Puts in another end, or takes away the current one.
    pub(crate) fn put(&self, end: Option<T>) {
        let fresh = self.0.fresh.lock();
        *fresh.unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    /// What is new since the last call, if anything. Never waits.
    pub(crate) fn take(&self) -> Option<Option<T>> {
        match self.0.fresh.try_lock() {
            Ok(mut fresh) => fresh.take(),
            Err(TryLockError::Poisoned(fresh)) => fresh.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// No one will look here any more.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
