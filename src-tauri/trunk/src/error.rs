//! Why telephony did not start.

/// Why telephony did not start, or a leg had no media.
#[derive(Debug, thiserror::Error)]
pub enum TrunkError {
    /// A setting is out of range.
    #[error("{0}")]
    Settings(String),
    /// A file that a setting names cannot be used.
    #[error("{0}: {1}")]
    File(std::path::PathBuf, String),
    /// An address cannot be listened on.
    #[error("could not listen for SIP on {0}: {1}")]
    Listen(std::net::SocketAddr, String),
    /// No port, codec or random number is to be had for the media.
    #[error("could not set up media for a phone: {0}")]
    Media(String),
}
