//! Phone numbers as people write them: read in the country of whoever writes, kept as E.164, and shown as
//! that country writes them.
//!
//! It's the only place that knows how numbers are built. It knows nothing of leads, calls or storage, nor
//! of who may call a number.
//!
//! An extension is kept apart: it's no part of what is dialed, and is shown after the number.

#![warn(missing_docs)]

mod emergency;
mod kind;

pub use emergency::is_emergency;
pub use kind::{Kind, country, is_country, kind};

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberFormat, Region,
    ValidationError, get_national_significant_number_owned,
};

/// The longest text that is read as a number, in characters.
pub const TEXT_CHARS_MAX: usize = 64;
/// The longest number in E.164, in digits.
const DIGITS_MAX: usize = 15;
/// The longest extension, in digits.
const EXTENSION_DIGITS_MAX: usize = 11;

/// A number that can be dialed from anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number {
    /// `+`, the country code and the national number: at most 15 digits.
    pub e164: String,
    /// What is dialed once somebody has answered, in digits.
    pub extension: Option<String>,
}

/// Why a text is not a number, in a sentence for whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing.
    #[error("Enter a phone number.")]
    Empty,
    /// It's something else.
    #[error("This isn't a phone number. Enter one like {0}.")]
    NotANumber(&'static str),
    /// No country has the code after the `+`.
    #[error("There's no such country code. Check the digits after the +.")]
    NoSuchCountry,
    /// It has too few digits for its country.
    #[error("This number is too short.")]
    TooShort,
    /// It has too many.
    #[error("This number is too long.")]
    TooLong,
    /// It has a number of digits that no number of its country has.
    #[error("This number has the wrong number of digits.")]
    WrongLength,
    /// It's only good in its own town.
    #[error("Add the area code.")]
    NoAreaCode,
    /// The extension is none.
    #[error("An extension can be up to {EXTENSION_DIGITS_MAX} digits long.")]
    Extension,
}

/// Reads a number. Without a `+`, it's one of the country, which is an ISO 3166 code such as `US`.
///
/// Digits of any script count, and letters stand for digits as on a phone's keys (`1-800-FLOWERS`). What a
/// number has to have is the right number of digits: which of them are in use changes too often.
///
/// # Errors
/// [`Unreadable`].
pub fn read(text: &str, country: &str) -> Result<Number, Unreadable> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Unreadable::Empty);
    }
    let example = if country == "US" || country == "CA" {
        "(212) 555-0100 or +44 20 7946 0958"
    } else {
        "+44 20 7946 0958"
    };
    let not_a_number = Unreadable::NotANumber(example);
    // The library would look for a number in the middle of a sentence.
    let begins = text.strip_prefix("tel:").unwrap_or(text).chars().next();
    let is_begun = begins.is_some_and(|first| first.is_numeric() || "+＋(（[".contains(first));
    if !is_begun || text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(not_a_number);
    }
    let number = PHONE_NUMBER_UTIL
        .parse(text, region(country))
        .map_err(|error| match error {
            ParseError::InvalidCountryCode => Unreadable::NoSuchCountry,
            ParseError::NotANumber(_) => not_a_number,
            ParseError::TooShortAfterIdd | ParseError::TooShortNsn => Unreadable::TooShort,
            ParseError::TooLongNsn => Unreadable::TooLong,
        })?;
    match PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number) {
        Ok(NumberLengthType::IsPossible) => {}
        Ok(NumberLengthType::IsPossibleLocalOnly) => return Err(Unreadable::NoAreaCode),
        Err(ValidationError::InvalidCountryCode) => return Err(Unreadable::NoSuchCountry),
        Err(ValidationError::TooShort) => return Err(Unreadable::TooShort),
        Err(ValidationError::TooLong) => return Err(Unreadable::TooLong),
        Err(ValidationError::InvalidLength) => return Err(Unreadable::WrongLength),
    }
    let e164 = PHONE_NUMBER_UTIL
        .format(&number, PhoneNumberFormat::E164)
        .into_owned();
    if e164.len() > 1 + DIGITS_MAX {
        return Err(Unreadable::TooLong);
    }
    let extension = number.extension.filter(|digits| !digits.is_empty());
    if let Some(digits) = &extension
        && (digits.len() > EXTENSION_DIGITS_MAX || !digits.bytes().all(|one| one.is_ascii_digit()))
    {
        return Err(Unreadable::Extension);
    }
    Ok(Number { e164, extension })
}

/// A number as people in the country write it: theirs in national format, others with their country code.
/// What is no number stays as it is.
#[must_use]
pub fn shown(e164: &str, extension: Option<&str>, country: &str) -> String {
    let Some(number) = known(e164) else {
        return with_extension(e164.to_owned(), extension);
    };
    let own =
        region(country).and_then(|country| PHONE_NUMBER_UTIL.get_country_code_for_region(country));
    let format = if own == Some(number.country_code) {
        PhoneNumberFormat::National
    } else {
        PhoneNumberFormat::International
    };
    let text = PHONE_NUMBER_UTIL.format(&number, format).into_owned();
    with_extension(text, extension)
}

/// The digits that a number is dialed by within its country, without a trunk prefix. None for what is no
/// number.
#[must_use]
pub fn national_digits(e164: &str) -> Option<String> {
    known(e164).map(|number| get_national_significant_number_owned(&number))
}

fn with_extension(number: String, extension: Option<&str>) -> String {
    match extension {
        Some(extension) => format!("{number} ext. {extension}"),
        None => number,
    }
}

fn known(e164: &str) -> Option<PhoneNumber> {
    let digits = e164.strip_prefix('+')?;
    if digits.is_empty() || !digits.bytes().all(|one| one.is_ascii_digit()) {
        return None;
    }
    let number = PHONE_NUMBER_UTIL.parse(e164, None).ok()?;
    let possible = PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number);
    (possible == Ok(NumberLengthType::IsPossible)).then_some(number)
}

fn region(country: &str) -> Option<Region> {
    Region::from_code(country).ok()
}

#[cfg(test)]
mod tests;
