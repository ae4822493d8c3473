//! RFC 4028, section by section. §8 is about proxies, which we aren't; what they do to our messages is in
//! the tables all the same. When a session is refreshed and when it ends (§10) is with the course.

use super::Refresher::{Uac, Uas};
use super::*;

const OURS: Option<SessionTimer> = timer(600, true);
const THEIRS: Option<SessionTimer> = timer(600, false);

const fn timer(expires_s: u32, ours: bool) -> Option<SessionTimer> {
    Some(SessionTimer { expires_s, ours })
}

/// What someone who knows timers says.
const fn said(expires_s: Option<u32>, refresher: Option<Refresher>, least_s: Option<u32>) -> Said {
    Said {
        supported: true,
        expires_s,
        refresher,
        least_s,
    }
}

/// And someone who doesn't; the interval is of a proxy on the way.
const fn unaware(expires_s: Option<u32>) -> Said {
    Said {
        supported: false,
        expires_s,
        refresher: None,
        least_s: None,
    }
}

fn terms(wanted_s: u32, agreed: Option<SessionTimer>) -> Terms {
    Terms {
        agreed,
        ..Terms::new(wanted_s)
    }
}

/// Interval, refresher and Min-SE of a request.
fn of_request(says: Option<Says>) -> Option<(u32, Option<Refresher>, u32)> {
    says.map(|says| {
        assert!(!says.required);
        (says.expires_s, says.refresher, says.least_s.unwrap())
    })
}

#[test]
fn our_requests_say_what_sections_7_1_and_7_4_ask_for() {
    // Section, what we want, what is agreed, the largest Min-SE; what INVITE and later requests say.
    #[rustfmt::skip]
    let rows = [
        ("7.1: no timer is asked for", 0, None, 90, None, None),
        ("7.1: who refreshes is left open", 1800, None, 90, Some((1800, None, 90)), None),
        ("7.1: never shorter than Min-SE", 100, None, 120, Some((120, None, 120)), None),
        ("7.4: we go on refreshing", 1800, OURS, 90, Some((1800, None, 90)), Some((600, Some(Uac), 90))),
        ("7.4: they go on refreshing", 1800, THEIRS, 90, Some((1800, None, 90)), Some((600, Some(Uas), 90))),
        ("7.4: also when it was their wish", 0, THEIRS, 90, None, Some((600, Some(Uas), 90))),
        ("7.4: at least the largest Min-SE", 0, OURS, 900, None, Some((900, Some(Uac), 900))),
    ];
    for (section, wanted_s, agreed, least_s, invite, refresh) in rows {
        let mut terms = terms(wanted_s, agreed);
        terms.least_s = least_s;
        assert_eq!(of_request(terms.invite()), invite, "{section}");
        assert_eq!(of_request(terms.refresh()), refresh, "{section}");
    }
}

#[test]
fn a_2xx_is_taken_as_section_7_2_says() {
    #[rustfmt::skip]
    let rows = [
        ("7.2: they refresh", None, said(Some(600), Some(Uas), None), THEIRS),
        ("7.2: we refresh", None, said(Some(600), Some(Uac), None), OURS),
        ("7.2: without an interval the session does not expire", None, said(None, None, None), None),
        ("7.2: a later 2xx turns the timer off", OURS, said(None, None, None), None),
        ("7.2: and so does one for their refreshes", THEIRS, said(None, None, None), None),
        ("7.2: the interval changes", OURS, said(Some(120), Some(Uac), None), timer(120, true)),
        ("7.2: the roles change", OURS, said(Some(600), Some(Uas), None), THEIRS),
        ("7.2: the roles change back", THEIRS, said(Some(600), Some(Uac), None), OURS),
        ("7.2: without a refresher it is whoever asked", None, said(Some(600), None, None), OURS),
        ("7.2: or who it was", THEIRS, said(Some(600), None, None), THEIRS),
        ("8.2: a proxy has us refresh for someone without timers", None,
            Said { refresher: Some(Uac), ..unaware(Some(600)) }, OURS),
        ("4: no session is shorter than the least", None, said(Some(5), Some(Uas), None), timer(90, false)),
    ];
    for (section, agreed, said, expected) in rows {
        let mut terms = terms(1800, agreed);
        assert_eq!(terms.answered(said), expected, "{section}");
        assert_eq!(terms.agreed(), expected, "{section}");
    }
}

#[test]
fn a_422_is_followed_as_section_7_3_says() {
    let refused = |least_s| said(None, None, least_s);
    #[rustfmt::skip]
    let rows = [
        ("7.3: a longer session is asked for", 1800, None, Some(3600), Some(3600)),
        ("7.3: a 422 without Min-SE leads nowhere", 1800, None, None, None),
        ("7.3: nor does one that asks for what we did", 1800, None, Some(1800), None),
        ("7.3: a day is enough", 1800, None, Some(90_000), None),
        ("7.3: a refresh is asked for again", 1800, OURS, Some(700), Some(700)),
        ("7.3: and not in vain", 1800, OURS, Some(600), None),
    ];
    for (section, wanted_s, agreed, least_s, expected) in rows {
        let mut terms = terms(wanted_s, agreed);
        assert_eq!(
            terms.too_short(refused(least_s)),
            expected.is_some(),
            "{section}"
        );
        let Some(expires_s) = expected else {
            continue;
        };
        let again = if agreed.is_some() {
            terms.refresh()
        } else {
            terms.invite()
        };
        let (asked_s, _, least_s) = of_request(again).unwrap();
        assert_eq!((asked_s, least_s), (expires_s, expires_s), "{section}");
        // The largest one heard stays in force for the whole call.
        terms.answered(said(Some(expires_s), Some(Uac), None));
        assert_eq!(of_request(terms.refresh()).unwrap().2, expires_s);
    }
}

#[test]
fn their_requests_are_answered_as_section_9_says() {
    let too_short = Err(TooShort { least_s: 90 });
    let agreed = |expires_s, refresher, required| Ok(Some((expires_s, refresher, required)));
    #[rustfmt::skip]
    let rows = [
        ("9, table 2: no timers, no wish: we refresh", None, unaware(Some(600)), agreed(600, Uas, false)),
        ("8.1: whatever is said for someone without timers", None,
            Said { refresher: Some(Uac), ..unaware(Some(600)) }, agreed(600, Uas, false)),
        ("9, table 2: no wish: the caller refreshes", None, said(Some(600), None, None), agreed(600, Uac, true)),
        ("9, table 2: they refresh", None, said(Some(600), Some(Uac), None), agreed(600, Uac, true)),
        ("9, table 2: we refresh", None, said(Some(600), Some(Uas), None), agreed(600, Uas, true)),
        ("7.4: no wish later: we go on", OURS, said(Some(600), None, None), agreed(600, Uas, true)),
        ("7.4: no wish later: they go on", THEIRS, said(Some(600), None, None), agreed(600, Uac, true)),
        ("9: they make us the refresher", THEIRS, said(Some(90), Some(Uas), None), agreed(90, Uas, true)),
        ("9: they take it back", OURS, said(Some(90), Some(Uac), None), agreed(90, Uac, true)),
        ("9: below the least", None, said(Some(30), Some(Uac), None), too_short),
        ("9: below the least, without a wish", None, said(Some(89), None, None), too_short),
        ("9: below the least, later", OURS, said(Some(30), Some(Uas), None), too_short),
        ("9: the least", None, said(Some(90), Some(Uac), None), agreed(90, Uac, true)),
        ("6: no 422 for someone without timers", None, unaware(Some(30)), Ok(None)),
        ("9: no interval, no timer", None, said(None, None, None), Ok(None)),
        ("9: no interval later: the timer stays", OURS, said(None, None, None), agreed(600, Uas, true)),
        ("9: and theirs does", THEIRS, said(None, None, None), agreed(600, Uac, true)),
        ("9: but not below their Min-SE", THEIRS, said(None, None, Some(900)), agreed(900, Uac, true)),
        ("9: no interval and no timers: it is off", THEIRS, unaware(None), Ok(None)),
        ("9: shortened to a day", None, said(Some(100_000), Some(Uac), None), agreed(86_400, Uac, true)),
    ];
    for (section, before, said, expected) in rows {
        let mut terms = terms(1800, before);
        let says = terms.asked(said).map(|says| {
            says.map(|says| {
                assert_eq!(says.least_s, None, "{section}: Min-SE stands in requests");
                (says.expires_s, says.refresher.unwrap(), says.required)
            })
        });
        assert_eq!(says, expected, "{section}");
        let expected = match expected {
            Ok(says) => says.map(|(expires_s, refresher, _)| SessionTimer {
                expires_s,
                ours: refresher == Uas,
            }),
            Err(_) => before,
        };
        assert_eq!(terms.agreed(), expected, "{section}");
    }
}

#[test]
fn a_min_se_in_their_request_holds_for_ours() {
    let mut terms = terms(1800, None);
    terms
        .asked(said(Some(1200), Some(Uas), Some(1000)))
        .unwrap();
    // 7.3: the largest one heard in a request or a 422.
    assert_eq!(of_request(terms.refresh()), Some((1200, Some(Uac), 1000)));
}

#[test]
fn a_refresh_that_fails_is_followed_as_section_7_4_says() {
    let later = |after_ms| Reaction::Later { after_ms };
    #[rustfmt::skip]
    let rows = [
        ("7.4: the call is unknown", Some(481), false, None, Reaction::Gone),
        ("7.4: the call is unknown to UPDATE", Some(481), true, None, Reaction::Gone),
        ("7.4: it timed out", Some(408), true, None, Reaction::Gone),
        ("7.4: no response to a re-INVITE", Some(408), false, None, Reaction::Gone),
        ("7.4: it could not be sent", None, false, None, Reaction::Refused),
        ("7.4: no response to what they may not know", None, true, None, Reaction::ByInvite),
        ("7.4: UPDATE is not implemented", Some(501), true, None, Reaction::ByInvite),
        ("7.4: UPDATE is not allowed", Some(405), true, None, Reaction::ByInvite),
        ("7.4: UPDATE fails", Some(500), true, None, Reaction::ByInvite),
        ("7.4: later, please", Some(500), true, Some(5), later(5_000)),
        ("7.4: later, please", Some(503), false, Some(1), later(1_000)),
        ("7.4: much later", Some(500), true, Some(3_600), Reaction::ByInvite),
        ("7.4: much later", Some(500), false, Some(3_600), Reaction::Refused),
        ("7.4: the same error is not asked for again", Some(500), false, None, Reaction::Refused),
        ("7.3: too short", Some(422), true, None, Reaction::TooShort),
        ("7.4: both at once", Some(491), true, None, Reaction::Crossed),
        ("7.4: both at once", Some(491), false, None, Reaction::Crossed),
        ("7.4: not acceptable", Some(488), false, None, Reaction::Refused),
    ];
    for (section, code, is_update, retry_after_s, expected) in rows {
        let found = reaction(code, is_update, retry_after_s);
        assert_eq!(found, expected, "{section}, {code:?}");
    }
}
