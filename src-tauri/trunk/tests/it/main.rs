//! Phones, strangers and what both may send.

#[path = "../common/mod.rs"]
mod common;
mod fuzz;
mod phones;
mod quality;
#[path = "../../../voice/tests/recorded/mod.rs"]
mod recorded;
mod strangers;
