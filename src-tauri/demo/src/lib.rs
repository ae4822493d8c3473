//! The demonstration: a coached call with real voices, and what each party received of it.
//!
//! `demo` knows nothing of how the product mixes: it judges from outside, by what came out.

pub mod trace;
pub mod verdict;
