//! Session descriptions (RFC 8866): what is offered, what is answered, what both come to (RFC 3264). Pure.
//!
//! ```text
//! Local ── offer ──▶ peer ── its answer ── parse ──▶ accept ──▶ Negotiated
//! peer's offer ── parse ──▶ answer ──▶ text for the peer, and Negotiated
//! ```

mod crypto;
mod error;
mod local;
mod negotiated;
mod negotiation;
mod parse;

pub use crypto::{SdesKey, SrtpKeys, Suite};
pub use error::SdpError;
pub use local::{Local, MediaDirection, offer};
pub use negotiated::{EventPayload, Negotiated, PAYLOAD_TYPES_MAX, Payload, PayloadTypes};
pub use negotiation::{accept, answer};
pub use parse::{Description, parse};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture_tests;
