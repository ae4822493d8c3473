//! Who hears whom, as one pure function over 20 ms frames.
//!
//! `mix` knows nothing of calls, users, codecs, packets, clocks or sockets: it is given frames with
//! the mode they were captured in, routes that deny by default, and answers with the distinct mixes
//! and their listeners.

#![warn(missing_docs)]

mod frame;
mod gate;
mod limiter;
mod mixer;
mod mode;
mod routes;

pub use frame::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ, SILENCE};
pub use gate::{DRAIN, Gate, GrantCause, IN_FLIGHT_MAX};
pub use mixer::{HANGOVER_TICKS, MAX_MIXES, Mix, MixKey, Mixer, Mixes, Spoken};
pub use mode::Mode;
pub use routes::{LegLevel, LegNumber, MAX_PARTIES, Role, Routes, RoutesError};
