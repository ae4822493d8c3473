//! What to do when: `2s:whisper,6s:barge,9s:listen,12s:leave`.

use std::str::FromStr;
use std::time::Duration;

use wire::CoachMode;

/// The longest time that makes sense here.
const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Mode(CoachMode),
    Mute(bool),
    Hold(bool),
    Dtmf(String),
    Invite(String),
    Leave,
    HangUp,
}

/// Actions with their times from when sound flows, in order of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Timeline {
    pub(crate) entries: Vec<(Duration, Action)>,
}

impl FromStr for Timeline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut entries = Vec::new();
        for entry in text.split(',').filter(|entry| !entry.trim().is_empty()) {
            let (at, action) = entry
                .trim()
                .split_once(':')
                .ok_or_else(|| format!("`{entry}` isn't of the form 2s:whisper"))?;
            entries.push((parse_duration(at)?, action.parse()?));
        }
        // Stable: what is said for the same moment is done in the order said.
        entries.sort_by_key(|(at, _)| *at);
        Ok(Self { entries })
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.trim().split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text.trim(), None),
        };
        Ok(match (name, value) {
            ("listen", None) => Self::Mode(CoachMode::Listen),
            ("whisper", None) => Self::Mode(CoachMode::Whisper),
            ("barge", None) => Self::Mode(CoachMode::Barge),
            ("mute", None) => Self::Mute(true),
            ("unmute", None) => Self::Mute(false),
            ("hold", None) => Self::Hold(true),
            ("unhold", None) => Self::Hold(false),
            ("leave", None) => Self::Leave,
            ("hang_up", None) => Self::HangUp,
            ("dtmf", Some(digits)) => Self::Dtmf(digits),
            ("invite", Some(email)) => Self::Invite(email),
            _ => return Err(format!("`{text}` isn't an action")),
        })
    }
}

/// A time such as `500ms`, `2s`, `1.5s` or `3m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` isn't a time such as 500ms, 2s, 1.5s or 3m");
    let text = text.trim();
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(bad)?;
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().map_err(|_| bad())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return Err(bad()),
    };
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| *duration <= DURATION_MAX)
        .ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_is_read_in_order_of_time() {
        let timeline: Timeline = "6s:barge, 2s:whisper,6s:mute,1.5s:dtmf=1#,90s:invite=a@b"
            .parse()
            .unwrap();
        let expected = [
            (1500, Action::Dtmf("1#".into())),
            (2000, Action::Mode(CoachMode::Whisper)),
            (6000, Action::Mode(CoachMode::Barge)),
            (6000, Action::Mute(true)),
            (90_000, Action::Invite("a@b".into())),
        ];
        let expected = expected.map(|(ms, action)| (Duration::from_millis(ms), action));
        assert_eq!(timeline.entries, expected);
        assert_eq!("".parse(), Ok(Timeline::default()));
    }

    #[test]
    fn what_is_no_timeline_is_refused_with_its_reason() {
        for bad in [
            "2s",
            "2:whisper",
            "s:whisper",
            "-1s:mute",
            "2s:",
            "2s:whisper=3",
            "2s:dtmf",
            "1e99s:mute",
            "NaNs:mute",
            "2d:mute",
            "25m:mute;3s:mute",
            "2000m:mute",
        ] {
            let error = bad.parse::<Timeline>().unwrap_err();
            assert!(error.contains('`'), "{bad}: {error}");
        }
    }

    #[test]
    fn times_are_read_in_their_units() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("3m"), Ok(Duration::from_secs(180)));
        assert!(parse_duration("").is_err());
        assert!(parse_duration("12").is_err());
    }
}
