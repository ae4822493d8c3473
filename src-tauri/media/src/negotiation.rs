//! From an SDP offer to an answer and a connection that waits for its peer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mix::Mode;
use str0m::change::SdpOffer;
use str0m::config::DtlsCert;
use str0m::format::Codec;
use str0m::media::{MediaKind, Mid, Pt};
use str0m::rtp::{Extension, Ssrc};
use str0m::{Candidate, IceCreds, Rtc, RtcConfig};
use wire::{COACH_MODE_EXTENSION_URI, MediaOffer, MediaTracks, SDP_BYTES_MAX};

use crate::error::MediaError;
use crate::stamp::stamp_extension;
use crate::track::TRACKS_MAX;

/// How often reports are sent (RTCP). Clients go by the loss in them, as the service goes by theirs.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How often the peer's own reports are looked at. Clients send one every second, browsers every five.
const STATS_INTERVAL: Duration = Duration::from_secs(1);
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
    /// The media section of each track that the peer sends, and the mode it was declared for.
    pub(crate) tracks: Vec<(Mid, Option<Mode>)>,
    /// How far a coach can reach over it (rule M3).
    pub(crate) widest: Mode,
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
    /// The names of its sections, and what each was declared for.
    mids: Vec<String>,
    tracks: Option<MediaTracks>,
}

impl Origin {
    fn of(offer: &str, tracks: Option<&MediaTracks>) -> Self {
        let values = |prefix: &str| -> Vec<String> {
            let lines = offer.lines().filter_map(|line| line.strip_prefix(prefix));
            lines.map(|value| value.trim_end().to_owned()).collect()
        };
        let session = values("o=").into_iter().next().unwrap_or_default();
        Self {
            session: session.split(' ').nth(1).unwrap_or_default().to_owned(),
            fingerprints: values("a=fingerprint:"),
            mids: values("a=mid:"),
            tracks: tracks.cloned(),
        }
    }
}

/// Answers an offer. The peer will send to the worker's `candidate`.
///
/// # Errors
/// The errors of [`MediaError`] that begin with `Offer` and `No`, and [`MediaError::Undeclared`].
pub(crate) fn negotiate(
    MediaOffer { sdp: offer, tracks }: &MediaOffer,
    certificate: &DtlsCert,
    candidate: SocketAddr,
) -> Result<Offered, MediaError> {
    if offer.len() > SDP_BYTES_MAX {
        return Err(MediaError::OfferTooLong);
    }
    // The parser's own words hold the place in memory where it stopped.
    let parse = || SdpOffer::from_sdp_string(offer).map_err(|_| malformed(&NOT_SDP));
    let (parsed, again) = (parse()?, parse()?);
    let credentials = IceCreds::new();
    let ufrag = credentials.ufrag.clone();
    let mut rtc = configure(certificate, credentials).build(Instant::now());
    let local = Candidate::host(candidate, "udp").map_err(|error| malformed(&error))?;
    rtc.add_local_candidate(local);
    let sections = audio_sections(offer)?;
    let origin = Origin::of(offer, tracks.as_ref());
    let tracks = declare(&sections, tracks.as_ref())?;
    let answer = rtc
        .sdp_api()
        .accept_offer(parsed)
        .map_err(|error| malformed(&error))?
        .to_sdp_string();
    let widest = if tracks.len() > 1 || audio_sections(&answer)?.iter().any(|one| one.stamps) {
        Mode::Barge
    } else {
        Mode::Whisper
    };
    let sent = tracks.iter().filter_map(|(mid, _)| rtc.media(*mid));
    let media = sent
        .filter(|media| media.kind() == MediaKind::Audio)
        .find(|media| media.direction().is_sending())
        .ok_or(MediaError::NoAudio)?;
    let mid = media.mid();
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
        tracks,
        widest,
        origin,
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

/// A media section of a session description.
struct Section<'a> {
    mid: &'a str,
    /// Whether packets of it may carry the mode in which they were captured.
    stamps: bool,
}

/// The media sections, all of which must be audio: one, or one for each track.
fn audio_sections(sdp: &str) -> Result<Vec<Section<'_>>, MediaError> {
    let mut sections = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") {
            if !line.starts_with("m=audio ") || sections.len() == TRACKS_MAX {
                return Err(MediaError::NoAudio);
            }
            sections.push(Section {
                mid: "",
                stamps: false,
            });
        } else if let Some(section) = sections.last_mut() {
            if let Some(mid) = line.strip_prefix("a=mid:") {
                section.mid = mid.trim_end();
            }
            section.stamps |=
                line.starts_with("a=extmap:") && line.contains(COACH_MODE_EXTENSION_URI);
        }
    }
    if sections.is_empty() {
        return Err(MediaError::NoAudio);
    }
    Ok(sections)
}

/// What each section carries. With two of them the offer has to say, and names both.
fn declare(
    sections: &[Section<'_>],
    tracks: Option<&MediaTracks>,
) -> Result<Vec<(Mid, Option<Mode>)>, MediaError> {
    let Some(tracks) = tracks else {
        return match sections {
            [one] => Ok(vec![(Mid::from(one.mid), None)]),
            _ => Err(MediaError::Undeclared),
        };
    };
    let is_named = |mid: &str| sections.iter().any(|section| section.mid == mid);
    if tracks.whisper == tracks.barge || !is_named(&tracks.whisper) || !is_named(&tracks.barge) {
        return Err(MediaError::Undeclared);
    }
    let declared = |section: &Section<'_>| {
        let mode = if section.mid == tracks.barge {
            Mode::Barge
        } else {
            Mode::Whisper
        };
        (Mid::from(section.mid), Some(mode))
    };
    Ok(sections.iter().map(declared).collect())
}

fn malformed(error: &dyn std::fmt::Display) -> MediaError {
    let reason = error.to_string();
    MediaError::OfferMalformed(reason.chars().take(REASON_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::{Origin, Section, audio_sections, declare};
    use crate::error::MediaError;
    use mix::Mode::{self, Barge, Whisper};
    use str0m::media::Mid;
    use wire::MediaTracks;

    const OFFER: &str = "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\n\
        a=fingerprint:sha-256 AA:BB\r\na=mid:0\r\n";

    fn declared(mids: &[&str], tracks: Option<(&str, &str)>) -> Option<Vec<Option<Mode>>> {
        let tracks = tracks.map(|(whisper, barge)| MediaTracks {
            whisper: whisper.into(),
            barge: barge.into(),
        });
        let sections: Vec<_> = mids
            .iter()
            .map(|mid| Section { mid, stamps: false })
            .collect();
        let all = declare(&sections, tracks.as_ref()).ok()?;
        let of = |(mid, mode): &(Mid, Option<Mode>)| {
            assert!(mids.contains(&&**mid));
            *mode
        };
        Some(all.iter().map(of).collect())
    }

    #[test]
    fn m3_an_offer_with_two_tracks_says_which_is_which() {
        let both = Some(vec![Some(Whisper), Some(Barge)]);
        let swapped = Some(vec![Some(Barge), Some(Whisper)]);
        for (mids, tracks, expected) in [
            (vec!["0"], None, Some(vec![None])),
            (vec!["0", "1"], Some(("0", "1")), both),
            (vec!["0", "1"], Some(("1", "0")), swapped),
            (vec!["0", "1"], None, None),
            (vec!["0", "1"], Some(("0", "0")), None),
            (vec!["0", "1"], Some(("0", "2")), None),
            (vec!["0"], Some(("0", "1")), None),
        ] {
            assert_eq!(declared(&mids, tracks), expected, "{mids:?} {tracks:?}");
        }
    }

    #[test]
    fn sections_other_than_one_or_two_of_audio_are_refused() {
        let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:";
        for (sdp, count) in [
            (format!("v=0\r\n{audio}0\r\n"), Some(1)),
            (format!("v=0\r\n{audio}0\r\n{audio}1\r\n"), Some(2)),
            ("v=0\r\n".into(), None),
            (format!("{audio}0\r\n{audio}1\r\n{audio}2\r\n"), None),
            (
                format!("{audio}0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"),
                None,
            ),
        ] {
            let sections = audio_sections(&sdp).map(|all| all.len());
            assert_eq!(sections, count.ok_or(MediaError::NoAudio), "{sdp}");
        }
    }

    #[test]
    fn offers_of_one_connection_are_told_from_those_of_others() {
        let origin = Origin::of(OFFER, None);
        for same in [
            OFFER.replace("46117 2 IN IP4 127.0.0.1", "46117 3 IN IP4 192.0.2.1"),
            OFFER.replace("abcd", "efgh"),
            OFFER.replace("m=audio 9", "m=audio 50000"),
        ] {
            assert_eq!(Origin::of(&same, None), origin, "{same}");
        }
        for other in [
            OFFER.replace("46117", "46118"),
            OFFER.replace("AA:BB", "AA:CC"),
            OFFER.replace("a=mid:0", "a=mid:1"),
            OFFER.replace("o=", "x="),
            String::new(),
        ] {
            assert_ne!(Origin::of(&other, None), origin, "{other}");
        }
        // A connection does not change what its tracks are for (M3).
        let tracks = MediaTracks {
            whisper: "0".into(),
            barge: "1".into(),
        };
        assert_ne!(Origin::of(OFFER, Some(&tracks)), origin);
    }
}
