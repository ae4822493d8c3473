//! Who hears whom, and how loud.

#[path = "../common/mod.rs"]
mod common;
mod loud;
mod no_leak;
mod who_hears_whom;
