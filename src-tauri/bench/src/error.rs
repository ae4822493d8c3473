//! Why a measurement could not be made.

use std::io;

/// Anything that ends a part of the benchmark: no figure is given then.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The operating system refused; the text says what was tried.
    #[error("{tried}: {source}")]
    System {
        tried: String,
        /// What came back.
        source: io::Error,
    },
    /// A program under measurement did or said something else than it should.
    #[error("{0}")]
    Unexpected(String),
}

impl BenchError {
    /// For `map_err`: what was tried when the operating system refused.
    pub fn system<E: Into<io::Error>>(tried: impl Into<String>) -> impl FnOnce(E) -> Self {
        let tried = tried.into();
        |error| Self::System {
            tried,
            source: error.into(),
        }
    }

    /// For `map_err`: what was expected, with the error that came instead.
    pub fn unexpected<E: std::fmt::Display>(expected: impl Into<String>) -> impl FnOnce(E) -> Self {
        let expected = expected.into();
        move |error| Self::Unexpected(format!("{expected}: {error}"))
    }
}
