//! The owner of all calls: their rules are `call`'s, their sound is `media`'s, and here is what joins
//! them.
//!
//! ```text
//! HTTP ── Calls ──▶ ┐                     ┌─▶ hands, one a call ──▶ media, the lead's line
//! media events ───▶ │ owner, one loop,    ├─▶ saves ──▶ repository
//! lead events ────▶ │ holds each Machine  └─▶ news ──▶ directory, notify
//! timers ─────────▶ ┘
//! ```
//!
//! The owner never waits for the store, nor for sound: what a machine puts out goes into bounded
//! queues in its order. It knows nothing of HTTP or SQL. A call of another organization is not there
//! (A3): every question names the organization that asks.

mod abandoned;
mod calls;
mod directory;
mod hands;
mod news;
mod notify;
mod owner;
mod question;
mod recorder;
mod repository;
mod saves;

pub use calls::{Caller, Calls, CallsParts, CallsSettings};
pub use directory::{Directory, Member};
pub use notify::Notify;
pub use recorder::{NoRecorder, Recorder, RecordingPlan};
pub use repository::CallRepository;
pub use saves::SaveCounts;

#[cfg(test)]
mod tests;
