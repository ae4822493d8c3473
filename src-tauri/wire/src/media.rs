//! How a client's audio is negotiated.
//!
//! A client offers one `sendrecv` audio section with Opus 48 kHz and both header extensions below;
//! the service answers as ICE-lite with its UDP candidate. A leg's offer may be sent again at any
//! time: one of the same connection (an ICE restart, for another network) is answered by it, and a new
//! connection (a new device) takes the leg over.
//!
//! A coach's client that cannot put the mode into its packets, such as a browser, offers two sending
//! sections instead, and says which is for which mode ([`MediaTracks`], rule M3).

use crate::CoachLeg;
use utoipa::openapi::{ObjectBuilder, schema::Type};
use wire_macros::wire_type;

/// The RTP header extension (RFC 8285, one-byte form) that carries the mode in which a frame was
/// captured: one byte, 0 Listen, 1 Whisper, 2 Barge; every other value counts as Listen. A coach's
/// frame reaches as far as the narrower of this and the mode that the service has granted (M3).
pub const COACH_MODE_EXTENSION_URI: &str = "urn:callcoaching:params:rtp-hdrext:coach-mode";

/// The RTP header extension with the audio level of the frame (RFC 6464).
pub const AUDIO_LEVEL_EXTENSION_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// The longest session description that is read, in bytes.
pub const SDP_BYTES_MAX: usize = 16 * 1024;

/// A client's SDP offer for its leg of a call.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct MediaOffer {
    /// The offer (RFC 8866), at most 16 KiB.
    #[schema(schema_with = offer_schema)]
    pub sdp: String,
    /// Which audio section is for which mode, from a coach's client that can't stamp its packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracks: Option<MediaTracks>,
}

impl MediaOffer {
    /// An offer of one section.
    #[must_use]
    pub fn new(sdp: impl Into<String>) -> Self {
        Self {
            sdp: sdp.into(),
            tracks: None,
        }
    }
}

/// The two sending audio sections of a client that can't stamp its packets. What is sent on one goes
/// no further than its mode, however late it comes.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct MediaTracks {
    /// The `mid` of the section for whispers.
    #[schema(max_length = 16)]
    pub whisper: String,
    /// The `mid` of the section for barges. Send nothing on it but what everyone may hear.
    #[schema(max_length = 16)]
    pub barge: String,
}

/// By hand, since the attribute takes no constant.
fn offer_schema() -> ObjectBuilder {
    let kib = SDP_BYTES_MAX / 1024;
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(format!("The offer (RFC 8866), at most {kib} KiB.")))
        .max_length(Some(SDP_BYTES_MAX))
}

/// The service's SDP answer, and how the leg came back.
#[wire_type]
pub struct MediaAnswer {
    /// The answer (RFC 8866), with the service's candidates in it.
    pub sdp: String,
    /// A coach's leg as it is now; null for the rep. A new connection begins in Listen, whatever the mode
    /// was before: `mode` says so. Switch again once the audio is connected.
    #[serde(default)]
    pub coach_leg: Option<CoachLeg>,
}
