//! Reads a description.

use super::SdpError;

/// A description that somebody sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {}

/// Reads a description (RFC 8866).
///
/// # Errors
/// [`SdpError::TooLong`], [`SdpError::TooMuch`], [`SdpError::Malformed`].
pub fn parse(_bytes: &[u8]) -> Result<Description, SdpError> {
    Err(SdpError::Malformed)
}
