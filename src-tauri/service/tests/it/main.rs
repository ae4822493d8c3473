//! The service from outside: its API, its sockets, its program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "so does a test fail"
)]

mod access;
mod accounts;
mod api;
mod audit;
mod auth;
mod call;
mod data;
mod imports;
mod inbound;
mod invites;
mod leads;
mod mail;
mod members;
mod names;
mod numbers;
mod outcomes;
mod program;
mod refusals;
mod roles;
mod second_factors;
mod setup;
mod socket;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod tape;
mod usage;
