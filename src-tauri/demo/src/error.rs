//! Why the demonstration could not be played at all.

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A client could not do its part.
    #[error("a client failed: {0}")]
    Client(#[from] client::ClientError),
    #[error("the service did not start: {0}")]
    Service(#[from] service::StartError),
    /// The lead's line could not be made.
    #[error("could not create the lead's line: {0}")]
    Line(#[from] media::MediaError),
    /// Nothing can be written to the terminal or to a file.
    #[error("could not write the output: {0}")]
    Io(#[from] std::io::Error),
    /// Something should have happened and did not.
    #[error("timed out waiting for {0}")]
    TimedOut(&'static str),
    /// Something that the demo organization should have is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The real phone cannot be had.
    #[error("could not use the phone ({0}); `make demo PHONE=baresip` installs it")]
    Phone(String),
    /// M4: a microphone was open in Listen.
    #[error("{0}'s microphone was open in Listen")]
    MicrophoneOpen(&'static str),
}
