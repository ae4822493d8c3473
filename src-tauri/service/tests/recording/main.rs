//! Recordings, with real sound: what is in the file, who gets it, and what is left of it after a crash.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

mod browser;
#[path = "../../../media/tests/common/mod.rs"]
mod common;
mod crash;
mod file;
mod sound;
mod stage;
#[path = "../support/mod.rs"]
mod support;
