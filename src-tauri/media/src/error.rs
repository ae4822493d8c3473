//! Why the engine refuses.

use mix::RoutesError;
use voice::VoiceError;

/// Why the media engine refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The call was never opened, or has been closed.
    #[error("the call has no media")]
    UnknownCall,
    /// The call was opened already.
    #[error("the call already has media")]
    DuplicateCall,
    /// The leg is not in the call.
    #[error("the leg is not in the call")]
    UnknownLeg,
    /// The leg cannot be added.
    #[error(transparent)]
    Routes(#[from] RoutesError),
    /// Only a coach has a mode.
    #[error("only a coach has a mode")]
    NotACoach,
    /// Only the lead's media is attached; everyone else connects.
    #[error("media can only be attached to the lead, and only once")]
    NotAttachable,
    /// The offer is longer than [`wire::SDP_BYTES_MAX`].
    #[error("the offer is longer than {} bytes", wire::SDP_BYTES_MAX)]
    OfferTooLong,
    /// The offer is not a session description that WebRTC can use; the text says why.
    #[error("the offer isn't valid: {0}")]
    OfferMalformed(String),
    /// The offer has no audio section in which something can be sent to the client, or sections of
    /// another kind, or more than two.
    #[error(
        "the offer must have one media section, audio that the client receives, or two with `tracks`"
    )]
    NoAudio,
    /// The offer has two audio sections and does not say which mode each is for, or says it of others.
    #[error(
        "`tracks` must name the mid of each audio section: the one for whispers and the one for barges"
    )]
    Undeclared,
    /// The audio section offers no Opus at 48 kHz.
    #[error("the offer does not include Opus")]
    NoOpus,
    /// The engine has been stopped.
    #[error("the media engine has stopped")]
    Stopped,
    /// The socket of a worker could not be opened.
    #[error("could not open a UDP socket: {0}")]
    Socket(String),
    /// The codec cannot be set up: a setting is out of range.
    #[error(transparent)]
    Codec(#[from] VoiceError),
}
