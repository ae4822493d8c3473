//! The telephone network: calls to and from real phones over SIP trunks, with our own RTP.
//!
//! `trunk` knows nothing of users, permissions, coaches, modes, HTTP or SQL: it dials a number, lets an
//! inbound call wait, and gives the worker the sound of whoever answered.
//!
//! ```text
//! service ── LeadLine ──▶ leg (one task a call) ── SIP ──▶ trunk
//! worker  ── LeadMedia ─▶ phone: RTP and RTCP of one leg, in the worker's own tick
//! ```

mod digest;
mod early;
mod endpoint;
mod error;
mod farewell;
mod incoming;
mod leg;
mod line;
mod names;
pub mod phone;
pub mod rtp;
mod screening;
pub mod sdp;
mod servers;
mod settings;
mod srv;
mod tls;
mod upkeep;

pub use error::TrunkError;
pub use farewell::{Farewell, FarewellNote};
pub use incoming::Incoming;
pub use line::{TrunkStatus, Trunks};
pub use settings::{Identity, PhoneCodec, TelephonySettings, Transport, TrunkSettings};
