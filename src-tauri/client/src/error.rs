//! What may go wrong in a client.

use session::Failure;
use wire::Code;

/// Half a sign-in: it's printed nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(pub(crate) String);

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Ticket")
    }
}

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The service refused.
    #[error("{message} ({code:?})")]
    Refused {
        /// The service's stable code.
        code: Code,
        /// Its sentence.
        message: String,
        /// The field of the body that it's about, if it's about one.
        field: Option<String>,
    },
    /// The password is right, and the second step of signing in is to come.
    #[error("{message} ({code:?})")]
    SecondStep {
        /// Which.
        code: Code,
        /// What to do.
        message: String,
        /// For the second step.
        ticket: Ticket,
    },
    /// The session refused, or ended before it was done.
    #[error("{0}")]
    NotPossible(String),
    /// The service could not be reached.
    #[error("can't reach the service: {0}")]
    Unreachable(String),
    /// The service answered something else than is documented.
    #[error("unexpected answer: {0}")]
    Protocol(String),
    /// The media connection could not be made or used.
    #[error("media: {0}")]
    Media(String),
    /// A microphone, a loudspeaker or a sound file cannot be used.
    #[error("There's a problem with your audio: {0}.")]
    Audio(String),
    /// A setting makes no sense.
    #[error("This setting can't be used: {0}.")]
    Settings(String),
}

impl ClientError {
    /// The service's code, if it is the service that refused.
    #[must_use]
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } | Self::SecondStep { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl From<Failure> for ClientError {
    fn from(failure: Failure) -> Self {
        let message = failure.message;
        if failure.unreachable {
            return Self::Unreachable(message);
        }
        match failure.code {
            Some(code) => Self::Refused {
                code,
                message,
                field: None,
            },
            None => Self::NotPossible(message),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused { code, message, .. }
            | ClientError::SecondStep { code, message, .. } => Self::refused(code, message),
            ClientError::Unreachable(why) => Self::unreachable(why),
            other => Self::local(other.to_string()),
        }
    }
}

impl From<webrtc::error::Error> for ClientError {
    fn from(error: webrtc::error::Error) -> Self {
        Self::Media(error.to_string())
    }
}
