//! Who hears whom over real connections.

#[path = "../common/mod.rs"]
mod common;
mod connections;
mod who_hears_whom;
