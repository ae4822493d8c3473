//! The owner of all calls: their rules are `call`'s, their sound is `media`'s, and here is what joins
//! them.
//!
//! ```text
//! service ─ Calls ─▶ ┐                     ┌─▶ hands, one a call ──▶ media, the lead's line
//! media events ────▶ │ owner, one loop,    ├─▶ saves ──▶ store
//! lead events ─────▶ │ holds each Machine  └─▶ news ──▶ directory, events
//! timers ──────────▶ ┘
//! ```
//!
//! The owner never waits for the store, nor for sound: what a machine puts out goes into bounded
//! queues in its order. A call of another organization is not there (A3): every request names the
//! organization that asks. It knows nothing of HTTP, sockets, sign-ins, the audit log or SQL.
//!
//! Three seams are for running on several machines: [`Events`] for who is told, [`Directory`] for who
//! is online and may do what, and `placement` for where the owner of a call is.

mod abandoned;
mod calls;
mod directory;
mod events;
mod hands;
mod news;
mod owner;
mod placement;
mod policy;
mod request;
mod saves;

pub use calls::{Caller, Calls, CallsParts};
pub use directory::{Directory, Member};
pub use events::Events;
pub use owner::CallsSettings;
pub use policy::CallPolicy;
pub use saves::SaveCounts;

#[cfg(test)]
mod tests;
