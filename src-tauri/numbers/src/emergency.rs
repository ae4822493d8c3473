//! The numbers of emergency services.

/// The table, a country a line.
const TABLE: &str = include_str!("emergency.txt");
/// Mobile networks connect these with emergency services everywhere (3GPP TS 22.101, section 10).
const EVERYWHERE: [&str; 2] = ["112", "911"];

/// Whether a text is the number of an emergency service in the country, or anywhere; punctuation doesn't
/// count.
#[must_use]
pub fn is_emergency(text: &str, country: &str) -> bool {
    let digits: String = text.chars().filter_map(digit).collect();
    let is_number = text
        .chars()
        .all(|one| digit(one).is_some() || !one.is_alphanumeric());
    let found = |numbers: &str| numbers.split(' ').any(|number| is_in(&digits, number));
    let of_country = || {
        let mut lines = TABLE.lines().filter_map(|line| line.split_once(' '));
        lines.any(|(code, numbers)| code == country && found(numbers))
    };
    is_number && !digits.is_empty() && (EVERYWHERE.contains(&&*digits) || of_country())
}

/// Whether digits are this number, or one of its range.
fn is_in(digits: &str, number: &str) -> bool {
    match number.split_once('-') {
        Some((from, to)) => digits.len() == from.len() && (from..=to).contains(&digits),
        None => digits == number,
    }
}

/// A digit of any script, as one of ours.
fn digit(letter: char) -> Option<char> {
    /// Where the scripts that people dial in have their zero.
    const ZEROS: [char; 7] = ['0', '٠', '۰', '०', '০', '๐', '０'];
    ZEROS.iter().find_map(|zero| {
        let above = u32::from(letter).checked_sub(u32::from(*zero))?;
        char::from_digit(above, 10)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l4_emergency_numbers_are_known_by_country_however_they_are_written() {
        for (country, text) in [
            ("US", "911"),
            ("US", " 9-1-1 "),
            ("US", "112"),
            ("GB", "999"),
            ("DE", "110"),
            ("FR", "15"),
            ("AU", "(000)"),
            ("NZ", "111"),
            ("JP", "119"),
            ("EG", "١٢٢"),
            ("GA", "1342"),
            ("XX", "112"),
            ("US", "+911"),
        ] {
            assert!(is_emergency(text, country), "{country} {text}");
        }
    }

    #[test]
    fn l4_other_numbers_are_no_emergency_numbers() {
        for (country, text) in [
            ("US", "999"),
            ("US", "9115550100"),
            ("US", "+1 212 555 0100"),
            ("GB", "110"),
            ("US", ""),
            ("US", "+"),
            ("US", "9a1b1"),
            ("GA", "130"),
            ("XX", "110"),
            ("#", "Numbers"),
        ] {
            assert!(!is_emergency(text, country), "{country} {text}");
        }
    }

    #[test]
    fn l4_every_line_of_the_table_is_a_country_and_its_numbers() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        for line in lines.clone() {
            let (country, numbers) = line.split_once(' ').unwrap();
            assert!(country.len() == 2 && country.bytes().all(|one| one.is_ascii_uppercase()));
            for number in numbers.split([' ', '-']) {
                let is_short = (2..=6).contains(&number.len());
                assert!(
                    is_short && number.bytes().all(|one| one.is_ascii_digit()),
                    "{line}"
                );
            }
        }
        assert_eq!(lines.count(), 240);
    }
}
