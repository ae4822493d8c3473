//! Offer and answer (RFC 3264).

use super::{Description, Local, Negotiated, SdpError};

/// Answers the peer's offer: the text of the answer, and what both come to. Other media than the first
/// usable audio are refused in it (port 0).
///
/// # Errors
/// [`SdpError::NoAudio`], [`SdpError::NoAddress`], [`SdpError::NoCodec`], [`SdpError::Encryption`].
pub fn answer(_local: &Local, _offer: &Description) -> Result<(String, Negotiated), SdpError> {
    Err(SdpError::NoAudio)
}

/// What this side's offer and the peer's answer come to.
///
/// # Errors
/// As of [`answer`].
pub fn accept(_local: &Local, _answer: &Description) -> Result<Negotiated, SdpError> {
    Err(SdpError::NoAudio)
}
