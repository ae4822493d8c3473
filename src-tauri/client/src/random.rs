//! Random numbers for jitter and stream ids. Not for secrets.

use std::hash::{BuildHasher, RandomState};

/// 64 random bits, from the seed that the standard library takes from the system.
pub(crate) fn bits() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// A random fraction from 0 to 1.
pub(crate) fn fraction() -> f32 {
    f32::from((bits() & 0xffff) as u16) / f32::from(u16::MAX)
}
