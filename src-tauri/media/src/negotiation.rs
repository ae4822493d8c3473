//! From an SDP offer to an answer and a connection that waits for its peer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::config::DtlsCert;
use str0m::format::Codec;
use str0m::media::{MediaKind, Mid, Pt};
use str0m::rtp::{Extension, Ssrc};
use str0m::{Candidate, IceCreds, Rtc, RtcConfig};
use wire::SDP_BYTES_MAX;

use crate::error::MediaError;
use crate::stamp::stamp_extension;

/// How often reports are sent (RTCP). Clients go by the loss in them, as the service goes by theirs.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How often the peer's own reports are looked at. Clients send one every second, browsers every five.
const STATS_INTERVAL: Duration = Duration::from_secs(1);
/// Error texts are cut to this length, so that an offer is not echoed back whole.
const REASON_CHARS_MAX: usize = 120;

/// A connection that has been negotiated but is not connected yet.
pub(crate) struct Negotiated {
    pub(crate) rtc: Rtc,
    /// Named by the peer's connectivity checks. Random, so unique.
    pub(crate) ufrag: String,
    pub(crate) payload_type: Pt,
    /// The source of packets to the peer.
    pub(crate) ssrc: Ssrc,
    pub(crate) origin: Origin,
}

/// An offer that was understood.
pub(crate) struct Offered {
    /// A new connection for it, and the answer that says so.
    pub(crate) negotiated: Negotiated,
    pub(crate) answer: String,
    /// The offer itself, for the connection that it may be of.
    pub(crate) offer: SdpOffer,
}

/// What all offers of one connection have in common, and those of another have not. A client that
/// reloads begins a new session, even with its old certificate, and a new handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The id of the session: it stays, and its version counts up (RFC 8829 §5.2.2).
    session: String,
    /// Of the certificates of its DTLS; an ICE restart keeps them (RFC 8842 §5.4).
    fingerprints: Vec<String>,
    /// The names of its sections.
    mids: Vec<String>,
}

impl Origin {
    fn of(offer: &str) -> Self {
        let values = |prefix: &str| -> Vec<String> {
            let lines = offer.lines().filter_map(|line| line.strip_prefix(prefix));
            lines.map(|value| value.trim_end().to_owned()).collect()
        };
        let session = values("o=").into_iter().next().unwrap_or_default();
        Self {
            session: session.split(' ').nth(1).unwrap_or_default().to_owned(),
            fingerprints: values("a=fingerprint:"),
            mids: values("a=mid:"),
        }
    }
}

/// Answers an offer. The peer will send to the worker's `candidate`.
///
/// # Errors
/// The errors of [`MediaError`] that begin with `Offer` and `No`.
pub(crate) fn negotiate(
    offer: &str,
    certificate: &DtlsCert,
    candidate: SocketAddr,
) -> Result<Offered, MediaError> {
    if offer.len() > SDP_BYTES_MAX {
        return Err(MediaError::OfferTooLong);
    }
    let parse = || SdpOffer::from_sdp_string(offer).map_err(|error| malformed(&error));
    let (parsed, again) = (parse()?, parse()?);
    let credentials = IceCreds::new();
    let ufrag = credentials.ufrag.clone();
    let mut rtc = configure(certificate, credentials).build(Instant::now());
    let local = Candidate::host(candidate, "udp").map_err(|error| malformed(&error))?;
    rtc.add_local_candidate(local);
    one_audio_section(offer)?;
    let answer = rtc
        .sdp_api()
        .accept_offer(parsed)
        .map_err(|error| malformed(&error))?
        .to_sdp_string();
    let mid = audio_mid(&answer).ok_or(MediaError::NoAudio)?;
    let media = rtc.media(mid).ok_or(MediaError::NoAudio)?;
    if media.kind() != MediaKind::Audio || !media.direction().is_sending() {
        return Err(MediaError::NoAudio);
    }
    let payload_type = media
        .remote_pts()
        .iter()
        .copied()
        .find(|pt| {
            let mut codecs = rtc.codec_config().params().iter();
            codecs.any(|p| p.pt() == *pt && p.spec().codec == Codec::Opus)
        })
        .ok_or(MediaError::NoOpus)?;
    let ssrc = rtc
        .direct_api()
        .stream_tx_by_mid(mid, None)
        .map(|stream| stream.ssrc())
        .ok_or(MediaError::NoAudio)?;
    let negotiated = Negotiated {
        rtc,
        ufrag,
        payload_type,
        ssrc,
        origin: Origin::of(offer),
    };
    Ok(Offered {
        negotiated,
        answer,
        offer: again,
    })
}

fn configure(certificate: &DtlsCert, credentials: IceCreds) -> RtcConfig {
    RtcConfig::new()
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .set_dtls_cert(certificate.clone())
        .set_local_ice_credentials(credentials)
        .clear_codecs()
        .enable_opus(true, false)
        .clear_extension_map()
        .set_extension(1, Extension::AudioLevel)
        .set_extension(2, stamp_extension())
        .set_extension(4, Extension::RtpMid)
        .set_rtcp_report_interval_audio(REPORT_INTERVAL)
        .set_stats_interval(Some(STATS_INTERVAL))
        // Packets are written one at a time and never sent again.
        .set_send_buffer_audio(1)
}

/// One media section, audio: all that the service has an answer to.
fn one_audio_section(offer: &str) -> Result<(), MediaError> {
    let mut sections = offer.lines().filter(|line| line.starts_with("m="));
    match (sections.next(), sections.next()) {
        (Some(audio), None) if audio.starts_with("m=audio ") => Ok(()),
        _ => Err(MediaError::NoAudio),
    }
}

fn audio_mid(answer: &str) -> Option<Mid> {
    let mid = answer
        .lines()
        .find_map(|line| line.strip_prefix("a=mid:"))?;
    Some(Mid::from(mid.trim_end()))
}

fn malformed(error: &dyn std::fmt::Display) -> MediaError {
    let reason = error.to_string();
    MediaError::OfferMalformed(reason.chars().take(REASON_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\n\
        a=fingerprint:sha-256 AA:BB\r\na=mid:0\r\n";

    #[test]
    fn offers_of_one_connection_are_told_from_those_of_others() {
        let origin = Origin::of(OFFER);
        for same in [
            OFFER.replace("46117 2 IN IP4 127.0.0.1", "46117 3 IN IP4 192.0.2.1"),
            OFFER.replace("abcd", "efgh"),
            OFFER.replace("m=audio 9", "m=audio 50000"),
        ] {
            assert_eq!(Origin::of(&same), origin, "{same}");
        }
        for other in [
            OFFER.replace("46117", "46118"),
            OFFER.replace("AA:BB", "AA:CC"),
            OFFER.replace("a=mid:0", "a=mid:1"),
            OFFER.replace("o=", "x="),
            String::new(),
        ] {
            assert_ne!(Origin::of(&other), origin, "{other}");
        }
    }
}
