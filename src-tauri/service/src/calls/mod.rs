//! The owner of all calls: their rules are `call`'s, their sound is `media`'s, and here is what joins
//! them.
//!
//! ```text
//! HTTP ── Calls ──▶ ┐                     ┌─▶ hands, one a call ──▶ media, the lead's line
//! media events ───▶ │ owner, one loop,    ├─▶ saves ──▶ store
//! lead events ────▶ │ holds each Machine  └─▶ news ──▶ directory, notify
//! timers ─────────▶ ┘
//! ```
//!
//! The owner never waits for the store, nor for sound: what a machine puts out goes into bounded
//! queues in its order. It knows nothing of HTTP or SQL. A call of another organization is not there
//! (A3): every question names the organization that asks.

mod abandoned;
mod answers;
mod calling;
mod changes;
mod coaching;
mod directory;
mod forgetting;
mod handle;
mod hands;
mod inbound;
mod news;
mod notify;
mod owner;
mod question;
mod recording;
mod saves;
mod sounding;
mod timers;

pub use directory::{Directory, Member};
pub use handle::{Caller, Calls, CallsParts, CallsSettings};
pub use notify::Notify;
pub use recording::{NoRecorder, Recorder};
pub use saves::SaveCounts;

#[cfg(test)]
mod tests;
