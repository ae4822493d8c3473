//! What people may be called, and everything else that has a name: members, groups, roles, numbers and
//! organizations. A name has to show something, and only itself.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Names have so many characters at most.
const NAME_CHARS_MAX: usize = 64;

/// The longest email address (RFC 5321, with what stands around it).
const EMAIL_BYTES_MAX: usize = 254;

/// Why a text can't be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing to see in it.
    #[error("Enter a name with at least one visible character.")]
    ShowsNothing,
    /// It has more characters than a name may have.
    #[error("Names can be up to {NAME_CHARS_MAX} characters long.")]
    TooLong,
    /// It breaks the line, or does other things than to be read.
    #[error("Names can't contain line breaks or control characters.")]
    Controls,
    /// It would reverse what stands after it.
    #[error(
        "Names can't contain characters that change the direction of text. Type the name instead of \
         pasting it."
    )]
    Redirects,
}

/// A name as it is kept: in NFC, without blanks around it, and without what only says where a line may
/// break, since two names would look the same with it.
///
/// # Errors
/// [`NameError`].
pub fn checked(text: &str) -> Result<String, NameError> {
    checked_to(text, NAME_CHARS_MAX)
}

/// The same, with as many characters at most as it may have where it is.
///
/// # Errors
/// [`NameError`].
pub fn checked_to(text: &str, chars_max: usize) -> Result<String, NameError> {
    let name: String = text
        .chars()
        .filter(|one| !is_break_hint(*one))
        .nfc()
        .collect();
    let name = name.trim_matches(is_blank);
    if name.chars().any(is_control) {
        return Err(NameError::Controls);
    }
    if name.chars().any(redirects) {
        return Err(NameError::Redirects);
    }
    if !name.chars().any(shows) {
        return Err(NameError::ShowsNothing);
    }
    if name.chars().count() > chars_max {
        return Err(NameError::TooLong);
    }
    Ok(name.to_owned())
}

/// An address as it is kept: something on both sides of one `@`, a domain with a dot, and nothing that a
/// list or a header would take for its own.
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let is_plain =
        |one: char| !one.is_whitespace() && !one.is_control() && !"@,;<>()[]\"\\:".contains(one);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|one| one.is_alphanumeric() || one == '-')
    };
    let is_whole = !local.is_empty()
        && text.len() <= EMAIL_BYTES_MAX
        && local.chars().all(is_plain)
        && domain.contains('.')
        && domain.split('.').all(is_label);
    is_whole.then(|| text.to_owned())
}

/// Whether something is to be seen of it. A mark alone has nothing to stand on, and what only shapes its
/// neighbors (joiners, selectors, tags) shows nothing without them.
fn shows(one: char) -> bool {
    !is_unseen(one) && one.general_category_group() != GeneralCategoryGroup::Mark
}

/// Whether nothing is to be seen of it, or nothing that all see alike.
pub fn is_unseen(one: char) -> bool {
    use GeneralCategoryGroup::{Other, Separator};
    matches!(one.general_category_group(), Other | Separator) || is_filler(one)
}

/// Letters and symbols that are drawn as nothing.
fn is_filler(one: char) -> bool {
    matches!(
        one,
        // Hangul fillers, the empty Braille pattern, the null notehead, hieroglyphic blanks.
        '\u{115F}'
            | '\u{1160}'
            | '\u{3164}'
            | '\u{FFA0}'
            | '\u{2800}'
            | '\u{1D159}'
            | '\u{13441}'
            | '\u{13442}'
    )
}

fn is_break_hint(one: char) -> bool {
    matches!(one, '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

/// Joiners and direction marks have no neighbor to act on at the end of a name.
fn is_blank(one: char) -> bool {
    one.is_whitespace() || matches!(one, '\u{61C}' | '\u{200C}'..='\u{200F}')
}

fn is_control(one: char) -> bool {
    use GeneralCategory::{Control, LineSeparator, ParagraphSeparator};
    matches!(
        one.general_category(),
        Control | LineSeparator | ParagraphSeparator
    )
}

/// Embeddings, overrides and isolates, and their deprecated relatives.
fn redirects(one: char) -> bool {
    matches!(one, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_composed_and_without_blanks_around_it() {
        for (typed, kept) in [
            (" Ünï ", "Ünï"),
            ("Zoe\u{308}", "Zoë"),
            ("\u{A0}Zo\u{AD}e\u{200B}\u{308}\u{2060}\u{FEFF}", "Zoë"),
            ("\u{200F}שרה\u{200F}", "שרה"),
            ("R2-D2", "R2-D2"),
            ("?", "?"),
        ] {
            assert_eq!(checked(typed).as_deref(), Ok(kept), "{typed:?}");
        }
        assert!(checked(&"e\u{301}".repeat(64)).is_ok());
        assert_eq!(checked(&"é".repeat(65)), Err(NameError::TooLong));
    }

    #[test]
    fn names_of_every_script_and_pictures_stay_as_they_are() {
        for name in [
            "Ngô Đình",
            "山田 太郎",
            "محمد",
            "می\u{200C}خواهم",
            "สมชาย",
            "श\u{94D}\u{200D}री",
            "👩\u{200D}💻",
            "❤\u{FE0F}",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
        ] {
            assert_eq!(checked(name).as_deref(), Ok(name), "{name}");
        }
    }

    #[test]
    fn a_name_that_shows_nothing_is_refused() {
        for unseen in [
            "",
            "  ",
            "\u{200B}",
            "\u{2060}\u{FEFF}",
            "\u{200D}\u{200C}",
            "\u{AD}\u{34F}",
            "\u{E0041}\u{E0042}\u{E007F}",
            "\u{FE0F}",
            "\u{301}",
            "\u{3000}\u{2003}",
            "\u{3164}\u{115F}\u{1160}\u{FFA0}",
            "\u{2800}",
            "\u{180E}\u{17B5}",
            "\u{E000}",
        ] {
            assert_eq!(checked(unseen), Err(NameError::ShowsNothing), "{unseen:?}");
        }
    }

    #[test]
    fn a_name_neither_breaks_the_line_nor_turns_what_follows_it() {
        for control in ["a\nb", "a\u{0}b", "a\u{85}b", "a\u{2028}b", "a\u{2029}b"] {
            assert_eq!(checked(control), Err(NameError::Controls), "{control:?}");
        }
        for turned in [
            "Riley\u{202E}",
            "\u{202D}Riley",
            "a\u{202A}b\u{202C}",
            "a\u{2067}b\u{2069}",
            "Riley\u{2069}",
        ] {
            assert_eq!(checked(turned), Err(NameError::Redirects), "{turned:?}");
        }
    }
}
