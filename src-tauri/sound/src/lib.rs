//! Sound cards: microphones and loudspeakers of this machine, for [`client::audio`].
//!
//! `sound` knows nothing of calls, coaching, accounts, packets or the network. It captures and plays
//! 20 ms frames, finds devices and follows what is plugged in and out, and puts echo cancellation
//! between the loudspeaker and the microphone.
//!
//! ```text
//! device → callback → ring → resampling → VoiceProcessor → Microphone::read
//!                                           ↑ what is played
//! device ← callback ← ring ← resampling ←───┴────────────── Loudspeaker::play
//! ```
//!
//! A callback touches its end of a lock-free ring and atomics, and nothing else. One thread decides
//! which device is to be open ([`SoundCard::start`]); each open device has a thread of its own beside
//! it, because opening and closing may take as long as the sound server likes.

mod capture;
mod card;
#[cfg(target_os = "linux")]
mod cookie;
mod devices;
mod line;
mod loudspeaker;
mod meters;
mod microphone;
mod playout;
#[cfg(target_os = "linux")]
mod pulse;
mod run;
mod shared;
mod slot;
mod stream;
mod system;

pub use card::SoundCard;
pub use devices::{Choice, Device, Devices, Fault};
pub use loudspeaker::CardLoudspeaker;
pub use microphone::CardMicrophone;
pub use shared::{Event, Trouble};
pub use voice::Processing;
