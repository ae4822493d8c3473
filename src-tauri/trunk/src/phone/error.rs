//! What can go wrong with a phone's media.

/// Why a phone has no media.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// All ports of the range are taken, or it holds no even one with the odd one after it.
    #[error("no free port in the range")]
    NoPort,
    /// The system has no randomness.
    #[error("the system has no randomness")]
    Random,
    /// More was told than the worker takes: it does not tick.
    #[error("the phone's worker is not responding")]
    Busy,
    #[error("the stream's keys are not valid")]
    Keys,
    #[error(transparent)]
    Codec(#[from] voice::VoiceError),
}
