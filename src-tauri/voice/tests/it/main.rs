//! How a voice sounds at the other end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "so does a test fail"
)]

mod echo;
mod modes;
#[path = "../network/mod.rs"]
mod network;
mod quality;
#[path = "../recorded/mod.rs"]
mod recorded;
