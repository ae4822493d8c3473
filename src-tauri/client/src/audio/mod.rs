//! Microphones and loudspeakers: what a voice comes from and goes to.
//!
//! Both are asked, and never wait: a sound card's callback fills or empties a lock-free ring, and
//! these traits look into the ring. Devices without a clock of their own (files, tones, memory) keep
//! time by absolute deadlines, so they do not drift.

mod clock;
mod device;
mod memory;
mod wav;

pub use device::{Loudspeaker, Microphone};
pub use memory::{Collected, Collector, Discard, Samples, Silence, Tone};
pub use wav::{WavWriter, read_wav};
