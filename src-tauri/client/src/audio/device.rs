//! The two traits, for whatever a voice comes from and goes to.

use std::time::{Duration, Instant};

use mix::Frame;

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

    /// Why it captures nothing of what is said although it is open, in a sentence; `None` while all is
    /// well.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// Where frames are played.
pub trait Loudspeaker: Send {
    /// Whether there is room for another 20 ms now. Never waits.
    fn wants(&mut self, now: Instant) -> bool;

    /// Takes 20 ms of 48 kHz mono. Never waits.
    fn play(&mut self, frame: &Frame);
}
