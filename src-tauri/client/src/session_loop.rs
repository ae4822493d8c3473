//! The session that a user interface talks to: one loop, which tells the pure
//! [`session::Session`] what happened and does what it says.

mod handle;
mod run;
mod waits;

pub use handle::{Quality, Session, SessionEvent, Settings};
