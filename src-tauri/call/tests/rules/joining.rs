//! J1 to J4, A1, M1: who gets in, and how.

use crate::world::*;
use call::{Input, Join, LeadProgress, Limits, Output, Placed};
use mix::Role;
use wire::{
    CoachLegStatus, CoachMode, Code, Direction, LegId, ParticipationAction, PhoneNumberKind, Plan,
};

#[test]
fn j1_an_inbound_call_cannot_be_joined() {
    let inbound = Placed {
        direction: Direction::Inbound,
        ..placed()
    };
    let mut world = World::answered_with(inbound, Limits::default());
    assert!(!world.outputs.contains(&Output::Dial));
    let join = world.join_input(MORGAN, 1, manager());
    assert_eq!(world.refused(join), Code::InboundCall);
}

#[test]
fn j1_only_calls_from_internal_numbers_can_be_joined() {
    for kind in [PhoneNumberKind::External, PhoneNumberKind::Virtual] {
        let other = Placed {
            local_phone_type: kind,
            ..placed()
        };
        let mut world = World::answered_with(other, Limits::default());
        let join = world.join_input(MORGAN, 1, manager());
        assert_eq!(world.refused(join), Code::ExternalNumber, "{kind:?}");
    }
}

#[test]
fn j1_an_unanswered_call_cannot_be_joined() {
    let mut world = World::placed(placed(), Limits::default());
    let join = world.join_input(MORGAN, 1, manager());
    assert_eq!(world.refused(join.clone()), Code::CallEnded);
    world.ok(Input::Lead(LeadProgress::Ringing));
    assert_eq!(world.refused(join.clone()), Code::CallEnded);
    world.ok(Input::Lead(LeadProgress::Answered));
    world.ok(join);
}

#[test]
fn j2_rep_and_lead_count_and_the_next_is_refused() {
    let mut world = World::answered();
    for who in 1..=98 {
        world.coach(who);
    }
    let join = world.join_input(99, 99, manager());
    assert_eq!(world.refused(join.clone()), Code::CallFull);
    world.ok(leave(5));
    world.ok(join);
}

#[test]
fn j2_a_reconnecting_leg_holds_its_place_for_30_s() {
    let limits = Limits {
        party_max: 3,
        ..Limits::default()
    };
    let mut world = World::answered_with(placed(), limits);
    let leg = world.coach(MORGAN);
    world.ok(Input::MediaLost(leg));
    world.pass(29_999);
    let join = world.join_input(CASEY, 2, manager());
    assert_eq!(world.refused(join.clone()), Code::CallFull);
    world.pass(1);
    world.ok(join);
}

#[test]
fn j2_a_full_call_can_still_be_moved_to_another_device() {
    let limits = Limits {
        party_max: 3,
        ..Limits::default()
    };
    let mut world = World::answered_with(placed(), limits);
    world.coach(MORGAN);
    let join = world.join_input(MORGAN, 11, manager());
    world.ok(join);
    assert_eq!(world.leg(MORGAN).device_id, device(11));
}

#[test]
fn j2_everyone_is_told_when_a_call_gets_full_and_has_room_again() {
    let limits = Limits {
        party_max: 4,
        ..Limits::default()
    };
    let mut world = World::answered_with(placed(), limits);
    let first = world.join_input(MORGAN, 1, manager());
    assert!(!world.ok(first).contains(&Output::CallChanged));
    let second = world.join_input(CASEY, 2, manager());
    assert!(world.ok(second).contains(&Output::CallChanged));
    let left = world.ok(leave(CASEY));
    assert!(left.contains(&Output::CallChanged));
}

#[test]
fn j3_the_plan_decides_whatever_the_role_says() {
    for (plan, allowed) in [
        (Plan::Startup, false),
        (Plan::Professional, false),
        (Plan::BusinessLegacy, true),
        (Plan::Enterprise, true),
    ] {
        let mut world = World::answered();
        let join = world.join_input(MORGAN, 1, call::Authority { plan, ..manager() });
        if allowed {
            world.ok(join);
        } else {
            assert_eq!(world.refused(join), Code::PlanRequired, "{plan:?}");
        }
    }
}

#[test]
fn j4_a_rep_cannot_coach_their_own_call() {
    let mut world = World::answered();
    let join = world.join_input(REP, 7, manager());
    assert_eq!(world.refused(join), Code::OwnCall);
}

#[test]
fn j4_a_second_join_moves_the_audio_and_falls_to_listen() {
    let mut world = World::answered();
    let old = world.coach(MORGAN);
    world.ok(mode(MORGAN, CoachMode::Barge));
    let id = world.leg(MORGAN).id.clone();
    let join = world.join_input(MORGAN, 11, manager());
    let outputs = world.ok(join);
    let new = world.media_leg(MORGAN);
    assert_ne!(old, new);
    assert_eq!(
        outputs[..2],
        [
            Output::RemoveLeg { leg: old },
            Output::AddLeg {
                leg: new,
                role: Role::Coach
            }
        ]
    );
    let leg = world.leg(MORGAN);
    assert_eq!(leg.id, id, "the leg is the same");
    assert_eq!(leg.device_id, device(11));
    assert_eq!(leg.mode, CoachMode::Listen);
    assert_eq!(leg.status, CoachLegStatus::Connecting);
    assert_eq!(world.machine.record().coach_legs.len(), 1);
    assert_eq!(
        world.actions(MORGAN),
        [
            ParticipationAction::Listen,
            ParticipationAction::Barge,
            ParticipationAction::MovedDevice,
            ParticipationAction::Listen,
        ]
    );
    // What the old device's connection still says is nothing to the new one's.
    assert_eq!(world.ok(Input::MediaLost(old)), []);
    assert_eq!(world.ok(Input::MediaConnected(old)), []);
}

#[test]
fn j4_a_muted_coach_stays_muted_on_the_new_device() {
    let mut world = World::answered();
    world.coach(MORGAN);
    world.ok(Input::SetMuted {
        user: user(MORGAN),
        device: device(1),
        muted: true,
    });
    let join = world.join_input(MORGAN, 11, manager());
    let outputs = world.ok(join);
    let leg = world.media_leg(MORGAN);
    assert!(outputs.contains(&Output::SetMuted { leg, muted: true }));
}

#[test]
fn j4_retrying_a_join_changes_nothing_but_the_mode() {
    let mut world = World::answered();
    let leg = world.coach(MORGAN);
    let join = world.join_input(MORGAN, 1, manager());
    assert_eq!(world.ok(join.clone()), []);
    world.ok(mode(MORGAN, CoachMode::Whisper));
    world.ok(join);
    assert_eq!(world.leg(MORGAN).mode, CoachMode::Listen);
    assert_eq!(world.media_leg(MORGAN), leg);
}

#[test]
fn j4_only_the_device_that_has_the_audio_gets_media() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let join = world.join_input(MORGAN, 11, manager());
    world.ok(join);
    let from = |on| world.machine.media_leg(&user(MORGAN), &device(on));
    assert!(from(11).is_ok());
    assert_eq!(from(1).unwrap_err().code, Code::Conflict);
    let stranger = world.machine.media_leg(&user(SAM), &device(3));
    assert_eq!(stranger.unwrap_err().code, Code::NotFound);
}

#[test]
fn j4_a_device_that_lost_the_audio_can_do_nothing_but_join() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let join = world.join_input(MORGAN, 11, manager());
    world.ok(join);
    world.ok(mode_on(MORGAN, 11, CoachMode::Barge, manager()));
    let mute = |muted| Input::SetMuted {
        user: user(MORGAN),
        device: device(1),
        muted,
    };
    for input in [
        mute(true),
        mute(false),
        mode_on(MORGAN, 1, CoachMode::Listen, manager()),
        mode_on(MORGAN, 1, CoachMode::Whisper, manager()),
        mode_on(MORGAN, 1, CoachMode::Barge, manager()),
        leave_on(MORGAN, 1),
    ] {
        assert_eq!(world.refused(input.clone()), Code::Conflict, "{input:?}");
    }
    world.ok(leave_on(MORGAN, 11));
}

#[test]
fn a1_without_listen_nobody_gets_in() {
    let mut world = World::answered();
    let join = world.join_input(SAM, 3, nobody());
    assert_eq!(world.refused(join), Code::PermissionRequired);
    let inactive = call::Authority {
        active: false,
        ..manager()
    };
    let join = world.join_input(SAM, 3, inactive);
    assert_eq!(world.refused(join), Code::PermissionRequired);
}

#[test]
fn a1_barge_implies_listen() {
    let barge_only =
        call::Authority::new(true, &[wire::Permission::CallCoachBarge], Plan::Enterprise);
    let mut world = World::answered();
    let join = world.join_input(MORGAN, 1, barge_only);
    world.ok(join);
}

#[test]
fn m1_a_coach_enters_in_listen() {
    let mut world = World::answered();
    let join = Input::Join(Join {
        user: user(MORGAN),
        device: device(1),
        authority: manager(),
        leg: LegId::from_suffix("x").unwrap(),
        invitation: None,
    });
    let outputs = world.ok(join);
    assert!(
        !outputs
            .iter()
            .any(|output| matches!(output, Output::SetGrant { .. })),
        "Listen is what a leg has without a grant"
    );
    assert_eq!(world.leg(MORGAN).mode, CoachMode::Listen);
    assert_eq!(world.actions(MORGAN), [ParticipationAction::Listen]);
}
