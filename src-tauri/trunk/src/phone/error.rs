//! What can go wrong with a phone's media.

/// Why a phone has no media.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// All ports of the range are taken.
    #[error("no port of the range is free")]
    NoPort,
    /// The range holds no even port with the odd one after it.
    #[error("the range of ports holds no pair")]
    Range,
    /// The system has no randomness.
    #[error("no randomness")]
    Random,
    /// More was told than the worker takes: it does not tick.
    #[error("the phone's worker does not listen")]
    Busy,
    /// The keys are refused.
    #[error("the keys of the stream are refused")]
    Keys,
    /// The codec refuses.
    #[error(transparent)]
    Codec(#[from] voice::VoiceError),
}
