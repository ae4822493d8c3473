//! What coaching and calls cost (B1, B2): rates with the date from which they hold, started minutes,
//! and the charges that follow from legs, in whole micro-dollars.
//!
//! `usage` knows nothing of calls in progress, of balances, or of where charges are kept: who has a
//! leg's dates gets its charges, the same ones whenever it is asked.

mod charge;
mod rates;

pub use charge::{Charge, MINUTE_MS, charges, minute_charged, minute_starts, minutes_started};
pub use rates::{rate_at, rates};
