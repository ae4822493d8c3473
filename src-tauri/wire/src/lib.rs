//! What service and clients say to each other: ids, HTTP bodies, WebSocket messages, error codes.
//!
//! Everything is declared once, here; OpenAPI, JSON Schema and TypeScript are exported from it. Names
//! are those of Close's public API where it has one. `wire` knows nothing of sockets, storage,
//! clocks or rules: it holds shapes and their bounds.

#![warn(missing_docs)]

mod account;
mod admin;
mod audit;
mod auth;
mod availability;
mod call;
mod coach;
mod directory;
mod error;
mod ids;
mod import;
mod invitation;
mod lead;
mod list;
mod media;
mod money;
mod organization;
mod recording;
pub mod route;
mod second_factor;
mod setup;
mod shape;
mod socket;
mod timestamp;

pub use account::*;
pub use admin::*;
pub use audit::*;
pub use auth::*;
pub use availability::*;
pub use call::*;
pub use coach::*;
pub use directory::*;
pub use error::*;
pub use ids::*;
pub use import::*;
pub use invitation::*;
pub use lead::*;
pub use list::*;
pub use media::*;
pub use money::*;
pub use organization::*;
pub use recording::*;
pub use second_factor::*;
pub use setup::*;
pub use socket::*;
pub use timestamp::*;
