//! Where a number is, and what kind of number.

use crate::{known, region};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberType, Region};

/// What kind of number it is, which says what a call to it may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A landline, a mobile phone, or one of the two.
    Ordinary,
    /// Free for whoever calls.
    TollFree,
    /// Costs more than an ordinary call.
    PremiumRate,
    /// Whoever calls pays a part.
    SharedCost,
    /// Follows a person from phone to phone, often at a higher price.
    Personal,
    /// A pager.
    Pager,
    /// One number for all places of a company.
    Universal,
    /// A mailbox.
    Voicemail,
    /// It's in no range that is known.
    Unknown,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Ordinary,
        Self::TollFree,
        Self::PremiumRate,
        Self::SharedCost,
        Self::Personal,
        Self::Pager,
        Self::Universal,
        Self::Voicemail,
        Self::Unknown,
    ];

    /// Its name in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::TollFree => "toll_free",
            Self::PremiumRate => "premium_rate",
            Self::SharedCost => "shared_cost",
            Self::Personal => "personal",
            Self::Pager => "pager",
            Self::Universal => "universal",
            Self::Voicemail => "voicemail",
            Self::Unknown => "unknown",
        }
    }

    /// What it is to people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ordinary => "phone",
            Self::TollFree => "toll-free",
            Self::PremiumRate => "premium-rate",
            Self::SharedCost => "shared-cost",
            Self::Personal => "personal",
            Self::Pager => "pager",
            Self::Universal => "universal access",
            Self::Voicemail => "voicemail",
            Self::Unknown => "unassigned",
        }
    }
}

/// The kind of a number in E.164.
#[must_use]
pub fn kind(e164: &str) -> Kind {
    let Some(number) = known(e164) else {
        return Kind::Unknown;
    };
    match PHONE_NUMBER_UTIL.get_number_type(&number) {
        PhoneNumberType::FixedLine
        | PhoneNumberType::Mobile
        | PhoneNumberType::FixedLineOrMobile
        | PhoneNumberType::VoIP => Kind::Ordinary,
        PhoneNumberType::TollFree => Kind::TollFree,
        PhoneNumberType::PremiumRate => Kind::PremiumRate,
        PhoneNumberType::SharedCost => Kind::SharedCost,
        PhoneNumberType::PersonalNumber => Kind::Personal,
        PhoneNumberType::Pager => Kind::Pager,
        PhoneNumberType::UAN => Kind::Universal,
        PhoneNumberType::VoiceMail => Kind::Voicemail,
        PhoneNumberType::Unknown => Kind::Unknown,
    }
}

/// The country of a number in E.164, as an ISO 3166 code. None for what is no number, and for numbers of no
/// country, such as those of satellites. A number in no known range is taken for one of the largest country
/// with its code.
#[must_use]
pub fn country(e164: &str) -> Option<String> {
    let number = known(e164)?;
    let main = || PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code);
    let found = PHONE_NUMBER_UTIL
        .get_region_for_number(&number)
        .or_else(main)?;
    (found != Region::World).then(|| found.as_region_str().as_str().to_owned())
}

/// Whether this is an ISO 3166 code of a country that has phone numbers.
#[must_use]
pub fn is_country(code: &str) -> bool {
    let is_code = code.len() == 2 && code.bytes().all(|one| one.is_ascii_uppercase());
    let found = region(code).filter(|_| is_code);
    found.is_some_and(|region| {
        let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region);
        code.is_some_and(|code| code > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l4_the_kind_of_a_number_is_known() {
        for (number, wanted) in [
            ("+12125550100", Kind::Ordinary),
            ("+491701234567", Kind::Ordinary),
            ("+18003569377", Kind::TollFree),
            ("+19002345678", Kind::PremiumRate),
            ("+449098790123", Kind::PremiumRate),
            ("+491805123456", Kind::SharedCost),
            ("+447012345678", Kind::Personal),
            ("+979123456789", Kind::PremiumRate),
            // Fiction: no one has the area code 555.
            ("+15557000100", Kind::Unknown),
            ("1234", Kind::Unknown),
        ] {
            assert_eq!(kind(number), wanted, "{number}");
        }
    }

    #[test]
    fn l4_the_country_of_a_number_is_known() {
        for (number, wanted) in [
            ("+12125550100", Some("US")),
            ("+14165550100", Some("CA")),
            ("+18762345678", Some("JM")),
            ("+442079460958", Some("GB")),
            ("+15557000100", Some("US")),
            // A satellite, and an international network.
            ("+881612345678", None),
            ("+979123456789", None),
            ("1234", None),
            ("", None),
        ] {
            assert_eq!(country(number).as_deref(), wanted, "{number}");
        }
        for (code, is_one) in [
            ("US", true),
            ("DE", true),
            ("us", false),
            ("ZZ", false),
            ("001", false),
            ("", false),
        ] {
            assert_eq!(is_country(code), is_one, "{code}");
        }
    }

    #[test]
    fn l4_kinds_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = Kind::ALL.map(Kind::name).into();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
