//! What the client does, against a service and a far end made for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "so does a test fail"
)]

mod credentials;
#[path = "../fake/mod.rs"]
mod fake;
#[path = "../far/mod.rs"]
mod far;
mod key_ring;
mod local;
mod media;
mod session;
mod trouble;
