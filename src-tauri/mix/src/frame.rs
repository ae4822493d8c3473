//! The unit of all sound here: 20 ms of mono at 48 kHz.

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
