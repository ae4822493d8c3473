//! The media engine: WebRTC in, the 20 ms tick, WebRTC out.
//!
//! `media` knows nothing of users, organizations, permissions, HTTP, SQL or files: it is told which
//! legs a call has, what each coach is granted, and who records; it reports who is connected and how
//! loud. Deny by default: whoever was not added hears nothing and is heard by no one, and a coach
//! reaches no one until a mode is granted.
//!
//! ```text
//! Media ── commands ──▶ worker thread, one UDP socket ── events ──▶ service
//!                       │ recvmmsg → demux → str0m → jitter buffer of the track
//!                       │ tick: pull → Gate → Mixer → one Opus encode a mix → str0m of each listener
//!                       └ sendmmsg
//! ```
//!
//! A call lives on one worker, so that nothing between its parties needs a lock or a queue.
//!
//! ## The tick
//! Each call is ticked every 20 ms, at one of eight turns of its worker's loop, the one with the
//! fewest calls. A tick that ends more than 20 ms after it was due is counted as late; up to five
//! missed ones are made up for in a row, and the rest are skipped and counted. Within a tick
//! nothing of ours allocates, locks or blocks; str0m allocates one payload for each mix and one buffer
//! for each packet it encrypts. Costs are measured by stage ([`MediaMetrics::stages_us`]).

#![warn(missing_docs)]

mod announcement;
mod call;
mod connection;
mod demux;
mod encoders;
mod error;
mod event;
pub mod lead;
mod media;
mod metrics;
mod negotiation;
mod recording;
mod socket;
mod stamp;
mod tick;
mod track;
mod worker;

pub use announcement::{Announcement, load_announcement, load_samples};
pub use error::MediaError;
pub use event::MediaEvent;
pub use media::{Answered, Media, MediaSettings};
pub use metrics::{MediaMetrics, Spread, Stage};
pub use recording::{RecordingTap, RecordingTaps};
pub use stamp::{Stamp, stamp_extension};

#[doc(no_inline)]
pub use lead::{
    Dial, LeadEvent, LeadLeg, LeadLine, LeadMedia, LeadMix, LeadQuality, LeadSignal, SimulatedLine,
    SimulatedLineSettings,
};
