//! The product's rules, by number, through the whole of it: the real service, real clients, real sound.
#![allow(clippy::expect_used, clippy::panic, reason = "so does a test fail")]

#[path = "../common/mod.rs"]
mod common;

mod coaching;
mod inviting;
mod joining;
mod permissions;
