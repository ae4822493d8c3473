//! This side of a session, and the offer that tells of it.

use std::fmt::Write as _;
use std::net::IpAddr;

use voice::Codec;

use super::SdesKey;

/// Which way sound flows, as the one says it who is described (RFC 3264 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both.
    #[default]
    SendReceive,
    /// It only sends.
    SendOnly,
    /// It only receives.
    ReceiveOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// From what is sent and what is received.
    #[must_use]
    pub const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendReceive,
            (true, false) => Self::SendOnly,
            (false, true) => Self::ReceiveOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether it sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    /// Whether it receives.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendReceive | Self::ReceiveOnly)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SendReceive => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::ReceiveOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [
            Self::SendReceive,
            Self::SendOnly,
            Self::ReceiveOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.name() == name)
    }
}

/// This side of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Where RTP is taken; what stands in the description, so behind a NAT the outer address.
    pub address: IpAddr,
    /// The port of RTP; RTCP is taken at the next one.
    pub port: u16,
    /// The session, the same in all its descriptions.
    pub session_id: u64,
    /// Counts up by one with each description that says something new.
    pub version: u64,
    /// Which way sound is to flow, seen from this side.
    pub direction: Direction,
    /// The codecs in order of wish. Comfort noise is offered beside G.711 and need not be named.
    pub codecs: Vec<Codec>,
    /// The key of what is sent. With one, the session is encrypted or fails; without, it is plain.
    pub crypto: Option<SdesKey>,
}

/// The payload type of Opus in an offer, and of keys beside it (48 kHz) and beside G.711 (8 kHz).
pub(super) const OPUS: u8 = 96;
pub(super) const EVENT_48000: u8 = 100;
pub(super) const EVENT_8000: u8 = 101;
pub(super) const PCMU: u8 = 0;
pub(super) const PCMA: u8 = 8;
pub(super) const COMFORT_NOISE: u8 = 13;

/// Writes an offer.
#[must_use]
pub fn offer(local: &Local) -> String {
    let _ = local;
    String::new()
}
