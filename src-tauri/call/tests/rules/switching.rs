//! M1, A2: modes, mutes, holds and keys; what is taken away; lost connections.

use crate::world::*;
use call::{Digits, HISTORY_LINES_MAX, Input, Limits, Output, REP_LEG};
use mix::{GrantCause, Mode};
use wire::{CoachLegStatus, CoachMode, Code, HangupCause, LegEndReason, ParticipationAction, Plan};

fn granted(outputs: &[Output]) -> Vec<(Mode, GrantCause)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::SetGrant { mode, cause, .. } => Some((*mode, *cause)),
            _ => None,
        })
        .collect()
}

#[test]
fn m1_the_mode_is_changed_as_often_as_wanted() {
    let mut world = World::answered();
    world.coach(MORGAN);
    for (wanted, grant) in [
        (CoachMode::Whisper, Mode::Whisper),
        (CoachMode::Barge, Mode::Barge),
        (CoachMode::Whisper, Mode::Whisper),
        (CoachMode::Listen, Mode::Listen),
        (CoachMode::Barge, Mode::Barge),
    ] {
        let outputs = world.ok(mode(MORGAN, wanted));
        assert_eq!(granted(&outputs), [(grant, GrantCause::Asked)]);
        assert_eq!(world.leg(MORGAN).mode, wanted);
    }
    assert_eq!(world.ok(mode(MORGAN, CoachMode::Barge)), [], "said twice");
}

#[test]
fn a1_a_trainee_may_not_speak() {
    let mut world = World::answered();
    let join = world.join_input(SAM, 3, trainee());
    world.ok(join);
    for wanted in [CoachMode::Whisper, CoachMode::Barge] {
        let input = mode_on(SAM, 3, wanted, trainee());
        assert_eq!(world.refused(input), Code::PermissionRequired);
    }
    world.ok(mode_on(SAM, 3, CoachMode::Listen, trainee()));
}

#[test]
fn a2_each_mode_change_checks_the_role_again() {
    let mut world = World::answered();
    world.coach(MORGAN);
    world.ok(mode(MORGAN, CoachMode::Whisper));
    let wider = mode_on(MORGAN, 1, CoachMode::Barge, trainee());
    assert_eq!(world.refused(wider), Code::PermissionRequired);
    let downgraded = call::Authority {
        plan: Plan::Startup,
        ..manager()
    };
    let wider = mode_on(MORGAN, 1, CoachMode::Barge, downgraded);
    assert_eq!(world.refused(wider), Code::PlanRequired);
    // Listen is never refused.
    world.ok(mode_on(MORGAN, 1, CoachMode::Listen, nobody()));
}

#[test]
fn j4_only_the_device_with_the_audio_switches() {
    let mut world = World::answered();
    world.coach(MORGAN);
    world.ok(mode(MORGAN, CoachMode::Whisper));
    for wanted in [CoachMode::Listen, CoachMode::Whisper, CoachMode::Barge] {
        let elsewhere = mode_on(MORGAN, 11, wanted, manager());
        assert_eq!(world.refused(elsewhere), Code::Conflict, "{wanted:?}");
    }
    world.ok(mode(MORGAN, CoachMode::Listen));
}

#[test]
fn a2_losing_barge_moves_the_coach_to_listen_at_once() {
    let mut world = World::answered();
    world.coach(MORGAN);
    world.ok(mode(MORGAN, CoachMode::Barge));
    let outputs = world.ok(Input::AuthorityChanged {
        user: user(MORGAN),
        authority: trainee(),
    });
    assert_eq!(granted(&outputs), [(Mode::Listen, GrantCause::Revoked)]);
    assert_eq!(world.leg(MORGAN).mode, CoachMode::Listen);
    assert_eq!(
        world.actions(MORGAN).last(),
        Some(&ParticipationAction::MovedToListen)
    );
    // Who listens anyway is not moved.
    let again = world.ok(Input::AuthorityChanged {
        user: user(MORGAN),
        authority: trainee(),
    });
    assert_eq!(again, []);
}

#[test]
fn a2_losing_more_puts_the_coach_out_and_says_why() {
    let deactivated = call::Authority {
        active: false,
        ..manager()
    };
    let downgraded = call::Authority {
        plan: Plan::Professional,
        ..manager()
    };
    for (authority, reason) in [
        (nobody(), LegEndReason::PermissionRevoked),
        (deactivated, LegEndReason::Deactivated),
        (downgraded, LegEndReason::PlanChanged),
    ] {
        let mut world = World::answered();
        let leg = world.coach(MORGAN);
        let other = world.coach(CASEY);
        let outputs = world.ok(Input::AuthorityChanged {
            user: user(MORGAN),
            authority,
        });
        assert_eq!(outputs[0], Output::RemoveLeg { leg });
        assert_eq!(outputs.len(), 2, "nobody else is touched: {outputs:?}");
        assert_eq!(world.last_leg(MORGAN).end_reason, Some(reason));
        assert_eq!(world.last_leg(MORGAN).date_done, Some(world.now));
        assert_eq!(world.media_leg(CASEY), other);
        assert!(!world.machine.is_over());
    }
}

#[test]
fn a2_a_downgraded_plan_ends_all_coaching_and_not_the_call() {
    let mut world = World::answered();
    world.coach(MORGAN);
    world.coach(CASEY);
    world.ok(Input::PlanChanged(Plan::BusinessLegacy));
    assert_eq!(world.leg(CASEY).status, CoachLegStatus::Connected);
    world.ok(Input::PlanChanged(Plan::Startup));
    for who in [MORGAN, CASEY] {
        let reason = world.last_leg(who).end_reason;
        assert_eq!(reason, Some(LegEndReason::PlanChanged));
    }
    assert!(!world.machine.is_over());
}

#[test]
fn a2_only_deactivating_the_rep_ends_the_call() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let change = |authority| Input::AuthorityChanged {
        user: user(REP),
        authority,
    };
    assert_eq!(world.ok(change(nobody())), []);
    let deactivated = call::Authority {
        active: false,
        ..nobody()
    };
    world.ok(change(deactivated));
    let record = world.machine.record();
    assert_eq!(record.hangup_cause, Some(HangupCause::RepLost));
}

#[test]
fn a_lost_coach_is_in_the_narrowest_mode_until_they_ask_again() {
    let mut world = World::answered();
    let leg = world.coach(MORGAN);
    world.ok(mode(MORGAN, CoachMode::Barge));
    let outputs = world.ok(Input::MediaLost(leg));
    assert_eq!(granted(&outputs), [(Mode::Listen, GrantCause::Revoked)]);
    assert_eq!(world.leg(MORGAN).status, CoachLegStatus::Reconnecting);
    assert_eq!(
        world.refused(mode(MORGAN, CoachMode::Whisper)),
        Code::Conflict
    );
    world.pass(29_999);
    world.ok(Input::MediaConnected(leg));
    assert_eq!(world.leg(MORGAN).status, CoachLegStatus::Connected);
    assert_eq!(world.leg(MORGAN).mode, CoachMode::Listen);
    assert_eq!(
        world.actions(MORGAN)[2..],
        [
            ParticipationAction::ConnectionLost,
            ParticipationAction::Listen,
            ParticipationAction::Reconnected
        ]
    );
    world.ok(mode(MORGAN, CoachMode::Whisper));
    world.pass(600_000);
    assert_eq!(world.leg(MORGAN).mode, CoachMode::Whisper);
}

#[test]
fn a_lost_coach_is_out_after_30_s_and_so_is_one_who_never_came() {
    let mut world = World::answered();
    let leg = world.coach(MORGAN);
    let join = world.join_input(CASEY, 2, manager());
    world.ok(join);
    world.ok(Input::MediaLost(leg));
    assert_eq!(world.machine.wake_at(), Some(world.now.plus_millis(30_000)));
    world.pass(30_000);
    for who in [MORGAN, CASEY] {
        let reason = world.last_leg(who).end_reason;
        assert_eq!(reason, Some(LegEndReason::ConnectionLost));
    }
    // What is left is to charge the next minute of the call itself.
    let answered = world.machine.record().date_answered.unwrap();
    assert_eq!(world.machine.wake_at(), Some(answered.plus_millis(66_001)));
    assert_eq!(world.last_leg(CASEY).date_connected, None);
}

#[test]
fn m1_a_new_connection_of_a_leg_begins_in_listen() {
    let mut world = World::answered();
    let leg = world.coach(MORGAN);
    let offered = |widest| Input::MediaOffered {
        leg,
        device: device(1),
        widest,
    };
    assert_eq!(world.ok(offered(Mode::Barge)), []);
    world.ok(mode(MORGAN, CoachMode::Whisper));
    let outputs = world.ok(offered(Mode::Barge));
    assert_eq!(granted(&outputs), [(Mode::Listen, GrantCause::Revoked)]);
    assert_eq!(world.leg(MORGAN).mode, CoachMode::Listen);
}

#[test]
fn m3_a_connection_that_cannot_tell_the_modes_apart_cannot_barge() {
    let mut world = World::answered();
    let leg = world.coach(MORGAN);
    let offered = |widest| Input::MediaOffered {
        leg,
        device: device(1),
        widest,
    };
    world.ok(offered(Mode::Whisper));
    assert_eq!(
        world.refused(mode(MORGAN, CoachMode::Barge)),
        Code::Conflict
    );
    world.ok(mode(MORGAN, CoachMode::Whisper));
    assert_eq!(
        world.refused(mode(MORGAN, CoachMode::Barge)),
        Code::Conflict
    );
    assert_eq!(world.leg(MORGAN).mode, CoachMode::Whisper);
    // Only after a new offer.
    world.ok(offered(Mode::Barge));
    world.ok(mode(MORGAN, CoachMode::Barge));
    assert_eq!(world.leg(MORGAN).mode, CoachMode::Barge);
}

#[test]
fn a_rep_mutes_themself_and_a_coach_themself_only() {
    let mut world = World::answered();
    let leg = world.coach(MORGAN);
    let mute = |who, on, muted| Input::SetMuted {
        user: user(who),
        device: device(on),
        muted,
    };
    let outputs = world.ok(mute(REP, 0, true));
    let muted = Output::SetMuted {
        leg: REP_LEG,
        muted: true,
    };
    assert_eq!(outputs, [muted, Output::CallChanged]);
    assert_eq!(world.ok(mute(REP, 0, true)), []);
    let outputs = world.ok(mute(MORGAN, 1, true));
    assert_eq!(outputs[0], Output::SetMuted { leg, muted: true });
    assert_eq!(world.refused(mute(MORGAN, 11, false)), Code::Conflict);
    world.ok(mute(MORGAN, 1, false));
    assert_eq!(world.refused(mute(SAM, 3, true)), Code::NotFound);
    assert_eq!(
        world.actions(MORGAN)[1..],
        [ParticipationAction::Muted, ParticipationAction::Unmuted]
    );
}

fn microphone(who: u32, on: u32, trouble: bool) -> Input {
    Input::SetMicrophoneTrouble {
        user: user(who),
        device: device(on),
        trouble,
    }
}

fn offered(leg: mix::LegNumber, on: u32) -> Input {
    Input::MediaOffered {
        leg,
        device: device(on),
        widest: Mode::Barge,
    }
}

#[test]
fn others_see_whose_microphone_does_not_work_until_it_does_or_they_leave() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let outputs = world.ok(microphone(MORGAN, 1, true));
    let leg = world.leg(MORGAN).clone();
    assert!(leg.microphone_trouble);
    assert_eq!(outputs, [Output::CoachLegChanged(Box::new(leg))]);
    assert_eq!(world.ok(microphone(MORGAN, 1, true)), [], "it is said once");
    world.ok(microphone(MORGAN, 1, false));
    assert!(!world.leg(MORGAN).microphone_trouble);
    assert_eq!(world.actions(MORGAN).len(), 1, "no line of the history");

    world.ok(microphone(MORGAN, 1, true));
    world.ok(leave_on(MORGAN, 1));
    assert!(!world.last_leg(MORGAN).microphone_trouble);
    // An app that was started again says anew what is wrong, if anything.
    world.coach(MORGAN);
    world.ok(microphone(MORGAN, 1, true));
    let join = world.join_input(MORGAN, 1, manager());
    world.ok(join);
    assert!(!world.leg(MORGAN).microphone_trouble);
}

#[test]
fn only_the_device_with_the_audio_says_that_its_microphone_does_not_work() {
    let mut world = World::answered();
    world.coach(MORGAN);
    assert_eq!(world.refused(microphone(MORGAN, 11, true)), Code::Conflict);
    assert_eq!(world.refused(microphone(SAM, 3, true)), Code::NotFound);
    // The rep's is the one that offered it last.
    assert_eq!(world.refused(microphone(REP, 0, true)), Code::Conflict);
    world.ok(offered(REP_LEG, 0));
    assert_eq!(world.refused(microphone(REP, 10, true)), Code::Conflict);
    let outputs = world.ok(microphone(REP, 0, true));
    assert_eq!(outputs, [Output::CallChanged]);
    assert!(world.machine.record().microphone_trouble);
    assert_eq!(world.ok(offered(REP_LEG, 0)), [], "the same one goes on");
    world.ok(offered(REP_LEG, 10));
    assert!(!world.machine.record().microphone_trouble);
    world.ok(microphone(REP, 10, true));
    world.ok(hang_up(REP));
    assert!(!world.machine.record().microphone_trouble, "it is over");
}

#[test]
fn only_the_rep_holds_presses_keys_and_only_once_answered() {
    let mut world = World::placed(placed(), Limits::default());
    let hold = |who, held| Input::SetHeld {
        user: user(who),
        held,
    };
    assert_eq!(world.refused(hold(REP, true)), Code::CallEnded);
    assert_eq!(world.refused(dtmf(REP, "1")), Code::CallEnded);
    let mut world = World::answered();
    world.coach(MORGAN);
    assert_eq!(world.refused(hold(MORGAN, true)), Code::PermissionRequired);
    assert_eq!(world.refused(dtmf(MORGAN, "1")), Code::PermissionRequired);
    let held = world.ok(hold(REP, true));
    assert_eq!(held, [Output::SetHeld(true), Output::CallChanged]);
    assert_eq!(world.ok(hold(REP, true)), []);
    let keys = Digits::parse("12#*AD").unwrap();
    assert_eq!(world.ok(dtmf(REP, "12#*AD")), [Output::SendDtmf(keys)]);
}

#[test]
fn keys_are_bounded_and_not_printed() {
    for bad in ["", "12a", "E", "1 2", "é", &"1".repeat(33)] {
        let refusal = Digits::parse(bad).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidRequest, "{bad}");
    }
    assert!(!format!("{:?}", dtmf(REP, "4111")).contains("4111"));
}

#[test]
fn a_history_keeps_the_newest_lines() {
    let mut world = World::answered();
    world.coach(MORGAN);
    for _ in 0..HISTORY_LINES_MAX {
        world.ok(mode(MORGAN, CoachMode::Whisper));
        world.now = world.now.plus_millis(1);
        world.ok(mode(MORGAN, CoachMode::Barge));
    }
    let history = &world.leg(MORGAN).participation_history;
    assert_eq!(history.len(), HISTORY_LINES_MAX);
    assert_eq!(history.last().unwrap().action, ParticipationAction::Barge);
    assert_eq!(history.last().unwrap().timestamp, world.now);
}
