//! The media of one phone: its sockets, its streams, and what its leg tells it.
//!
//! A phone is two halves: [`PhoneControl`] stays with the leg's task, [`PhoneMedia`] goes to the worker.
//! Between them are rings and atomics, so that the worker never waits.

mod control;
mod error;
mod hold;
mod inbound;
mod media;
mod outbound;
mod ports;
mod reports;
mod socket;
mod source;

use std::sync::Arc;

pub use control::{PhoneControl, PhoneReport};
pub use error::PhoneError;
pub use hold::HoldSound;
pub use media::PhoneMedia;
pub use ports::{PortPair, Ports};

use crate::sdp::SdesKey;

/// A phone on these ports. It hears and says nothing before [`PhoneControl::negotiated`].
///
/// # Errors
/// [`PhoneError`] when there is no randomness, or the codec refuses.
pub fn phone(
    pair: PortPair,
    hold: Arc<HoldSound>,
) -> Result<(PhoneControl, PhoneMedia), PhoneError> {
    let (control, link) = control::link(pair.rtp_port());
    Ok((control, PhoneMedia::new(pair, hold, link)?))
}

/// A new key for a session.
///
/// # Errors
/// [`PhoneError::Random`].
pub fn sdes_key() -> Result<SdesKey, PhoneError> {
    let mut bytes = [0; 30];
    getrandom::fill(&mut bytes).map_err(|_| PhoneError::Random)?;
    Ok(SdesKey::new(bytes))
}
