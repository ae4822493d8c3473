use super::*;
use proptest::prelude::*;

fn e164(text: &str, country: &str) -> Result<String, Unreadable> {
    read(text, country).map(|number| number.e164)
}

#[test]
fn l1_a_number_is_read_the_way_people_of_the_country_write_it() {
    for (country, text, number) in [
        ("US", "(212) 555-0100", "+12125550100"),
        ("US", "212.555.0100", "+12125550100"),
        ("US", "1 212 555 0100", "+12125550100"),
        ("US", "+44 20 7946 0958", "+442079460958"),
        ("US", "011 44 20 7946 0958", "+442079460958"),
        ("GB", "020 7946 0958", "+442079460958"),
        ("GB", "+44 (0)20 7946 0958", "+442079460958"),
        ("GB", "00 1 212 555 0100", "+12125550100"),
        ("DE", "030/901820", "+4930901820"),
        ("FR", "01 23 45 67 89", "+33123456789"),
        ("IT", "06 1234 5678", "+390612345678"),
        ("US", "tel:+1-212-555-0100", "+12125550100"),
        ("US", "＋１ ２１２ ５５５ ０１００", "+12125550100"),
    ] {
        assert_eq!(e164(text, country).as_deref(), Ok(number), "{text}");
    }
}

#[test]
fn l1_arabic_digits_and_letters_of_the_keys_are_digits() {
    assert_eq!(e164("٠٢٠ ٧٩٤٦ ٠٩٥٨", "GB").as_deref(), Ok("+442079460958"));
    assert_eq!(e164("۰۲۰ ۷۹۴۶ ۰۹۵۸", "GB").as_deref(), Ok("+442079460958"));
    assert_eq!(e164("1-800-FLOWERS", "US").as_deref(), Ok("+18003569377"));
    assert_eq!(e164("+1 800 flowers", "DE").as_deref(), Ok("+18003569377"));
}

#[test]
fn l1_an_extension_is_kept_apart_and_shown_after_the_number() {
    for text in [
        "(212) 555-0100 ext. 42",
        "212-555-0100 x42",
        "212 555 0100 extension 42",
        "tel:+12125550100;ext=42",
    ] {
        let number = read(text, "US").unwrap();
        assert_eq!(number.e164, "+12125550100", "{text}");
        assert_eq!(number.extension.as_deref(), Some("42"), "{text}");
        let shown = shown(&number.e164, number.extension.as_deref(), "US");
        assert_eq!(shown, "(212) 555-0100 ext. 42");
        assert_eq!(read(&shown, "US"), Ok(number));
    }
}

#[test]
fn l1_what_is_not_a_number_is_refused_with_the_reason() {
    use Unreadable::{Empty, NoAreaCode, NoSuchCountry, NotANumber, TooLong, TooShort};
    let refused = |text: &str| read(text, "US").unwrap_err();
    assert_eq!(refused(" "), Empty);
    for text in [
        "Globex",
        "call 212 555 0100",
        "gina@globex.example",
        "javascript:alert(1)",
        "212 555\n0100",
        "2125550100\u{0}",
        "+",
        "()",
        "=1+1",
        &"1".repeat(1_000),
    ] {
        assert!(matches!(refused(text), NotANumber(_)), "{text}");
    }
    assert_eq!(refused("+999 123 4567"), NoSuchCountry);
    assert_eq!(refused("911"), TooShort);
    assert_eq!(refused("212 555 0100 0100 01"), TooLong);
    assert_eq!(refused("555-0100"), NoAreaCode);
    assert_eq!(
        read("212 555 0100", "ZZ").unwrap_err(),
        NoSuchCountry,
        "without a country, a number needs its own"
    );
}

#[test]
fn l1_a_number_is_shown_in_national_format_at_home_and_with_its_country_code_elsewhere() {
    assert_eq!(shown("+12125550100", None, "US"), "(212) 555-0100");
    assert_eq!(shown("+12125550100", None, "CA"), "(212) 555-0100");
    assert_eq!(shown("+12125550100", None, "GB"), "+1 212-555-0100");
    assert_eq!(shown("+442079460958", None, "GB"), "020 7946 0958");
    assert_eq!(shown("+442079460958", None, "US"), "+44 20 7946 0958");
    // What a trunk gave as a caller's number may be none.
    for other in ["", "+", "anonymous", "1234", "+15551234", "+999"] {
        assert_eq!(shown(other, None, "US"), other);
    }
}

#[test]
fn l3_the_national_digits_have_neither_country_code_nor_trunk_prefix() {
    let digits = |number| national_digits(number);
    assert_eq!(digits("+442079460958").as_deref(), Some("2079460958"));
    assert_eq!(digits("+390612345678").as_deref(), Some("0612345678"));
    assert_eq!(digits("1234"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn l1_no_text_makes_it_panic(text in any::<String>(), country in "[A-Z]{2}|[^a]{0,3}") {
        let _ = read(&text, &country);
        let _ = shown(&text, Some(&text), &country);
        let _ = national_digits(&text);
    }

    #[test]
    fn l1_what_looks_like_a_number_is_refused_or_kept_as_e164(
        text in "[+(]?[0-9٠-٩A-Fx ().;/ext#*,~-]{1,40}",
        country in prop::sample::select(vec!["US", "GB", "DE", "IT", "BR", "AR", "JP", "MX"]),
    ) {
        if let Ok(number) = read(&text, country) {
            let digits = number.e164.strip_prefix('+').unwrap_or_default();
            prop_assert!(digits.len() <= 15 && digits.bytes().all(|one| one.is_ascii_digit()));
            prop_assert_eq!(read(&number.e164, "ZZ").map(|again| again.e164), Ok(number.e164.clone()));
            prop_assert!(!shown(&number.e164, number.extension.as_deref(), country).is_empty());
        }
    }
}
