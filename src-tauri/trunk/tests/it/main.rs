//! Phones, strangers and what both may send.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "so does a test fail"
)]

#[path = "../common/mod.rs"]
mod common;
mod fuzz;
mod phones;
mod quality;
#[path = "../../../voice/tests/recorded/mod.rs"]
mod recorded;
mod strangers;
