//! The owner with real media, on fakes of everything else.

mod crash;
mod dialing;
pub mod fakes;
mod going_wrong;
mod inbound;
mod outcomes;
mod telling;
pub mod world;
