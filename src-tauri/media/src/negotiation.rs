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

/// How often reports are sent (RTCP). The counts in them serve the peer's statistics only.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// What is said of an offer that can't be read at all.
const NOT_SDP: &str = "it isn't a session description (RFC 8866)";
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
}

/// Answers an offer. The peer will send to the worker's `candidate`.
///
/// # Errors
/// The errors of [`MediaError`] that begin with `Offer` and `No`.
pub(crate) fn negotiate(
    offer: &str,
    certificate: &DtlsCert,
    candidate: SocketAddr,
) -> Result<(Negotiated, String), MediaError> {
    if offer.len() > SDP_BYTES_MAX {
        return Err(MediaError::OfferTooLong);
    }
    // The parser's own words hold the place in memory where it stopped.
    let parsed = SdpOffer::from_sdp_string(offer).map_err(|_| malformed(&NOT_SDP))?;
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
    };
    Ok((negotiated, answer))
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
