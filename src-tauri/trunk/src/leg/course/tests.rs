use super::*;

const LIMITS: Limits = Limits {
    response_ms: 4_000,
    ringing_ms: 20_000,
    servers: 1,
};

fn drained(course: &mut Course) -> Vec<Output> {
    std::iter::from_fn(|| course.poll()).collect()
}

fn after(course: &mut Course, now: u64, input: Input) -> Vec<Output> {
    course.handle(now, input);
    drained(course)
}

/// A course over so many trunks whose first INVITE is out.
fn calling(trunks: usize) -> Course {
    let mut course = Course::dial(0, vec![LIMITS; trunks]);
    let invite = Output::Invite {
        trunk: 0,
        redirected: false,
    };
    assert_eq!(drained(&mut course), [invite]);
    course
}

fn up(session: Option<SessionTimer>) -> Course {
    let mut course = calling(1);
    let answered = after(&mut course, 0, Input::Answered(session));
    assert_eq!(answered, [Output::Signal(LeadSignal::Answered)]);
    course
}

fn ended(signal: LeadSignal) -> Vec<Output> {
    vec![Output::Signal(signal), Output::Over]
}

const RINGS: Input = Input::Provisional {
    code: 180,
    media: false,
};

#[test]
fn ringing_and_the_answer_are_reported_once() {
    let mut course = calling(2);
    let trying = Input::Provisional {
        code: 100,
        media: false,
    };
    assert_eq!(after(&mut course, 10, trying), []);
    assert_eq!(
        after(&mut course, 20, RINGS),
        [Output::Signal(LeadSignal::Ringing)]
    );
    assert_eq!(after(&mut course, 30, RINGS), []);
    assert_eq!(
        course.wake_at(),
        None,
        "who rings is the call's own concern"
    );
    assert_eq!(
        after(&mut course, 40, Input::Answered(None)),
        [Output::Signal(LeadSignal::Answered)]
    );
    assert_eq!(
        after(&mut course, 50, Input::Ended),
        ended(LeadSignal::HungUp)
    );
    assert_eq!(after(&mut course, 60, Input::HangUp), []);
}

#[test]
fn early_media_is_reported_once_and_counts_as_ringing() {
    let mut course = calling(1);
    let early = Input::Provisional {
        code: 183,
        media: true,
    };
    assert_eq!(
        after(&mut course, 5, early),
        [
            Output::Signal(LeadSignal::Ringing),
            Output::Signal(LeadSignal::EarlyMedia)
        ]
    );
    assert_eq!(after(&mut course, 6, early), []);
}

#[test]
fn each_sip_status_has_a_meaning_for_people() {
    for (code, signal) in [
        (486, LeadSignal::Busy),
        (600, LeadSignal::Busy),
        (480, LeadSignal::NoAnswer),
        (603, LeadSignal::Declined),
        (404, LeadSignal::Unreachable),
        (604, LeadSignal::Unreachable),
        (500, LeadSignal::Failed),
        (503, LeadSignal::Failed),
        (403, LeadSignal::Failed),
        (407, LeadSignal::Failed),
        (488, LeadSignal::Failed),
    ] {
        let mut course = calling(1);
        assert_eq!(
            after(&mut course, 9, Input::refused(code)),
            ended(signal),
            "{code}"
        );
    }
}

#[test]
fn trunks_are_tried_in_order_until_none_is_left() {
    let mut course = calling(3);
    let invite = |trunk| Output::Invite {
        trunk,
        redirected: false,
    };
    assert_eq!(after(&mut course, 10, Input::refused(503)), [invite(1)]);
    assert_eq!(after(&mut course, 20, Input::Unreached), [invite(2)]);
    assert_eq!(
        after(&mut course, 30, Input::refused(407)),
        ended(LeadSignal::Failed)
    );
}

#[test]
fn a_trunk_that_never_answers_or_never_rings_is_given_up() {
    let mut course = calling(2);
    assert_eq!(course.wake_at(), Some(4_000));
    assert_eq!(after(&mut course, 3_999, Input::Timer), []);
    let next = Output::Invite {
        trunk: 1,
        redirected: false,
    };
    assert_eq!(
        after(&mut course, 4_000, Input::Timer),
        [Output::Cancel, next]
    );
    let trying = Input::Provisional {
        code: 100,
        media: false,
    };
    assert_eq!(after(&mut course, 4_100, trying), []);
    assert_eq!(course.wake_at(), Some(24_000));
    let mut last = vec![Output::Cancel];
    last.extend(ended(LeadSignal::Failed));
    assert_eq!(after(&mut course, 24_000, Input::Timer), last);
}

#[test]
fn a_phone_that_rang_does_not_ring_again_over_another_trunk() {
    let mut course = calling(2);
    after(&mut course, 10, RINGS);
    assert_eq!(
        after(&mut course, 20, Input::refused(503)),
        ended(LeadSignal::Failed)
    );
    let mut course = calling(2);
    after(&mut course, 10, RINGS);
    assert_eq!(
        after(&mut course, 20, Input::refused(408)),
        ended(LeadSignal::NoAnswer)
    );
}

#[test]
fn a_loop_of_redirections_ends() {
    let mut course = calling(1);
    let elsewhere = Input::Refused {
        code: 302,
        redirect: true,
        longer: false,
    };
    let mut followed = 0;
    for now in 0..100 {
        for output in after(&mut course, now, elsewhere) {
            followed += u32::from(matches!(
                output,
                Output::Invite {
                    redirected: true,
                    ..
                }
            ));
        }
    }
    assert_eq!(followed, REDIRECTS_MAX);
    assert_eq!(after(&mut course, 200, elsewhere), [], "it is over");
    let mut course = calling(1);
    assert_eq!(
        after(&mut course, 1, Input::refused(302)),
        ended(LeadSignal::Failed),
        "elsewhere is not the trunk's own"
    );
}

#[test]
fn a_longer_session_is_agreed_to_once() {
    let mut course = calling(1);
    let longer = Input::Refused {
        code: 422,
        redirect: false,
        longer: true,
    };
    let again = Output::Invite {
        trunk: 0,
        redirected: false,
    };
    assert_eq!(after(&mut course, 1, longer), [again]);
    assert_eq!(after(&mut course, 2, longer), ended(LeadSignal::Failed));
}

#[test]
fn hanging_up_cancels_a_ringing_call_and_ends_an_answered_one() {
    let mut course = calling(1);
    assert_eq!(
        after(&mut course, 1, Input::HangUp),
        [Output::Cancel, Output::Over]
    );
    let mut course = up(None);
    assert_eq!(
        after(&mut course, 1, Input::HangUp),
        [Output::Bye, Output::Over]
    );
    let mut course = Course::receive();
    assert_eq!(
        after(&mut course, 1, Input::HangUp),
        [Output::Reject(603), Output::Over]
    );
}

#[test]
fn an_inbound_call_is_answered_once_and_ends_with_its_caller() {
    let mut course = Course::receive();
    assert_eq!(after(&mut course, 1, Input::PickUp), [Output::Accept]);
    assert_eq!(after(&mut course, 2, Input::PickUp), []);
    assert_eq!(after(&mut course, 3, Input::Answered(None)), []);
    assert_eq!(
        after(&mut course, 4, Input::Ended),
        ended(LeadSignal::HungUp)
    );
    let mut course = Course::receive();
    assert_eq!(
        after(&mut course, 1, Input::Ended),
        ended(LeadSignal::HungUp)
    );
}

#[test]
fn a_vanished_phone_is_reported_in_ten_seconds() {
    let mut course = up(None);
    let quiet = |ms_ago| Input::Heard { ms_ago };
    assert_eq!(after(&mut course, 4_000, quiet(4_000)), []);
    assert_eq!(after(&mut course, 4_500, quiet(4_500)), [Output::Probe]);
    assert_eq!(after(&mut course, 5_000, quiet(5_000)), [], "asked once");
    const { assert!(SILENCE_MAX_MS + 500 + PROBE_MS < 10_000) };
    let mut lost = vec![Output::Bye];
    lost.extend(ended(LeadSignal::Lost));
    assert_eq!(
        after(&mut course, 8_500, Input::Probed { alive: false }),
        lost
    );
}

#[test]
fn a_silent_phone_is_probed_again_and_stays() {
    let mut course = up(None);
    let mut asked = 0;
    for now in (0..60_000).step_by(500) {
        for output in after(&mut course, now, Input::Heard { ms_ago: now }) {
            assert_eq!(output, Output::Probe);
            asked += 1;
            after(&mut course, now, Input::Probed { alive: true });
        }
    }
    assert!((10..=14).contains(&asked), "{asked}");
}

#[test]
fn a_session_is_refreshed_and_ends_as_rfc_4028_section_10_says() {
    // The interval, whose it is, and when it is refreshed and ends, in seconds.
    for (expires_s, ours, renew_s, end_s) in [
        (90, true, Some(45), 60),
        (90, false, None, 60),
        (96, true, Some(48), 64),
        (1_800, true, Some(900), 1_768),
        (1_800, false, None, 1_768),
    ] {
        let timer = SessionTimer { expires_s, ours };
        let mut course = up(Some(timer));
        if let Some(renew_s) = renew_s {
            assert_eq!(course.wake_at(), Some(renew_s * 1_000), "{timer:?}");
            assert_eq!(after(&mut course, renew_s * 1_000 - 1, Input::Timer), []);
            assert_eq!(
                after(&mut course, renew_s * 1_000, Input::Timer),
                [Output::Renew]
            );
            assert_eq!(after(&mut course, renew_s * 1_000 + 1, Input::Timer), []);
        }
        // Without a 2xx nothing is extended.
        assert_eq!(course.wake_at(), Some(end_s * 1_000), "{timer:?}");
        assert_eq!(after(&mut course, end_s * 1_000 - 1, Input::Timer), []);
        let mut lost = vec![Output::Bye];
        lost.extend(ended(LeadSignal::Lost));
        assert_eq!(after(&mut course, end_s * 1_000, Input::Timer), lost);
    }
}

#[test]
fn each_2xx_extends_the_session_on_its_own_terms() {
    let timer = |expires_s, ours| Some(SessionTimer { expires_s, ours });
    let mut course = up(timer(90, false));
    // 10: theirs in time.
    after(&mut course, 50_000, Input::Refreshed(timer(90, false)));
    assert_eq!(course.wake_at(), Some(110_000));
    // 9: it becomes ours.
    after(&mut course, 60_000, Input::Refreshed(timer(120, true)));
    assert_eq!(course.wake_at(), Some(120_000));
    assert_eq!(after(&mut course, 120_000, Input::Timer), [Output::Renew]);
    after(&mut course, 120_500, Input::Refreshed(timer(120, true)));
    assert_eq!(course.wake_at(), Some(180_500));
    // 7.2: turned off.
    after(&mut course, 130_000, Input::Refreshed(None));
    assert_eq!(course.wake_at(), None);
    assert_eq!(after(&mut course, 10_000_000, Input::Timer), []);
}

#[test]
fn a_refresh_put_off_is_tried_again_before_the_session_ends() {
    let mut course = up(Some(SessionTimer {
        expires_s: 90,
        ours: true,
    }));
    assert_eq!(after(&mut course, 45_000, Input::Timer), [Output::Renew]);
    after(&mut course, 45_100, Input::RenewLater { after_ms: 5_000 });
    assert_eq!(course.wake_at(), Some(50_100));
    assert_eq!(after(&mut course, 50_100, Input::Timer), [Output::Renew]);
    after(&mut course, 50_200, Input::RenewLater { after_ms: 60_000 });
    assert_eq!(course.wake_at(), Some(60_000), "the end comes first");
}

#[test]
fn a_call_the_other_side_does_not_know_ends_at_once() {
    let mut course = up(None);
    let mut lost = vec![Output::Bye];
    lost.extend(ended(LeadSignal::Lost));
    assert_eq!(after(&mut course, 10, Input::Gone), lost);
}

#[test]
fn whatever_comes_in_whatever_order_it_ends_once_and_stays_over() {
    for seed in 0..2_000_u64 {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = move |n: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % n
        };
        let mut course = if next(4) == 0 {
            Course::receive()
        } else {
            Course::dial(0, vec![LIMITS; 1 + next(3) as usize])
        };
        let mut outputs = drained(&mut course);
        let mut now = 0;
        for _ in 0..60 {
            now += next(3_000);
            let input = match next(12) {
                0 => Input::Provisional {
                    code: 100 + next(84) as u16,
                    media: next(2) == 0,
                },
                1 => Input::Answered(Some(SessionTimer {
                    expires_s: 90,
                    ours: next(2) == 0,
                })),
                2 => Input::Refused {
                    code: 300 + next(400) as u16,
                    redirect: next(2) == 0,
                    longer: next(2) == 0,
                },
                3 => Input::Unreached,
                4 => Input::Ended,
                5 => Input::Refreshed(Some(SessionTimer {
                    expires_s: 90,
                    ours: next(2) == 0,
                })),
                6 => Input::Heard {
                    ms_ago: next(9_000),
                },
                7 => Input::Probed { alive: next(4) > 0 },
                8 if next(8) == 0 => Input::Gone,
                8 => Input::RenewLater {
                    after_ms: next(9_000),
                },
                9 => Input::HangUp,
                10 => Input::PickUp,
                _ => Input::Timer,
            };
            outputs.extend(after(&mut course, now, input));
        }
        let overs = outputs.iter().filter(|o| **o == Output::Over).count();
        assert!(overs <= 1, "seed {seed}: {outputs:?}");
        if overs == 1 {
            assert_eq!(outputs.last(), Some(&Output::Over), "seed {seed}");
        }
        let answers = outputs
            .iter()
            .filter(|o| **o == Output::Signal(LeadSignal::Answered))
            .count();
        assert!(answers <= 1, "seed {seed}");
    }
}

#[test]
fn after_a_silent_server_comes_the_next_then_the_next_trunk() {
    let limits = Limits {
        servers: 2,
        ..LIMITS
    };
    let invite = |trunk| Output::Invite {
        trunk,
        redirected: false,
    };
    let begun = || {
        let mut course = Course::dial(0, vec![limits, LIMITS]);
        assert_eq!(drained(&mut course), [invite(0)]);
        course
    };
    let mut course = begun();
    let late = after(&mut course, 4_000, Input::Timer);
    assert_eq!(late, [Output::Cancel, Output::Shun, invite(0)]);
    let refused = after(&mut course, 4_100, Input::refused(503));
    assert_eq!(refused, [Output::Shun, invite(1)]);
    assert_eq!(
        after(&mut course, 4_200, Input::Unreached),
        ended(LeadSignal::Failed)
    );
    // Who answers, if only to refuse, is spoken with.
    let mut course = begun();
    assert_eq!(after(&mut course, 10, Input::refused(403)), [invite(1)]);
    let mut course = begun();
    let trying = Input::Provisional {
        code: 100,
        media: false,
    };
    assert_eq!(after(&mut course, 10, trying), []);
    let late = after(&mut course, 20_000, Input::Timer);
    assert_eq!(late, [Output::Cancel, invite(1)]);
}
