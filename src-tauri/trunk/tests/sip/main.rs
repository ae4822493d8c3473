//! Calls over a trunk at whose other end is someone else's SIP: `sipp`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "so does a test fail"
)]

mod answers;
mod bulk;
mod changes;
mod course;
mod desk;
mod dns;
mod early;
mod encrypted;
mod inbound;
mod ipv6;
mod scenario;
mod sipp;
mod stream;
mod torture;
mod uas;
mod upkeep;
