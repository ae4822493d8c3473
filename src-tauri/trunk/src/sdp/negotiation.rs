//! Offer and answer (RFC 3264).

use std::fmt::Write as _;
use std::net::SocketAddr;

use voice::Codec;

use super::crypto::first;
use super::local::{Medium, head, offered, write_medium};
use super::parse::Media;
use super::{
    Description, EventPayload, Local, MediaDirection, Negotiated, Payload, PayloadTypes, SdpError,
    SrtpKeys,
};

/// What a peer that says nothing of it wants, and what it is sent.
const PTIME_MS: u32 = 20;

/// Answers the peer's offer: the text of the answer, and what both come to. Other media than the first
/// usable audio are refused in it (port 0). An offer that holds is answered so.
///
/// # Errors
/// [`SdpError::NoAudio`], [`SdpError::NoAddress`], [`SdpError::NoCodec`], [`SdpError::Encryption`].
pub fn answer(local: &Local, offer: &Description) -> Result<(String, Negotiated), SdpError> {
    let (chosen, negotiated) = choose(local, offer, Side::Answers)?;
    let mut text = head(local);
    for (at, media) in offer.media.iter().enumerate() {
        if at == chosen {
            let medium = Medium {
                profile: &media.transport,
                payloads: &negotiated.receive,
                direction: MediaDirection::new(
                    local.direction.sends() && wants(offer, media).receives(),
                    negotiated.receives,
                ),
                rtcp_mux: negotiated.rtcp_mux,
                crypto: negotiated.srtp.map(|keys| keys.local),
            };
            write_medium(&mut text, local, &medium);
        } else {
            let (kind, transport, formats) = (&media.kind, &media.transport, &media.formats);
            // Writing to a string cannot fail.
            let _ = write!(text, "m={kind} 0 {transport} {formats}\r\n");
        }
    }
    Ok((text, negotiated))
}

/// What this side's offer and the peer's answer come to.
///
/// # Errors
/// As of [`answer`].
pub fn accept(local: &Local, answer: &Description) -> Result<Negotiated, SdpError> {
    choose(local, answer, Side::Offered).map(|(_, negotiated)| negotiated)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Offered,
    Answers,
}

/// The first audio that leads to something, or else why the first one does not.
fn choose(local: &Local, peer: &Description, side: Side) -> Result<(usize, Negotiated), SdpError> {
    let mut why = None;
    for (at, media) in peer.media.iter().enumerate() {
        let is_audio = media.kind == "audio" && media.port != 0;
        let Some(secure) = media.is_secure().filter(|_| is_audio) else {
            continue;
        };
        match negotiate(local, peer, media, secure, side) {
            Ok(negotiated) => return Ok((at, negotiated)),
            Err(error) => {
                why.get_or_insert(error);
            }
        }
    }
    Err(why.unwrap_or(SdpError::NoAudio))
}

/// Which way the peer wants sound to flow, as it says it.
fn wants(peer: &Description, media: &Media) -> MediaDirection {
    media.direction.or(peer.direction).unwrap_or_default()
}

fn negotiate(
    local: &Local,
    peer: &Description,
    media: &Media,
    secure: bool,
    side: Side,
) -> Result<Negotiated, SdpError> {
    let srtp = keys(local, media, secure, side)?;
    let address = if media.has_connection {
        media.address
    } else {
        peer.address
    };
    let address = address.ok_or(SdpError::NoAddress)?;
    // A hold of the old way has no family of its own.
    if address.is_ipv4() != local.address.is_ipv4() && !address.is_unspecified() {
        return Err(SdpError::NoAddress);
    }
    let rtcp_mux = media.rtcp_mux && side == Side::Answers;
    let peer_rtcp = match media.rtcp {
        _ if rtcp_mux => SocketAddr::new(address, media.port),
        Some((port, other)) => {
            let other = other.filter(|other| other.is_ipv4() == address.is_ipv4());
            SocketAddr::new(other.unwrap_or(address), port)
        }
        None => SocketAddr::new(address, media.port.saturating_add(1)),
    };
    let common = common(local, media, side);
    let send = common.first().copied().ok_or(SdpError::NoCodec)?;
    let (receive, event, comfort_noise) = payloads(local, media, &common, send.1, side);
    let direction = wants(peer, media);
    Ok(Negotiated {
        peer: SocketAddr::new(address, media.port),
        peer_rtcp,
        rtcp_mux,
        send,
        receive,
        event,
        comfort_noise,
        sends: local.direction.sends() && direction.receives() && !address.is_unspecified(),
        receives: local.direction.receives() && direction.sends(),
        ptime_ms: media.ptime_ms.unwrap_or(PTIME_MS),
        srtp,
    })
}

/// The keys of both sides. Encryption is what both want, or neither: what was meant to be secret never
/// goes out in the clear.
fn keys(
    local: &Local,
    media: &Media,
    secure: bool,
    side: Side,
) -> Result<Option<SrtpKeys>, SdpError> {
    let own = match (local.crypto, secure) {
        (None, false) => return Ok(None),
        (Some(own), true) => own,
        _ => return Err(SdpError::Encryption),
    };
    let remote = first(&media.keys)?;
    let own = match side {
        Side::Answers => own.answering(&remote),
        Side::Offered if own.suite == remote.suite => own,
        Side::Offered => return Err(SdpError::Encryption),
    };
    Ok(Some(SrtpKeys { local: own, remote }))
}

/// The codecs of both, with the peer's payload types: who answers orders them as it wishes, whoever
/// offered takes the order of the answer.
fn common(local: &Local, media: &Media, side: Side) -> Vec<(u8, Codec)> {
    let told = media.payloads.iter().filter_map(|(number, payload)| {
        let Some(Payload::Voice(codec)) = payload else {
            return None;
        };
        let is_wanted = *codec != Codec::ComfortNoise && local.codecs.contains(codec);
        is_wanted.then_some((*number, *codec))
    });
    let mut common: Vec<(u8, Codec)> = told.collect();
    if side == Side::Answers {
        let wish = |codec: &Codec| local.codecs.iter().position(|wish| wish == codec);
        common.sort_by_key(|(_, codec)| wish(codec));
        common.dedup_by_key(|(_, codec)| *codec);
    }
    common
}

/// What may come, how keys are sent, and the payload type of comfort noise.
fn payloads(
    local: &Local,
    media: &Media,
    common: &[(u8, Codec)],
    send: Codec,
    side: Side,
) -> (PayloadTypes, Option<EventPayload>, Option<u8>) {
    let mut receive = PayloadTypes::default();
    for (number, codec) in common {
        receive.add(*number, Payload::Voice(*codec));
    }
    let is_g711 = |(_, codec): &(u8, Codec)| matches!(codec, Codec::Pcmu | Codec::Pcma);
    let has_g711 = common.iter().any(is_g711);
    let comfort_noise = media.payloads.iter().find_map(|(number, payload)| {
        let is_noise = *payload == Some(Payload::Voice(Codec::ComfortNoise));
        (is_noise && has_g711).then_some(*number)
    });
    if let Some(number) = comfort_noise {
        receive.add(number, Payload::Voice(Codec::ComfortNoise));
    }
    let mut event: Option<EventPayload> = None;
    let wanted_hz = Payload::Voice(send).clock_hz();
    for (number, payload) in &media.payloads {
        let Some(Payload::Event { clock_hz }) = payload else {
            continue;
        };
        receive.add(
            *number,
            Payload::Event {
                clock_hz: *clock_hz,
            },
        );
        // Best is the clock of the sound beside it (RFC 4733 §2.1).
        if event.is_none_or(|event| event.clock_hz != wanted_hz && *clock_hz == wanted_hz) {
            event = Some(EventPayload {
                payload_type: *number,
                clock_hz: *clock_hz,
            });
        }
    }
    if side == Side::Offered {
        // The peer may send by the numbers of the offer, except those to which it gives another meaning.
        for (number, payload) in offered(local) {
            let is_redefined = |(own, meaning): &(u8, Option<Payload>)| {
                *own == number && *meaning != Some(payload)
            };
            if !media.payloads.iter().any(is_redefined) {
                receive.add(number, payload);
            }
        }
    }
    (receive, event, comfort_noise)
}
