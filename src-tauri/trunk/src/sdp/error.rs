//! Why a description is of no use.

/// Why a description cannot be understood, or leads to no call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// It is longer than 16 KiB.
    #[error("the session description is too long")]
    TooLong,
    /// It has too many lines, media, payload types or keys.
    #[error("the session description has too many entries")]
    TooMuch,
    /// It is not a description: it does not begin with `v=0`, is not UTF-8 or ASCII, or a line that
    /// matters is broken.
    #[error("the session description is malformed")]
    Malformed,
    /// No audio in it that is to be sent as RTP: none at all, only refused ones (port 0), or a
    /// transport that is not understood.
    #[error("the session description has no audio")]
    NoAudio,
    /// The audio has no address: none is given, or only a name.
    #[error("the session description has no usable address")]
    NoAddress,
    /// No codec that both sides speak.
    #[error("the session description has no codec in common with us")]
    NoCodec,
    /// Only one side wants encryption, or no key that is understood came with it (RFC 4568).
    #[error("the session description does not match our encryption")]
    Encryption,
}
