//! Voice as samples in and samples out: Opus, G.711, the jitter buffer, resampling, levels, echo
//! cancellation, test speech.
//!
//! `voice` knows nothing of calls, users, routes, RTP headers, sockets, sound cards, files or clocks:
//! time and packets are arguments. It keeps the mode in which a frame was captured ([`mix::Mode`])
//! beside its samples from encoder to playout, and never puts samples of two modes in one frame.
//!
//! ```text
//! microphone → VoiceProcessor → StampedEncoder → packets → JitterBuffer → frames → mix → Encoder → packets
//! ```

#![warn(missing_docs)]

mod g711;
mod jitter;
mod level;
mod opus;
mod processing;
mod reported_loss;
mod resample;
pub mod speech;
mod stamped;

pub use g711::{G711_PACKET_BYTES, G711Encoder, Law};
pub use jitter::{Codec, JitterBuffer, JitterSettings, JitterStats, Kind, Packet, Pulled};
pub use level::{level_dbov, rms};
pub use opus::{
    Decoder, Encoder, EncoderSettings, MAX_PACKET_BYTES, PACKET_SAMPLES_MAX, VoiceError,
    packet_has_lbrr,
};
pub use processing::{Processing, VoiceProcessor};
pub use reported_loss::ReportedLoss;
pub use resample::Resampler;
pub use stamped::{Stamped, StampedEncoder};
