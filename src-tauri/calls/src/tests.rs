//! The owner with real media, on fakes of everything else.

mod crash;
mod fakes;
mod going_wrong;
mod inbound;
mod telling;
mod world;
