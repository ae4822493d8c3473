//! Keys of a telephone in INFO, as some trunks send them beside RTP or instead of it. No RFC describes them;
//! what's read here is what Cisco's and Asterisk's gateways write.

/// What we read.
pub(super) const ACCEPT: &str = "application/dtmf-relay, application/dtmf";

/// What an INFO says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Info {
    /// A key was pressed.
    Key(char),
    /// Nothing of interest: no body, or a flash of the hook.
    Nothing,
    /// It isn't what it says it is.
    Malformed,
    /// It isn't for us.
    Unknown,
}

/// Reads the body of an INFO.
pub(super) fn read(content_type: &str, body: &[u8]) -> Info {
    if body.is_empty() {
        return Info::Nothing;
    }
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let is = |own: &str| kind.eq_ignore_ascii_case(own);
    if !is("application/dtmf-relay") && !is("application/dtmf") {
        return Info::Unknown;
    }
    let text = std::str::from_utf8(body).unwrap_or_default();
    let named = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case("signal").then_some(value)
    });
    key(named.unwrap_or(text).trim())
}

/// A key by its sign, or by its number in RFC 4733.
fn key(signal: &str) -> Info {
    let mut signs = signal.chars();
    match (signs.next(), signs.next()) {
        (Some(sign), None) if sign.is_ascii_digit() || matches!(sign, '*' | '#') => Info::Key(sign),
        (Some(sign), None) if matches!(sign.to_ascii_uppercase(), 'A'..='D') => {
            Info::Key(sign.to_ascii_uppercase())
        }
        _ => match signal {
            "10" => Info::Key('*'),
            "11" => Info::Key('#'),
            "12" => Info::Key('A'),
            "13" => Info::Key('B'),
            "14" => Info::Key('C'),
            "15" => Info::Key('D'),
            "16" | "!" => Info::Nothing,
            _ if signal.eq_ignore_ascii_case("hf") => Info::Nothing,
            _ => Info::Malformed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_gateways_write_them() {
        for (kind, body, expected) in [
            (
                "application/dtmf-relay",
                "Signal=5\r\nDuration=160\r\n",
                Info::Key('5'),
            ),
            (
                "application/dtmf-relay",
                "signal = *\nDuration= 250",
                Info::Key('*'),
            ),
            (
                "Application/DTMF-Relay;x=y",
                "Duration=160\r\nSignal=11",
                Info::Key('#'),
            ),
            ("application/dtmf", "7", Info::Key('7')),
            ("application/dtmf", "d\r\n", Info::Key('D')),
            ("application/dtmf-relay", "Signal=16\r\n", Info::Nothing),
            ("application/dtmf-relay", "Signal=\r\n", Info::Malformed),
            ("application/dtmf-relay", "Signal=55\r\n", Info::Malformed),
            ("application/dtmf", "hello", Info::Malformed),
            ("application/media_control+xml", "<x/>", Info::Unknown),
            ("", "5", Info::Unknown),
            ("application/dtmf", "", Info::Nothing),
        ] {
            assert_eq!(read(kind, body.as_bytes()), expected, "{kind} {body:?}");
        }
        assert_eq!(read("application/dtmf", b"\xff\xfe"), Info::Malformed);
    }
}
