//! This side of a session, and the offer that tells of it.

use std::fmt::Write as _;
use std::net::IpAddr;

use voice::Codec;

use super::{Payload, PayloadTypes, SdesKey};

/// Which way sound flows, as the one says it who is described (RFC 3264 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MediaDirection {
    #[default]
    SendReceive,
    SendOnly,
    ReceiveOnly,
    Inactive,
}

impl MediaDirection {
    #[must_use]
    pub const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendReceive,
            (true, false) => Self::SendOnly,
            (false, true) => Self::ReceiveOnly,
            (false, false) => Self::Inactive,
        }
    }

    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

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
    pub direction: MediaDirection,
    /// The codecs in order of wish. Comfort noise is offered beside G.711 and need not be named.
    pub codecs: Vec<Codec>,
    /// The key of what is sent. With one, the session is encrypted or fails; without, it is plain.
    pub crypto: Option<SdesKey>,
}

/// The payload type of Opus in an offer, and of keys beside it (48 kHz) and beside G.711 (8 kHz).
const OPUS: u8 = 96;
const EVENT_48000: u8 = 100;
const EVENT_8000: u8 = 101;
const PCMU: u8 = 0;
const PCMA: u8 = 8;
const COMFORT_NOISE: u8 = 13;

/// Writes an offer (RFC 3264 §5).
#[must_use]
pub fn offer(local: &Local) -> String {
    let mut payloads = PayloadTypes::default();
    for (payload_type, payload) in offered(local) {
        payloads.add(payload_type, payload);
    }
    let profile = if local.crypto.is_some() {
        "RTP/SAVP"
    } else {
        "RTP/AVP"
    };
    let medium = Medium {
        profile,
        payloads: &payloads,
        direction: local.direction,
        rtcp_mux: false,
        crypto: local.crypto,
    };
    let mut text = head(local);
    write_medium(&mut text, local, &medium);
    text
}

/// What an offer of this side has, in order: the codecs, comfort noise, keys.
pub(super) fn offered(local: &Local) -> impl Iterator<Item = (u8, Payload)> {
    let has_opus = local.codecs.contains(&Codec::Opus);
    let has_g711 = local.codecs.contains(&Codec::Pcmu) || local.codecs.contains(&Codec::Pcma);
    let codecs = local.codecs.iter().filter_map(|codec| match codec {
        Codec::Opus => Some((OPUS, Payload::Voice(Codec::Opus))),
        Codec::Pcmu => Some((PCMU, Payload::Voice(Codec::Pcmu))),
        Codec::Pcma => Some((PCMA, Payload::Voice(Codec::Pcma))),
        Codec::ComfortNoise => None,
    });
    let noise = has_g711.then_some((COMFORT_NOISE, Payload::Voice(Codec::ComfortNoise)));
    let event = |has: bool, payload_type, clock_hz| {
        has.then_some((payload_type, Payload::Event { clock_hz }))
            .into_iter()
    };
    codecs
        .chain(noise)
        .chain(event(has_opus, EVENT_48000, 48_000))
        .chain(event(has_g711, EVENT_8000, 8000))
}

pub(super) struct Medium<'a> {
    pub profile: &'a str,
    pub payloads: &'a PayloadTypes,
    pub direction: MediaDirection,
    pub rtcp_mux: bool,
    pub crypto: Option<SdesKey>,
}

/// The lines of the session (RFC 8866 §5), which tell nothing of anyone.
pub(super) fn head(local: &Local) -> String {
    let family = if local.address.is_ipv6() {
        "IP6"
    } else {
        "IP4"
    };
    let (id, version, address) = (local.session_id, local.version, local.address);
    format!(
        "v=0\r\no=- {id} {version} IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n"
    )
}

/// The lines of the audio.
pub(super) fn write_medium(text: &mut String, local: &Local, medium: &Medium<'_>) {
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{line}\r\n");
    };
    let mut formats = String::new();
    for (payload_type, _) in medium.payloads.iter() {
        // As above.
        let _ = write!(formats, " {payload_type}");
    }
    line(format_args!(
        "m=audio {} {}{formats}",
        local.port, medium.profile
    ));
    for (number, payload) in medium.payloads.iter() {
        match payload {
            Payload::Voice(Codec::Opus) => {
                line(format_args!("a=rtpmap:{number} opus/48000/2"));
                line(format_args!("a=fmtp:{number} useinbandfec=1"));
            }
            Payload::Voice(Codec::Pcmu) => line(format_args!("a=rtpmap:{number} PCMU/8000")),
            Payload::Voice(Codec::Pcma) => line(format_args!("a=rtpmap:{number} PCMA/8000")),
            Payload::Voice(Codec::ComfortNoise) => {
                line(format_args!("a=rtpmap:{number} CN/8000"));
            }
            Payload::Event { clock_hz } => {
                line(format_args!("a=rtpmap:{number} telephone-event/{clock_hz}"));
                line(format_args!("a=fmtp:{number} 0-16"));
            }
        }
    }
    line(format_args!("a=ptime:20"));
    line(format_args!("a=maxptime:20"));
    if medium.rtcp_mux {
        line(format_args!("a=rtcp-mux"));
    } else {
        line(format_args!("a=rtcp:{}", local.port.saturating_add(1)));
    }
    if let Some(key) = medium.crypto {
        line(format_args!("a=crypto:{}", key.line()));
    }
    line(format_args!("a={}", medium.direction.name()));
}
