//! Microphones and loudspeakers: what a voice comes from and goes to.
//!
//! Both are asked, and never wait: a sound card's callback fills or empties a lock-free ring, and
//! these traits look into the ring. Devices without a clock of their own (files, tones, memory) keep
//! time by absolute deadlines, so they do not drift.

mod clock;
mod memory;
mod wav;

use std::time::{Duration, Instant};

use mix::Frame;

pub use memory::{Collected, Collector, Discard, Samples, Silence, Tone};
pub use wav::{WavWriter, read_wav};

use crate::error::ClientError;

/// Where frames are captured.
pub trait Microphone: Send {
    /// Starts to capture.
    ///
    /// # Errors
    /// [`ClientError::Audio`] when the device cannot be had.
    fn open(&mut self, now: Instant) -> Result<(), ClientError>;

    /// Stops to capture, and forgets what was not read.
    fn close(&mut self);

    /// The next 20 ms of 48 kHz mono, if they are captured by `now`: when their last sample was.
    /// Nothing while it is closed. Never waits.
    fn read(&mut self, now: Instant, frame: &mut Frame) -> Option<Instant>;

    /// How far the moment that [`Self::read`] gives may be from the true one, before or after. A frame
    /// goes out in the narrowest mode that was in force so near to it (M3).
    fn uncertainty(&self) -> Duration {
        Duration::ZERO
    }
}

/// Where frames are played.
pub trait Loudspeaker: Send {
    /// Whether there is room for another 20 ms now. Never waits.
    fn wants(&mut self, now: Instant) -> bool;

    /// Takes 20 ms of 48 kHz mono. Never waits.
    fn play(&mut self, frame: &Frame);
}
