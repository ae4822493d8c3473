//! The rules of a call, by their numbers, over the public face of the machine.

mod ending;
mod invitations;
mod joining;
mod properties;
mod switching;
mod viewing;
mod world;
