//! The service: HTTP, WebSocket, access control, sign-in, presence, the audit log, settings and metrics,
//! over the calls, their recordings and the store.
//!
//! It knows nothing of mixing, codecs, SQL, sound cards or windows: it asks the crates beneath it.

mod access;
mod app;
mod audit;
mod auth;
mod balances;
mod config;
mod events;
mod facts;
mod http;
mod hub;
mod imports;
mod mail;
mod metrics;
mod names;
mod operated;
pub mod operator;
mod places;
mod running;
mod socket;
mod strict;
mod telephony;

pub use config::{Config, ConfigError, Flags, LogFormat};
pub use mail::{Encryption, MailSettings};
pub use running::{Hooks, Running, StartError, start};
pub use store::{StoreError, backup, copy_store, restore};

#[doc(no_inline)]
pub use trunk::{PhoneCodec, TelephonySettings, Transport, TrunkSettings};
