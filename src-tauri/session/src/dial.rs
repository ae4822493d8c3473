//! What a link asks to dial: a `tel:` link (RFC 3966), or the number in one of ours.
//!
//! It comes from anywhere, so only what a person could have meant as a phone number is taken: no service
//! codes, no letters, nothing that isn't printed. Whether it is a number that may be called is the service's
//! to say, and nobody is called before the person has said so.

use serde::Serialize;
use specta::Type;

/// A longer link is none of a phone number.
const LINK_BYTES_MAX: usize = 256;
/// Digits that a number or an extension can have.
const DIGITS_MAX: usize = 32;
/// Before a parameter that whoever follows the link has to know (RFC 3966, section 5.3).
const MANDATORY: &str = "m-";

/// A number that a link asks to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct Dial {
    /// The number, in digits, with a `+` before the country code if the link has one.
    pub number: String,
    /// What is dialed once somebody has answered, in digits.
    pub extension: Option<String>,
}

/// Reads a `tel:` link. None for what is none, or asks for more than to call a number.
#[must_use]
pub fn tel_link(link: &str) -> Option<Dial> {
    let (scheme, rest) = link.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("tel") || link.len() > LINK_BYTES_MAX {
        return None;
    }
    // Not in the RFC, but in many pages.
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let mut parts = rest.split(';');
    let number = number_in(parts.next()?)?;
    let parameters = Parameters::read(parts)?;
    let number = match parameters.context {
        // Its context says nothing about a number that is global.
        _ if number.starts_with('+') => number,
        Some(context) => format!("{context}{number}"),
        None => number,
    };
    let extension = parameters.extension;
    is_short(&number).then_some(Dial { number, extension })
}

/// Reads the number in a link of ours, as it stands in a URL.
#[must_use]
pub fn linked_number(text: &str) -> Option<Dial> {
    let number = number_in(text).filter(|number| is_short(number))?;
    let extension = None;
    Some(Dial { number, extension })
}

/// What is said of a number after it.
#[derive(Default)]
struct Parameters {
    extension: Option<String>,
    /// The beginning of a global number, which a local one follows.
    context: Option<String>,
}

impl Parameters {
    /// None for a list that isn't as it should be, or asks for what isn't known here.
    fn read<'a>(parts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut parameters = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (part, None),
            };
            let name = name.to_ascii_lowercase();
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let is_valid = !name.is_empty() && name.bytes().all(is_name);
            if !is_valid || name.starts_with(MANDATORY) || seen.contains(&name) {
                return None;
            }
            let value = match value {
                Some(value) => Some(decoded(value).filter(|value| !value.is_empty())?),
                None => None,
            };
            match &*name {
                "ext" => parameters.extension = Some(plain_digits(&value?)?),
                "phone-context" => parameters.context = Some(prefix(&value?)?),
                "isub" => drop(value?),
                _ => {}
            }
            seen.push(name);
        }
        Some(parameters)
    }
}

/// A context that is the beginning of a number. A domain's numbers are good within that domain only.
fn prefix(context: &str) -> Option<String> {
    let digits = context.strip_prefix('+')?;
    Some(format!("+{}", plain_digits(digits)?))
}

/// The digits and the `+` of a number as it stands in a link.
fn number_in(text: &str) -> Option<String> {
    let text = decoded(text)?;
    let text = text.trim_matches(' ');
    match text.strip_prefix('+') {
        Some(digits) => Some(format!("+{}", plain_digits(digits)?)),
        None => plain_digits(text),
    }
}

/// Digits without what is between them. None when there is anything else: neither letters nor the `*` and
/// `#` of service codes, by which a link could forward somebody's calls.
fn plain_digits(text: &str) -> Option<String> {
    let is_between = |letter: char| "-.()/ ".contains(letter);
    let mut digits = String::new();
    for letter in text.chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            _ if is_between(letter) => {}
            _ => return None,
        }
    }
    (1..=DIGITS_MAX).contains(&digits.len()).then_some(digits)
}

fn is_short(number: &str) -> bool {
    number.trim_start_matches('+').len() <= DIGITS_MAX
}

/// The text that was written with percent signs; none when it isn't one of printed ASCII.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = String::new();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            u8::try_from(high * 16 + low).ok()?
        } else {
            byte
        };
        if !(b' '..=b'~').contains(&byte) {
            return None;
        }
        decoded.push(char::from(byte));
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dial(number: &str) -> Dial {
        Dial {
            number: number.into(),
            extension: None,
        }
    }

    /// By the sections of RFC 3966.
    #[test]
    fn l4_a_tel_link_is_read_as_rfc_3966_says() {
        for (section, link, number) in [
            // 3: the syntax; schemes and names of parameters in any case, numbers with separators.
            ("3", "tel:+1-201-555-0123", "+12015550123"),
            ("3", "TEL:+12015550123", "+12015550123"),
            ("3", "Tel:+1(201)555.0123", "+12015550123"),
            ("3", "tel:+1-201-555-0123;ISUB=12%2034", "+12015550123"),
            ("3", "tel:+1-201-555-0123;isub=1411", "+12015550123"),
            ("3", "tel:+12015550123;a=b;c", "+12015550123"),
            (
                "3",
                "tel:+12015550123;x=[]/:&+$-_.!~*'()%41",
                "+12015550123",
            ),
            // 5.1.1: separators mean nothing.
            ("5.1.1", "tel:+-1-2.0(1)5550123", "+12015550123"),
            // 5.1.4: global numbers.
            ("5.1.4", "tel:+358-555-1234567", "+3585551234567"),
            // 5.1.5: local numbers with a context, which is the beginning of a global number.
            (
                "5.1.5",
                "tel:863-1234;phone-context=+1-914-555",
                "+19145558631234",
            ),
            ("5.1.5", "tel:0123;phone-context=+44", "+440123"),
            (
                "5.1.5",
                "tel:863-1234;Phone-Context=%2B1-914",
                "+19148631234",
            ),
            // Without one, they're written in most pages.
            ("5.1.5", "tel:201-555-0123", "2015550123"),
            ("5.1.5", "tel:911", "911"),
            // 5.3: parameters that aren't known are passed over.
            ("5.3", "tel:+12015550123;future=1", "+12015550123"),
            // Premium numbers are read: whether they may be called, the service says.
            ("", "tel:1-900-555-0123", "19005550123"),
            // How links are also written.
            ("", "tel:%2B1%20201%20555%200123", "+12015550123"),
            ("", "tel:+1 201 555 0123", "+12015550123"),
            ("", "tel://+12015550123", "+12015550123"),
            ("", "tel:030/901820", "030901820"),
        ] {
            assert_eq!(tel_link(link), Some(dial(number)), "{section} {link}");
        }
    }

    #[test]
    fn l4_a_tel_links_extension_is_kept_apart() {
        for link in [
            "tel:+12015550123;ext=42",
            "tel:+12015550123;ext=4-2",
            "tel:+12015550123;EXT=42;isub=1",
            "tel:+12015550123;isub=1;ext=42",
        ] {
            let read = tel_link(link).unwrap();
            assert_eq!(read.number, "+12015550123", "{link}");
            assert_eq!(read.extension.as_deref(), Some("42"), "{link}");
        }
    }

    #[test]
    fn l4_a_tel_link_that_asks_for_anything_else_is_refused() {
        let long = format!("tel:+{}", "1".repeat(33));
        let longer = format!("tel:+1{}", "-".repeat(300));
        for link in [
            // Not a link of this kind.
            "",
            "tel",
            "+12015550123",
            "telnet:12015550123",
            "mailto:a@b.example",
            // 3: no number, or a `+` where none can be.
            "tel:",
            "tel:+",
            "tel:-",
            "tel:1+2015550123",
            "tel:++12015550123",
            // 5.1.2: letters stand for no digits.
            "tel:1-800-FLOWERS",
            "tel:+1800flowers",
            // 5.1.3: A to D, and the codes of `*` and `#`, such as those that forward calls.
            "tel:12A4",
            "tel:*21*2015550123%23",
            "tel:%2A%2306%23",
            "tel:123#",
            // 5.1.5: a number of somebody's own network, and contexts that are none.
            "tel:7042;phone-context=example.com",
            "tel:7042;phone-context=",
            "tel:7042;phone-context",
            "tel:7042;phone-context=+",
            "tel:7042;phone-context=+1A",
            // 3: each parameter once, with a name, and a value where it needs one.
            "tel:+12015550123;ext=1;ext=2",
            "tel:+12015550123;ext=1;EXT=1",
            "tel:+12015550123;",
            "tel:+12015550123;;ext=1",
            "tel:+12015550123;=1",
            "tel:+12015550123;e_t=1",
            "tel:+12015550123;ext",
            "tel:+12015550123;ext=",
            "tel:+12015550123;ext=abc",
            "tel:+12015550123;isub",
            // 5.3: what it must not be used without.
            "tel:+12015550123;m-video=1",
            // Scripts, lines and signs that can't be seen.
            "tel:javascript:alert(1)",
            "tel:+12015550123<script>",
            "tel:+12015550123\n",
            "tel:+1201555\n0123",
            "tel:+1201555%0A0123",
            "tel:+1201555%0D%0A0123",
            "tel:+12015550123%00",
            "tel:+12015550123;ext=4%0A2",
            "tel:+1201555\u{202e}0123",
            "tel:+1201555%E2%80%AE0123",
            "tel:٠١٢٣٤٥",
            // Percent signs that are none.
            "tel:+1201555%",
            "tel:+1201555%2",
            "tel:+1201555%zz",
            // Something to be dialed after the number, which is no part of it (section 1).
            "tel:+12015550123,,42",
            "tel:+12015550123p42",
            "tel:+12015550123?call",
            &long,
            &longer,
        ] {
            assert_eq!(tel_link(link), None, "{link:?}");
        }
    }

    #[test]
    fn l4_the_number_in_a_link_of_ours_is_read_alike() {
        for text in ["+12015550123", "%2B1-201-555-0123", "+1%20(201)%20555.0123"] {
            assert_eq!(linked_number(text), Some(dial("+12015550123")), "{text}");
        }
        for text in ["", "+", "Globex", "*21*1%23", "1;ext=2", "1%0A2", "1?a=b"] {
            assert_eq!(linked_number(text), None, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn l4_whatever_is_read_is_a_plus_and_digits(
            text in prop_oneof![any::<String>(), "[+0-9a-fA-F();=.*#% /-]{0,40}", "[+0-9;ext=-]{0,30}"],
        ) {
            let links = [tel_link(&text), tel_link(&format!("tel:{text}")), linked_number(&text)];
            for read in links.into_iter().flatten() {
                let digits = read.number.strip_prefix('+').unwrap_or(&read.number);
                let is_plain = |text: &str| {
                    (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|one| one.is_ascii_digit())
                };
                prop_assert!(is_plain(digits), "{read:?}");
                prop_assert!(read.extension.as_deref().is_none_or(is_plain), "{read:?}");
            }
        }
    }
}
