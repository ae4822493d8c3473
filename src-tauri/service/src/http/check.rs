//! What is checked of bodies beyond their shape, and how a change is carried to its end.

use super::error::Refused;
use crate::names;
use std::future::Future;
use store::clock::now;
use store::random::id_suffix;
use tracing::Instrument;
use wire::{Code, IdError, NOTE_CHARS_MAX};

/// People that one body names at most.
pub(super) const PEOPLE_MAX: usize = 1_000;

/// A name as it is kept.
pub(super) fn name(text: &str) -> Result<String, Refused> {
    names::checked(text).map_err(|error| invalid(error.to_string()))
}

/// A note as it is kept: without what surrounds it, and without signs that no one writes.
pub(super) fn note(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.chars().count() > NOTE_CHARS_MAX {
        return Err(invalid(format!(
            "`note` can have up to {NOTE_CHARS_MAX} characters."
        )));
    }
    let is_written = |letter: &char| !letter.is_control() || matches!(letter, '\n' | '\t');
    Ok(text.chars().filter(is_written).collect())
}

/// That a code is as long as one can be; whether it is right, its owner's second factor says.
pub(super) fn code(text: &str) -> Result<(), Refused> {
    if (6..=32).contains(&text.chars().count()) {
        Ok(())
    } else {
        Err(invalid("`code` must have 6 to 32 characters."))
    }
}

/// That a list names no more people than are taken.
pub(super) fn people<T>(field: &str, list: &[T]) -> Result<(), Refused> {
    if list.len() <= PEOPLE_MAX {
        Ok(())
    } else {
        Err(invalid(format!(
            "`{field}` can have up to {PEOPLE_MAX} entries."
        )))
    }
}

/// A body that is not as it is documented.
pub(super) fn invalid(message: impl Into<String>) -> Refused {
    Refused::new(Code::InvalidRequest, message)
}

/// A new id.
pub(super) fn fresh<T>(make: impl Fn(&str) -> Result<T, IdError>) -> Result<T, Refused> {
    make(&id_suffix(now())).map_err(|error| {
        tracing::error!(%error, "a new id isn't valid");
        fault()
    })
}

/// Carries a change to its end also when the client goes away meanwhile: what the store holds from
/// here on, calls and people are told (A2).
pub(super) async fn to_its_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Refused> {
    let change = tokio::spawn(change.instrument(tracing::Span::current()));
    change.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change was cut off");
        Err(fault())
    })
}

fn fault() -> Refused {
    Refused::new(
        Code::Internal,
        "Something went wrong in the service. Try again, or see its log.",
    )
}
