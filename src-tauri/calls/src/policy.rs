//! Which numbers may be called (L4): none of an emergency service, and what the operator allows.

use numbers::{Kind, Number};
use wire::{Code, ErrorBody};

/// Every country, in [`CallPolicy::new`].
const EVERY_COUNTRY: &str = "*";

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPolicy {
    countries: Countries,
    refused: Vec<Kind>,
}

/// The countries that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Countries {
    /// The caller's own.
    Own,
    /// Those of a list.
    Listed(Vec<String>),
    /// All, and what is of no country.
    Every,
}

impl Default for CallPolicy {
    fn default() -> Self {
        Self {
            countries: Countries::Own,
            refused: Self::REFUSED.into(),
        }
    }
}

impl CallPolicy {
    /// What is refused unless an operator says otherwise: what can cost any amount.
    pub const REFUSED: [Kind; 5] = [
        Kind::PremiumRate,
        Kind::SharedCost,
        Kind::Personal,
        Kind::Pager,
        Kind::Voicemail,
    ];

    /// From its settings: ISO 3166 codes of countries, `*` for every one, none for each organization's own;
    /// and the names of the kinds that are refused.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn new(countries: &[String], refused: &[String]) -> Result<Self, String> {
        let countries = match countries {
            [] => Countries::Own,
            [all] if all == EVERY_COUNTRY => Countries::Every,
            listed => {
                if let Some(other) = listed.iter().find(|code| !numbers::is_country(code)) {
                    return Err(format!(
                        "call_countries must be country codes such as US, or only *, not {other}"
                    ));
                }
                Countries::Listed(listed.to_vec())
            }
        };
        let kind = |name: &String| {
            let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
            found.ok_or_else(|| {
                let names = Kind::ALL.map(Kind::name).join(", ");
                format!("call_kinds_refused must be some of {names}, not {name}")
            })
        };
        let refused = refused.iter().map(kind).collect::<Result<_, _>>()?;
        Ok(Self { countries, refused })
    }

    /// Reads a number that somebody in this country wants to call. It may still be one that they may not.
    ///
    /// # Errors
    /// `number_refused` for an emergency number, `invalid_request` for what is no number.
    pub fn read(text: &str, country: &str) -> Result<Number, ErrorBody> {
        if numbers::is_emergency(text, country) {
            return Err(emergency(text.trim()));
        }
        let read = numbers::read(text, country);
        read.map_err(|why| ErrorBody::new(Code::InvalidRequest, why.to_string()))
    }

    /// Whether somebody in this country may call this number, in E.164.
    ///
    /// # Errors
    /// `number_refused`, and why.
    pub fn permit(&self, e164: &str, country: &str) -> Result<(), ErrorBody> {
        let Some(dialed) = numbers::national_digits(e164) else {
            return Err(refused(
                "This number can't be called: it isn't a whole phone number.".to_owned(),
            ));
        };
        let of = numbers::country(e164);
        if numbers::is_emergency(&dialed, of.as_deref().unwrap_or(country)) {
            return Err(emergency(&dialed));
        }
        let kind = numbers::kind(e164);
        if self.refused.contains(&kind) {
            return Err(refused(format!(
                "Calls to {} numbers aren't allowed. Ask whoever runs your server to allow them.",
                kind.words()
            )));
        }
        let is_allowed = match (&self.countries, &of) {
            (Countries::Every, _) => true,
            (Countries::Own, Some(of)) => of == country,
            (Countries::Listed(listed), Some(of)) => listed.contains(of),
            (Countries::Own | Countries::Listed(_), None) => false,
        };
        if is_allowed {
            return Ok(());
        }
        Err(refused(match of {
            Some(of) => format!(
                "Calls to this country ({of}) aren't allowed. Ask whoever runs your server to allow \
                 them."
            ),
            None => "This number doesn't belong to a country, so it can't be called.".to_owned(),
        }))
    }
}

fn emergency(number: &str) -> ErrorBody {
    refused(format!(
        "{number} is an emergency number. This app can't call emergency services: use a mobile phone \
         or a landline."
    ))
}

fn refused(message: String) -> ErrorBody {
    ErrorBody::new(Code::NumberRefused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(countries: &[&str], refused: &[&str]) -> Result<CallPolicy, String> {
        let owned =
            |list: &[&str]| -> Vec<String> { list.iter().map(|one| (*one).to_owned()).collect() };
        CallPolicy::new(&owned(countries), &owned(refused))
    }

    /// Why a number that is written like this may not be called; none when it may.
    fn refusal(policy: &CallPolicy, text: &str, country: &str) -> Option<(Code, String)> {
        let read = CallPolicy::read(text, country);
        let permitted = read.and_then(|number| policy.permit(&number.e164, country));
        let error = permitted.err()?.error;
        Some((error.code, error.message))
    }

    #[test]
    fn l4_without_settings_the_own_country_may_be_called_and_nothing_that_costs_more() {
        let policy = CallPolicy::default();
        for (text, country) in [
            ("(212) 555-0100", "US"),
            ("800 356 9377", "US"),
            // Fiction, in no range that anybody knows.
            ("+1 555 700 0100", "US"),
            ("020 7946 0958", "GB"),
        ] {
            assert_eq!(refusal(&policy, text, country), None, "{text}");
        }
        for (text, country, word) in [
            ("+44 20 7946 0958", "US", "GB"),
            ("876 234 5678", "US", "JM"),
            ("416 555 0100", "US", "CA"),
            ("900 234 5678", "US", "premium-rate"),
            ("0909 879 0123", "GB", "premium-rate"),
            ("0843 123 4567", "GB", "premium-rate"),
            ("0180 5 123456", "DE", "shared-cost"),
            ("+881 6 1234 5678", "US", "doesn't belong to a country"),
        ] {
            let (code, message) = refusal(&policy, text, country).unwrap();
            assert_eq!(code, Code::NumberRefused, "{text}");
            assert!(message.contains(word), "{text}: {message}");
        }
    }

    #[test]
    fn l4_emergency_numbers_are_refused_with_an_explanation_whatever_is_allowed() {
        let all = policy(&["*"], &[]).unwrap();
        for (text, country) in [
            ("911", "US"),
            ("9-1-1", "US"),
            ("112", "DE"),
            ("110", "DE"),
            (" 999 ", "GB"),
            ("000", "AU"),
            ("+911", "US"),
        ] {
            let (code, message) = refusal(&all, text, country).unwrap();
            assert_eq!(code, Code::NumberRefused, "{text}");
            assert!(message.contains("emergency number"), "{text}: {message}");
        }
        // As a lead's number may have been entered before anyone checked.
        for number in ["+1911", "+49110", "+44999"] {
            let refused = all.permit(number, "US");
            let message = refused.unwrap_err().error.message;
            assert!(message.contains("can't"), "{number}: {message}");
        }
    }

    #[test]
    fn l4_the_operator_decides_which_countries_and_kinds_may_be_called() {
        let listed = policy(&["GB", "DE"], &["toll_free"]).unwrap();
        assert_eq!(refusal(&listed, "+44 20 7946 0958", "US"), None);
        assert_eq!(refusal(&listed, "0909 879 0123", "GB"), None);
        assert!(refusal(&listed, "0800 123 4567", "GB").is_some());
        // Not even the own country, when the list doesn't have it.
        assert!(refusal(&listed, "212 555 0100", "US").is_some());
        let all = policy(&["*"], &["premium_rate"]).unwrap();
        assert_eq!(refusal(&all, "+881 6 1234 5678", "US"), None);
        assert!(refusal(&all, "+979 123456789", "US").is_some());
    }

    #[test]
    fn l4_settings_that_name_no_country_or_kind_are_refused() {
        for (countries, refused, named) in [
            (&["us"][..], &[][..], "us"),
            (&["US", "*"], &[], "*"),
            (&["ZZ"], &[], "ZZ"),
            (&[], &["premium"], "premium"),
        ] {
            let complaint = policy(countries, refused).unwrap_err();
            assert!(complaint.ends_with(named), "{complaint}");
        }
        let names: Vec<&str> = CallPolicy::REFUSED.map(Kind::name).into();
        assert_eq!(policy(&[], &names), Ok(CallPolicy::default()));
    }

    #[test]
    fn l4_what_is_no_number_is_refused_as_such() {
        let policy = CallPolicy::default();
        for text in ["", "Globex", "12", "212 555 0100\n", "tel:javascript"] {
            let refused = refusal(&policy, text, "US").map(|(code, _)| code);
            if text.trim() != "212 555 0100" {
                assert_eq!(refused, Some(Code::InvalidRequest), "{text:?}");
            }
        }
    }
}
