//! What an offer and its answer come to.

use std::net::SocketAddr;

use voice::Codec;

use super::SrtpKeys;

/// Payload types that one stream may have.
pub const PAYLOAD_TYPES_MAX: usize = 16;

/// What packets of one payload type hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    Voice(Codec),
    /// Keys of a telephone (RFC 4733).
    Event {
        /// The clock of its timestamps and durations, in Hz.
        clock_hz: u32,
    },
}

impl Payload {
    #[must_use]
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::Voice(Codec::Opus) => 48_000,
            Self::Voice(Codec::Pcma | Codec::Pcmu | Codec::ComfortNoise) => 8000,
            Self::Event { clock_hz } => clock_hz,
        }
    }
}

/// What the payload types of a stream mean. The payload type of each packet says how to decode it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PayloadTypes {
    known: [Option<(u8, Payload)>; PAYLOAD_TYPES_MAX],
}

impl PayloadTypes {
    /// What packets of this payload type hold; none when it was not negotiated.
    #[must_use]
    pub fn get(&self, payload_type: u8) -> Option<Payload> {
        self.iter()
            .find(|(known, _)| *known == payload_type)
            .map(|(_, payload)| payload)
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (u8, Payload)> {
        self.known.iter().flatten().copied()
    }

    /// Adds one; a payload type that is known already keeps its meaning, and what no longer fits is
    /// left out. Whether it was added.
    pub fn add(&mut self, payload_type: u8, payload: Payload) -> bool {
        if self.get(payload_type).is_some() {
            return false;
        }
        let Some(free) = self.known.iter_mut().find(|known| known.is_none()) else {
            return false;
        };
        *free = Some((payload_type, payload));
        true
    }
}

/// How keys are sent to the peer (RFC 4733).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPayload {
    pub payload_type: u8,
    /// The clock of timestamps and durations, in Hz.
    pub clock_hz: u32,
}

/// What an offer and its answer come to. Its `Debug` hides keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    /// Where the peer wants RTP; the address is unspecified while it holds in the old way
    /// (`c=IN IP4 0.0.0.0`), and nothing is sent there.
    pub peer: SocketAddr,
    /// Where the peer wants RTCP: the next port, or what it says (RFC 3605), or the same with
    /// `rtcp_mux`.
    pub peer_rtcp: SocketAddr,
    /// RTCP shares the port of RTP (RFC 5761).
    pub rtcp_mux: bool,
    /// The payload type and the codec to send.
    pub send: (u8, Codec),
    /// What may come.
    pub receive: PayloadTypes,
    /// How keys are sent; none when the peer takes none.
    pub event: Option<EventPayload>,
    /// The payload type of comfort noise (RFC 3389), where the peer takes it.
    pub comfort_noise: Option<u8>,
    pub sends: bool,
    /// This side is sent something.
    pub receives: bool,
    /// How much sound the peer wants in one packet, in milliseconds. It is told, and sent 20 ms.
    pub ptime_ms: u32,
    /// The keys, when the stream is encrypted.
    pub srtp: Option<SrtpKeys>,
}
