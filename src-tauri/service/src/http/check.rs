//! What is checked of bodies beyond their shape, and how a change is carried to its end.

use super::error::Refused;
use std::future::Future;
use store::clock::now;
use store::random::id_suffix;
use tracing::Instrument;
use wire::{Code, IdError};

/// Names have so many characters at most.
const NAME_CHARS_MAX: usize = 64;
/// People that one body names at most.
pub(super) const PEOPLE_MAX: usize = 1_000;

/// A name as it is kept: without blanks around it, 1 to 64 characters, none that cannot be seen.
pub(super) fn name(field: &str, text: &str) -> Result<String, Refused> {
    let name = text.trim();
    let good = !name.is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    if good {
        Ok(name.to_owned())
    } else {
        Err(invalid(format!(
            "`{field}` takes 1 to {NAME_CHARS_MAX} characters that can be seen."
        )))
    }
}

/// That a list names no more people than are taken.
pub(super) fn people<T>(field: &str, list: &[T]) -> Result<(), Refused> {
    if list.len() <= PEOPLE_MAX {
        Ok(())
    } else {
        Err(invalid(format!("`{field}` takes at most {PEOPLE_MAX}.")))
    }
}

/// A body that is not as it is documented.
pub(super) fn invalid(message: impl Into<String>) -> Refused {
    Refused::new(Code::InvalidRequest, message)
}

/// A new id.
pub(super) fn fresh<T>(make: impl Fn(&str) -> Result<T, IdError>) -> Result<T, Refused> {
    make(&id_suffix(now())).map_err(|error| {
        tracing::error!(%error, "a new id is none");
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
        tracing::error!(%error, "a change was broken off");
        Err(fault())
    })
}

fn fault() -> Refused {
    Refused::new(
        Code::Internal,
        "Something went wrong in the service. See its log.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_without_blanks_and_is_neither_empty_nor_long_nor_unseen() {
        assert_eq!(name("name", " Ünï ").unwrap(), "Ünï");
        assert!(name("name", &"é".repeat(64)).is_ok());
        for bad in ["", "  ", "a\nb", "a\u{0}b", &"é".repeat(65)] {
            assert_eq!(
                name("name", bad).unwrap_err().0.error.code,
                Code::InvalidRequest,
                "{bad:?}"
            );
        }
    }
}
