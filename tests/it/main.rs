//! The house as a whole, and what its programs do together.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "so does a test fail"
)]

mod architecture;
mod calling_in;
mod examples;
mod participant;
mod rules_table;
