//! The service: accounts, presence and calls over HTTP and WebSocket, on an embedded store.
//!
//! It knows nothing of sound cards, windows or the client's core; samples are the business of `media`,
//! and the rules of a call that of `call`.

mod access;
mod app;
mod audit;
mod auth;
mod balances;
mod calls;
mod clock;
mod config;
mod facts;
mod http;
mod hub;
mod metrics;
mod recording;
mod running;
mod telephony;

pub use config::{Config, ConfigError, Flags, LogFormat};
pub use running::{Hooks, Running, StartError, start};
pub use store::StoreError;
pub use store::{backup, copy_store, restore};

#[doc(no_inline)]
pub use trunk::{PhoneCodec, TelephonySettings, Transport, TrunkSettings};
