//! B1 to B3: what a call and its coaches cost, and who is not let in for money.

use crate::world::*;
use call::{Authority, Input, LeadProgress, Limits, Output, REP_LEG};
use std::collections::BTreeMap;
use wire::{CoachLegStatus, Code, LedgerKind, LegId, MicroDollars};

/// What was charged so far: each leg's minutes, and the sum of coaching.
fn charged(world: &World) -> (BTreeMap<String, Vec<u32>>, i64) {
    let (mut minutes, mut sum) = (BTreeMap::<String, Vec<u32>>::new(), 0);
    for output in &world.outputs {
        if let Output::Charge(charge) = output {
            let leg = charge.leg_id.to_string();
            minutes.entry(leg).or_default().push(charge.minute);
            if charge.kind == LedgerKind::Coaching {
                sum += charge.price().0;
            }
        }
    }
    (minutes, sum)
}

fn minutes_of(world: &World, leg: &LegId) -> Vec<u32> {
    charged(world).0.remove(leg.as_str()).unwrap_or_default()
}

#[test]
fn b1_a_coach_who_stays_five_minutes_costs_two_cents() {
    let mut world = World::answered();
    world.coach(MORGAN);
    world.pass(300_000);
    world.ok(leave(MORGAN));
    world.pass(300_000);
    let (minutes, sum) = charged(&world);
    assert_eq!(sum, 20_000);
    assert_eq!(minutes[world.last_leg(MORGAN).id.as_str()], [0, 1, 2, 3, 4]);
    // The call itself is charged besides, on the rep's leg and at its own rate.
    assert_eq!(minutes["leg_rep"], (0..10).collect::<Vec<_>>());
}

#[test]
fn b2_each_minute_is_charged_once_it_is_certain_to_have_started() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let leg = world.leg(MORGAN).id.clone();
    assert_eq!(
        minutes_of(&world, &leg),
        [0],
        "the first with the connection"
    );
    for minute in 1..=5 {
        let wake = world.machine.wake_at().expect("the next minute");
        let starts = world.leg(MORGAN).date_connected.unwrap();
        let starts = starts.plus_millis(minute * 60_000);
        assert_eq!(wake, starts.plus_millis(6_001));
        world.now = wake.plus_millis(-1);
        world.ok(Input::TimePassed);
        assert_eq!(
            minutes_of(&world, &leg).len(),
            minute as usize,
            "not before"
        );
        world.now = wake;
        world.ok(Input::TimePassed);
        assert_eq!(minutes_of(&world, &leg).len(), minute as usize + 1);
    }
    // Whoever leaves says so: what has started by then is owed.
    world.pass(53_999);
    assert_eq!(minutes_of(&world, &leg).len(), 6);
    world.pass(2);
    world.ok(leave(MORGAN));
    assert_eq!(minutes_of(&world, &leg).len(), 7);
}

/// What the records of calls and legs say that is owed.
fn owed(world: &World) -> BTreeMap<String, Vec<u32>> {
    let mut minutes = BTreeMap::<String, Vec<u32>>::new();
    for charge in call::owed(&world.machine.record(), 60_000) {
        let leg = charge.leg_id.to_string();
        minutes.entry(leg).or_default().push(charge.minute);
    }
    minutes
}

#[test]
fn b2_a_coach_who_is_lost_pays_until_they_were_last_heard() {
    // The silence begins before, and after, the second minute does.
    for (lost_ms, minutes) in [(64_000, vec![0]), (66_000, vec![0, 1])] {
        let mut world = World::answered();
        let audio = world.coach(MORGAN);
        world.pass(lost_ms);
        world.ok(Input::MediaLost(audio));
        let leg = world.leg(MORGAN).id.clone();
        let heard = world.now.plus_millis(-Limits::default().silence_ms);
        assert_eq!(world.machine.record().coach_legs[0].date_done, None);
        // They do not come back.
        while world.machine.coach_leg(&user(MORGAN)).is_some() {
            world.now = world.machine.wake_at().unwrap();
            world.ok(Input::TimePassed);
        }
        assert_eq!(minutes_of(&world, &leg), minutes, "{lost_ms}");
        assert_eq!(world.last_leg(MORGAN).date_done, Some(heard));
        world.ok(hang_up(REP));
        assert_eq!(charged(&world).0, owed(&world));
    }
}

#[test]
fn b2_a_coach_who_comes_back_pays_for_all_of_it() {
    let mut world = World::answered();
    let audio = world.coach(MORGAN);
    let leg = world.leg(MORGAN).id.clone();
    world.pass(64_000);
    world.ok(Input::MediaLost(audio));
    world.pass(20_000);
    assert_eq!(minutes_of(&world, &leg), [0], "who knows");
    world.ok(Input::MediaConnected(audio));
    assert_eq!(minutes_of(&world, &leg), [0, 1]);
    // Lost once more, and out with the call.
    world.pass(60_000);
    world.ok(Input::MediaLost(audio));
    world.ok(hang_up(REP));
    assert_eq!(minutes_of(&world, &leg), [0, 1, 2]);
    assert_eq!(charged(&world).0, owed(&world));
}

#[test]
fn b2_a_device_that_the_audio_moved_to_pays_once_it_is_heard() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let leg = world.leg(MORGAN).id.clone();
    world.pass(50_000);
    let elsewhere = world.join_input(MORGAN, CASEY, manager());
    world.ok(elsewhere);
    let moved = world.now;
    world.pass(29_999);
    assert_eq!(minutes_of(&world, &leg), [0]);
    world.pass(1);
    assert_eq!(world.last_leg(MORGAN).date_done, Some(moved));
    assert_eq!(minutes_of(&world, &leg), [0]);
}

#[test]
fn b2_a_call_whose_phone_vanishes_is_charged_until_it_was_last_heard() {
    for (is_back, minutes, ended_ms) in [(false, vec![0], 57_000), (true, vec![0, 1], 66_000)] {
        let mut world = World::answered();
        let answered = world.now;
        // The last packet came 3 s before the second minute began.
        world.pass(61_500);
        let silent = Input::Lead(LeadProgress::Unheard { ms_ago: 4_500 });
        world.ok(silent);
        world.pass(4_500);
        if is_back {
            world.ok(Input::Lead(LeadProgress::Heard));
        }
        world.ok(Input::Lead(LeadProgress::Lost));
        let record = world.machine.record();
        assert_eq!(record.date_ended, Some(answered.plus_millis(ended_ms)));
        assert_eq!(i64::try_from(record.duration).unwrap(), ended_ms / 1000);
        assert_eq!(minutes_of(&world, &record.rep_leg_id), minutes);
        assert_eq!(charged(&world).0, owed(&world));
    }
}

#[test]
fn b2_a_call_whose_rep_is_lost_is_charged_until_they_were_last_heard() {
    for (lost_ms, minutes) in [(64_000, vec![0]), (66_000, vec![0, 1])] {
        let mut world = World::answered();
        let coach = world.coach(MORGAN);
        let answered = world.now;
        world.pass(lost_ms);
        world.ok(Input::MediaLost(REP_LEG));
        while !world.machine.is_over() {
            world.now = world.machine.wake_at().unwrap();
            let _ = world.give(Input::TimePassed);
        }
        let record = world.machine.record();
        let heard = answered.plus_millis(lost_ms - Limits::default().silence_ms);
        assert_eq!(record.date_ended, Some(heard));
        assert_eq!(minutes_of(&world, &record.rep_leg_id), minutes);
        // The coach was there all the time.
        assert_eq!(minutes_of(&world, &record.coach_legs[0].id), [0, 1]);
        assert!(world.outputs.contains(&Output::RemoveLeg { leg: coach }));
        assert_eq!(charged(&world).0, owed(&world));
    }
    // A rep whose app is well and who hangs up has said so.
    let mut world = World::answered();
    world.pass(64_000);
    world.ok(Input::MediaLost(REP_LEG));
    world.ok(hang_up(REP));
    let record = world.machine.record();
    assert_eq!(record.date_ended, Some(world.now));
    assert_eq!(minutes_of(&world, &record.rep_leg_id), [0, 1]);
}

#[test]
fn b2_a_coach_who_was_lost_when_the_service_died_pays_no_more() {
    let mut world = World::answered();
    let audio = world.coach(MORGAN);
    world.coach(CASEY);
    world.pass(64_000);
    world.ok(Input::MediaLost(audio));
    world.pass(10_000);
    let record = call::abandoned(world.machine.record(), world.now);
    let done = |at: usize| record.coach_legs[at].date_done.unwrap();
    let silent_ms = 10_000 + Limits::default().silence_ms;
    assert_eq!(done(0), world.now.plus_millis(-silent_ms));
    assert_eq!(done(1), world.now);
}

#[test]
fn b2_a_coach_who_was_never_connected_costs_nothing() {
    let mut world = World::answered();
    let join = world.join_input(MORGAN, MORGAN, manager());
    world.ok(join);
    world.pass(29_000);
    let leg = world.leg(MORGAN).id.clone();
    world.ok(leave(MORGAN));
    assert_eq!(minutes_of(&world, &leg), [0; 0]);
}

#[test]
fn b2_reconnecting_or_moving_devices_continues_the_same_minutes() {
    let mut world = World::answered();
    let audio = world.coach(MORGAN);
    world.pass(50_000);
    world.ok(Input::MediaLost(audio));
    world.pass(20_000);
    assert_eq!(world.leg(MORGAN).status, CoachLegStatus::Reconnecting);
    world.ok(Input::MediaConnected(audio));
    world.pass(20_000);
    let leg = world.leg(MORGAN).id.clone();
    let elsewhere = world.join_input(MORGAN, CASEY, manager());
    world.ok(elsewhere);
    let audio = world.media_leg(MORGAN);
    world.ok(Input::MediaConnected(audio));
    world.pass(40_000);
    assert_eq!(world.leg(MORGAN).id, leg);
    assert_eq!(minutes_of(&world, &leg), [0, 1, 2]);
    assert_eq!(charged(&world).1, 12_000);
}

#[test]
fn b2_whenever_it_is_woken_each_started_minute_is_charged_once() {
    for seed in 0..300_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |bound: i64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % bound as u64) as i64
        };
        let mut world = World::answered_with(
            placed(),
            Limits {
                minute_ms: 1_000,
                ..Limits::default()
            },
        );
        let audio = world.coach(MORGAN);
        for _ in 0..40 {
            world.pass(below(2_500));
            match below(6) {
                0 => drop(world.ok(Input::MediaLost(audio))),
                1 => drop(world.ok(Input::MediaConnected(audio))),
                2 => drop(world.ok(Input::MediaConnected(REP_LEG))),
                _ => {}
            }
        }
        // Who was lost for too long is out already.
        let _ = world.give(leave(MORGAN));
        world.ok(hang_up(REP));
        let leg = world.last_leg(MORGAN);
        let dates = (leg.date_connected.unwrap(), leg.date_done.unwrap());
        let started = usage::minutes_started(dates.0, dates.1, 1_000);
        assert_eq!(
            minutes_of(&world, &leg.id),
            (0..started).collect::<Vec<_>>(),
            "seed {seed}"
        );
        let record = world.machine.record();
        let dates = (record.date_answered.unwrap(), record.date_ended.unwrap());
        let started = usage::minutes_started(dates.0, dates.1, 1_000);
        assert_eq!(
            minutes_of(&world, &record.rep_leg_id),
            (0..started).collect::<Vec<_>>(),
            "seed {seed}"
        );
    }
}

#[test]
fn b3_an_empty_balance_refuses_joins_but_ejects_no_one() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let broke = Authority {
        funds: false,
        ..manager()
    };
    let join = world.join_input(CASEY, CASEY, broke);
    assert_eq!(world.refused(join), Code::InsufficientBalance);
    let seen = world.machine.view(&viewer(CASEY, broke));
    assert_eq!(
        seen.joinability.code,
        Some(Code::InsufficientBalance),
        "the button says so before"
    );
    // Who is on the call is not cut off, may switch, and may take the audio elsewhere.
    world.ok(Input::AuthorityChanged {
        user: user(MORGAN),
        authority: broke,
    });
    world.ok(mode_on(MORGAN, MORGAN, wire::CoachMode::Barge, broke));
    let elsewhere = world.join_input(MORGAN, CASEY, broke);
    world.ok(elsewhere);
    world.pass(10_000);
    assert_eq!(world.leg(MORGAN).status, CoachLegStatus::Connecting);
    // The member's own reason comes first.
    let may_not = Authority {
        funds: false,
        ..nobody()
    };
    let join = world.join_input(CASEY, CASEY, may_not);
    assert_eq!(world.refused(join), Code::PermissionRequired);
    assert_eq!(
        usage::rate_at(LedgerKind::Coaching, world.now),
        MicroDollars(4_000)
    );
}
