//! The demonstration: a coached call with real voices, and what each party received of it.
//!
//! `demo` knows nothing of how the product mixes: it judges from outside, by what came out.

pub mod actor;
mod error;
pub mod live;
pub mod phone;
pub mod scene;
pub mod script;
pub mod story;
pub mod tape;
pub mod trace;
pub mod verdict;

pub use error::DemoError;
