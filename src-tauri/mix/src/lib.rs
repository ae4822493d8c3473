//! Who hears whom, as one pure function over 20 ms frames.
//!
//! `mix` knows nothing of calls, users, codecs, packets, clocks or sockets: it is given frames with
//! the mode they were captured in, routes that deny by default, and answers with the distinct mixes
//! and their listeners.

#![warn(missing_docs)]

mod gate;
mod limiter;
mod mixer;
mod mode;
mod routes;

pub use gate::{DRAIN, Gate, GrantCause, UNSTAMPED_WAIT};
pub use mixer::{HANGOVER_TICKS, MAX_MIXES, Mix, MixKey, Mixer, Mixes, Spoken};
pub use mode::Mode;
pub use routes::{LegLevel, LegNumber, MAX_PARTIES, Role, Routes, RoutesError};

/// Samples a second of everything that is mixed, in Hz.
pub const SAMPLE_RATE_HZ: u32 = 48_000;
/// Samples in one frame: 20 ms of mono at 48 kHz.
pub const FRAME_SAMPLES: usize = 960;
/// The length of one frame and of one tick, in milliseconds.
pub const FRAME_MS: u64 = 20;
/// One 20 ms frame, 48 kHz mono, signed 16 bit.
pub type Frame = [i16; FRAME_SAMPLES];
/// A frame of digital silence.
pub const SILENCE: Frame = [0; FRAME_SAMPLES];
