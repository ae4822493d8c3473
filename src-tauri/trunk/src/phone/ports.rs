//! The ports that phones are given.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::PhoneError;

/// Pairs of ports out of a range: an even one for RTP, and the odd one after it for RTCP. Clones share
/// the range.
#[derive(Debug, Clone)]
pub struct Ports {}

impl Ports {
    /// The pairs of a range, bound to one address.
    #[must_use]
    pub fn new(_bind: IpAddr, _range: RangeInclusive<u16>) -> Self {
        Self {}
    }

    /// The next pair that is free; it is given back when it is dropped.
    ///
    /// # Errors
    /// [`PhoneError::NoPort`] when none is left.
    pub fn take(&self) -> Result<PortPair, PhoneError> {
        Err(PhoneError::NoPort)
    }

    /// How many pairs are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        0
    }
}

/// Two sockets, one beside the other.
#[derive(Debug)]
pub struct PortPair {}

impl PortPair {
    /// The port of RTP.
    #[must_use]
    pub fn rtp_port(&self) -> u16 {
        0
    }
}
