//! Calls that come in: they ring, are taken once, and cannot be joined (J1).

use crate::world::*;
use call::{Input, LEAD_LEG, LeadProgress, Limits, Output, Placed, REP_LEG};
use mix::Role;
use wire::{CallStatus, Code, Direction, HangupCause};

fn ringing() -> World {
    let placed = Placed {
        direction: Direction::Inbound,
        ..placed()
    };
    World::placed(placed, Limits::default())
}

fn answer(who: u32) -> Input {
    Input::Answer { user: user(who) }
}

#[test]
fn j1_an_inbound_call_is_answered_once_and_cannot_be_joined() {
    let mut world = ringing();
    assert!(world.outputs.contains(&Output::Receive));
    assert!(!world.outputs.contains(&Output::Dial));
    assert_eq!(world.machine.record().status, CallStatus::Ringing);
    assert!(world.machine.rings_in());
    for _ in 0..2 {
        let join = world.join_input(MORGAN, MORGAN, manager());
        assert_eq!(world.refused(join), Code::InboundCall);
        let seen = world.machine.view(&viewer(MORGAN, manager()));
        assert_eq!(seen.joinability.code, Some(Code::InboundCall));
        if world.machine.rings_in() {
            assert_eq!(world.refused(answer(MORGAN)), Code::PermissionRequired);
            let outputs = world.ok(answer(REP));
            let lead = Output::AddLeg {
                leg: LEAD_LEG,
                role: Role::Lead,
            };
            assert_eq!(
                outputs[..2],
                [Output::PickUp, lead],
                "the lead is picked up before"
            );
        }
    }
    assert_eq!(world.machine.record().status, CallStatus::InProgress);
    assert_eq!(
        world.refused(answer(REP)),
        Code::Conflict,
        "another device took it"
    );
    assert_eq!(world.refused(invite(&[(MORGAN, 1)])), Code::InboundCall);
}

#[test]
fn j5_a_ringing_call_ends_when_declined_given_up_or_timed_out() {
    let mut world = ringing();
    world.ok(hang_up(REP));
    assert_eq!(world.machine.record().status, CallStatus::Cancel);
    assert!(world.outputs.contains(&Output::HangUpLead), "declined");

    let mut world = ringing();
    world.ok(Input::Lead(LeadProgress::HungUp));
    assert_eq!(world.machine.record().status, CallStatus::NoAnswer);
    assert_eq!(world.give(answer(REP)).unwrap_err().code, Code::CallEnded);

    let mut world = ringing();
    world.pass(60_000);
    assert_eq!(
        world.machine.record().hangup_cause,
        Some(HangupCause::NoAnswer)
    );
}

#[test]
fn j5_a_rep_who_never_connects_does_not_keep_the_lead_waiting() {
    let mut world = ringing();
    world.ok(answer(REP));
    world.pass(30_000);
    assert_eq!(
        world.machine.record().hangup_cause,
        Some(HangupCause::RepLost)
    );

    let mut world = ringing();
    world.ok(answer(REP));
    world.ok(Input::MediaConnected(REP_LEG));
    world.pass(30_000);
    assert!(!world.machine.is_over());
    world.ok(hang_up(REP));
    assert_eq!(world.machine.record().status, CallStatus::Completed);
}
