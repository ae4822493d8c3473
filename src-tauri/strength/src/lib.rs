//! How hard a password is to guess. The service decides by it, and the app's meter shows the same.
//!
//! It knows nothing of hashes, accounts or who asks: a password and the person's names go in, a
//! judgement comes out.

#![warn(missing_docs)]

use zxcvbn::Score;

/// A password has so many bytes at least.
pub const BYTES_MIN: usize = 10;
/// And at most so many.
pub const BYTES_MAX: usize = 1024;
/// The score that a new password needs.
pub const SCORE_MIN: u8 = 3;

/// So much of a password is looked at: the work grows faster than the length, and whoever needs more
/// letters than these to be safe is safe.
const CHARS_JUDGED: usize = 64;
/// So many names count, each with so many letters.
const NAMES_MAX: usize = 16;
const NAME_CHARS_MAX: usize = 64;
/// Parts of names that are shorter say nothing.
const PART_CHARS_MIN: usize = 3;

/// What is thought of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// From 0, guessed at once, to 4, guessed by no one.
    pub score: u8,
    /// What to do, in words; none when nothing needs to be done.
    pub advice: Option<String>,
}

impl Judgement {
    /// Whether the password will do.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        self.advice.is_none()
    }
}

/// Judges a password of a person with these names: given name, family name, address, company.
#[must_use]
pub fn judge(password: &str, names: &[&str]) -> Judgement {
    if password.len() > BYTES_MAX {
        return Judgement {
            score: 0,
            advice: Some(format!("Passwords can be up to {BYTES_MAX} bytes long.")),
        };
    }
    let judged: String = password.chars().take(CHARS_JUDGED).collect();
    let names = parts(names);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let entropy = zxcvbn::zxcvbn(&judged, &names);
    let score = match entropy.score() {
        Score::Zero => 0,
        Score::One => 1,
        Score::Two => 2,
        Score::Three => 3,
        Score::Four => 4,
        // The crate may think of more.
        _ => 4,
    };
    let advice = if password.len() < BYTES_MIN {
        Some(format!(
            "Passwords need at least {BYTES_MIN} characters. Add a few words."
        ))
    } else if score < SCORE_MIN {
        Some(weak(&entropy))
    } else {
        None
    };
    Judgement { score, advice }
}

/// What to do about a password that is guessed too soon.
fn weak(entropy: &zxcvbn::Entropy) -> String {
    let feedback = entropy.feedback();
    let warning = feedback.and_then(|feedback| feedback.warning());
    let suggestion = feedback.and_then(|feedback| feedback.suggestions().first().copied());
    let mut text = "This password is too easy to guess.".to_owned();
    for more in [
        warning.map(|warning| warning.to_string()),
        suggestion.map(|suggestion| suggestion.to_string()),
    ]
    .into_iter()
    .flatten()
    {
        text.push(' ');
        text.push_str(more.trim());
        if !text.ends_with(['.', '!', '?']) {
            text.push('.');
        }
    }
    if warning.is_none() && suggestion.is_none() {
        text.push_str(" Use several uncommon words.");
    }
    text
}

/// The names, and their parts: what stands before the `@` of an address counts by itself.
fn parts(names: &[&str]) -> Vec<String> {
    let mut parts = Vec::new();
    for name in names.iter().take(NAMES_MAX) {
        let name: String = name.chars().take(NAME_CHARS_MAX).collect::<String>();
        let name = name.to_lowercase();
        parts.extend(
            name.split(|letter: char| !letter.is_alphanumeric())
                .filter(|part| part.chars().count() >= PART_CHARS_MIN)
                .map(str::to_owned),
        );
        if !name.is_empty() {
            parts.push(name);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const NAMES: &[&str] = &["Riley", "Reed", "riley.reed@acme.example", "Acme Sales"];

    #[test]
    fn o3_a_password_that_is_guessed_soon_is_refused_with_what_to_do() {
        for weak in [
            "",
            "short",
            "password12",
            "1234567890",
            "qwertyuiop",
            "aaaaaaaaaaaaaaa",
            "Riley.Reed",
            "rileyreed1",
            "acmesales1",
        ] {
            let judgement = judge(weak, NAMES);
            assert!(!judgement.is_strong(), "{weak}: {judgement:?}");
            let advice = judgement.advice.unwrap();
            assert!(advice.ends_with('.'), "{advice}");
        }
    }

    #[test]
    fn o3_a_password_of_several_words_or_of_chance_will_do() {
        for strong in [
            "correct horse battery staple",
            "m7!kQz-2vLxW",
            "vier Elefanten tanzen im Regen",
            "密码是一只会飞的大象吗",
        ] {
            let judgement = judge(strong, NAMES);
            assert!(judgement.is_strong(), "{strong}: {judgement:?}");
        }
    }

    #[test]
    fn o3_a_person_s_own_names_make_a_password_weaker() {
        let own = judge("zebediah-quill", &["Zebediah", "Quill"]).score;
        let strange = judge("zebediah-quill", &[]).score;
        assert!(own < strange, "{own} {strange}");
    }

    #[test]
    fn o3_a_password_of_any_length_is_judged_soon() {
        let long = "a1B2-".repeat(200);
        assert!(judge(&long, NAMES).score <= 4);
        assert!(!judge(&"x".repeat(1025), NAMES).is_strong());
        let many: Vec<String> = (0..1000).map(|number| format!("name{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(judge("correct horse battery staple", &many).is_strong());
    }
}
