//! Who hears whom over real connections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "so does a test fail"
)]

#[path = "../common/mod.rs"]
mod common;
mod connections;
mod loss;
mod who_hears_whom;
