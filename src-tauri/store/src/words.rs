//! What a lead is found by: the words of a text, and the forms in which a name and a number are compared.
//!
//! It is decided here and not by an engine, so that both find the same. It knows nothing of SQL.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name is compared by so many characters at most.
const NAME_CHARS_MAX: usize = 100;
/// A word is looked at for so many characters.
const WORD_CHARS_MAX: usize = 40;
/// Words of one lead at most.
const WORDS_MAX: usize = 2_000;
/// Digits from which on a text of digits is looked for among numbers.
const DIGITS_MIN: usize = 3;

/// A text without capitals, accents and blanks that are not needed.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(letters(word));
    }
    plain.chars().take(NAME_CHARS_MAX).collect()
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.nfkd()
        .filter(|one| !is_combining_mark(*one) && !one.is_control())
        .flat_map(char::to_lowercase)
}

/// The words of a text, as they are compared. Scripts without blanks between words have one for each sign.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut goes_on = false;
    let mut length = 0;
    for letter in letters(text) {
        if !letter.is_alphanumeric() {
            goes_on = false;
            continue;
        }
        let is_sign = is_sign(letter);
        if goes_on && !is_sign {
            if length < WORD_CHARS_MAX
                && let Some(word) = words.last_mut()
            {
                word.push(letter);
                length += 1;
            }
        } else if words.len() < WORDS_MAX {
            words.push(letter.into());
            length = 1;
        } else {
            break;
        }
        goes_on = !is_sign;
    }
    words
}

/// Whether it is of a script that puts no blanks between words: Chinese characters and kana.
fn is_sign(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

/// The digits of a text that is nothing but a number or a part of one. Digits of other scripts count.
pub(crate) fn digits(text: &str) -> Option<String> {
    let mut digits = String::new();
    for one in text.nfkd() {
        match one {
            '0'..='9' => digits.push(one),
            '\u{660}'..='\u{669}' => digits.push(ascii(one, '\u{660}')),
            '\u{6F0}'..='\u{6F9}' => digits.push(ascii(one, '\u{6F0}')),
            '+' | '-' | '(' | ')' | '.' | '/' => {}
            _ if one.is_whitespace() || one == '\u{2010}' || one == '\u{2011}' => {}
            _ => return None,
        }
    }
    (digits.len() >= DIGITS_MIN).then_some(digits)
}

fn ascii(digit: char, zero: char) -> char {
    let value = u32::from(digit).saturating_sub(u32::from(zero));
    char::from_digit(value, 10).unwrap_or('0')
}

/// What a lead stands in the store by, so that it is found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// The name, as lists are in order of it.
    pub(crate) sort_name: String,
    /// Words, each once.
    pub(crate) words: Vec<String>,
    /// Keys, each once.
    pub(crate) keys: Vec<String>,
}

impl Document {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            sort_name: plain(name),
            words: words(name),
            keys: Vec::new(),
        }
    }

    pub(crate) fn contact(&mut self, name: &str) {
        self.words.extend(words(name));
    }

    pub(crate) fn phone(&mut self, number: &str) {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() {
            return;
        }
        self.keys.push(format!("r{}", backwards(&digits)));
        if let Some(national) = numbers::national_digits(number) {
            let national = national.trim_start_matches('0');
            self.keys.push(format!("n{national}"));
        }
        self.keys.push(format!("n{digits}"));
    }

    pub(crate) fn email(&mut self, email: &str) {
        self.words.extend(words(email));
        self.keys.push(email_key(email));
    }

    /// As it is written.
    pub(crate) fn done(mut self) -> Self {
        for list in [&mut self.words, &mut self.keys] {
            list.sort_unstable();
            list.dedup();
        }
        self.words.truncate(WORDS_MAX);
        self
    }
}

pub(crate) fn email_key(email: &str) -> String {
    format!("e{}", email.to_lowercase())
}

/// The key of a whole number.
pub(crate) fn number_key(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    format!("n{digits}")
}

fn backwards(digits: &str) -> String {
    digits.chars().rev().collect()
}

/// From the first text, inclusive, until the second, exclusive: all that begin with this.
pub(crate) type Range = (String, String);

/// What a search looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// Names that begin like this.
    pub(crate) names: Range,
    /// Keys of numbers that begin with the digits, and of those that end with them.
    pub(crate) numbers: Option<[Range; 2]>,
    /// Words that begin like each of these.
    pub(crate) words: Vec<String>,
}

impl Search {
    /// None for what looks for nothing.
    pub(crate) fn of(query: &str) -> Option<Self> {
        let plain = plain(query);
        if plain.is_empty() {
            return None;
        }
        let numbers = digits(query).map(|digits| {
            // Neither a trunk prefix nor that of calls abroad is part of a number.
            let forward = digits.trim_start_matches('0');
            let forward = if forward.is_empty() { &digits } else { forward };
            [
                beginning(format!("n{forward}")),
                beginning(format!("r{}", backwards(&digits))),
            ]
        });
        let mut words = words(query);
        words.sort_unstable();
        words.dedup();
        // More would not narrow anything down.
        words.truncate(16);
        Some(Self {
            names: beginning(plain),
            numbers,
            words,
        })
    }
}

fn beginning(text: String) -> Range {
    // Nothing that begins so comes after it.
    let until = format!("{text}\u{10FFFF}");
    (text, until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l3_words_are_compared_without_capitals_accents_and_signs() {
        let found = |text: &str| words(text).join(" ");
        assert_eq!(found("Émile Ÿ. O'Neil-Ström_2"), "emile y o neil strom 2");
        assert_eq!(found("ＡＢＣ ﬁn"), "abc fin");
        assert_eq!(found("gina@globex.example"), "gina globex example");
        assert_eq!(found("東京カフェ Tokyo"), "東 京 カ フ ェ tokyo");
        assert_eq!(found("'; DROP TABLE lead; --"), "drop table lead");
        assert_eq!(found("\u{0} * \" & | ! :"), "");
        assert_eq!(words(&"x".repeat(1_000))[0].len(), WORD_CHARS_MAX);
        assert_eq!(words(&"x ".repeat(5_000)).len(), WORDS_MAX);
        assert_eq!(plain("  The  ÉCOLE "), "the ecole");
    }

    #[test]
    fn l3_a_search_of_digits_looks_for_numbers_however_they_are_written() {
        let forward = |query: &str| {
            Search::of(query)
                .unwrap()
                .numbers
                .map(|[(from, _), _]| from)
        };
        assert_eq!(forward("+1 (212) 555").as_deref(), Some("n1212555"));
        assert_eq!(forward("020 7946").as_deref(), Some("n207946"));
        assert_eq!(forward("0044 20").as_deref(), Some("n4420"));
        assert_eq!(forward("٢١٢").as_deref(), Some("n212"));
        assert_eq!(forward("000").as_deref(), Some("n000"));
        for none in ["12", "212 Globex", "#212"] {
            assert_eq!(forward(none), None, "{none}");
        }
        let backward = Search::of("0100").unwrap().numbers.unwrap();
        assert_eq!(backward[1].0, "r0010");
        assert_eq!(Search::of(" \u{301} "), None);
    }

    #[test]
    fn l3_a_number_is_found_with_and_without_its_country_code_and_from_its_end() {
        let mut document = Document::new("Globex");
        document.phone("+442079460958");
        document.email("Gina@Globex.example");
        let document = document.done();
        assert_eq!(
            document.keys,
            [
                "egina@globex.example",
                "n2079460958",
                "n442079460958",
                "r859064970244"
            ]
        );
        assert_eq!(document.words, ["example", "gina", "globex"]);
        let mut odd = Document::new("");
        odd.phone("anonymous");
        odd.phone("1234");
        assert_eq!(odd.done().keys, ["n1234", "r4321"]);
    }
}
