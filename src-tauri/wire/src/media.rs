//! How a client's audio is negotiated.
//!
//! A client offers one `sendrecv` audio section with Opus 48 kHz and both header extensions below;
//! the service answers as ICE-lite with its UDP candidate. A leg's offer may be sent again at any
//! time: one of the same connection (an ICE restart, for another network) is answered by it, and a new
//! connection (a new device) takes the leg over.

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
    #[schema(max_length = 16384)]
    pub sdp: String,
}

/// The service's SDP answer.
#[wire_type]
pub struct MediaAnswer {
    /// The answer (RFC 8866), with the service's candidates in it.
    pub sdp: String,
}
