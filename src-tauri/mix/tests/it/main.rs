//! Who hears whom, and how loud.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "so does a test fail"
)]

#[path = "../common/mod.rs"]
mod common;
mod loud;
mod no_leak;
mod who_hears_whom;
