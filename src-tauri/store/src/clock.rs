//! The clock that lasting things are dated by.

use std::time::{SystemTime, UNIX_EPOCH};
use wire::Timestamp;

/// Now.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
