//! How a voice sounds at the other end.

mod echo;
mod modes;
#[path = "../network/mod.rs"]
mod network;
mod quality;
#[path = "../recorded/mod.rs"]
mod recorded;
