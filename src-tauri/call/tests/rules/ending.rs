//! J5: how a call ends, and what ends with it.

use crate::world::*;
use call::{Input, LEAD_LEG, LeadProgress, Limits, Output, REP_LEG, abandoned};
use mix::Role;
use wire::{
    CallStatus, CoachLegStatus, CoachMode, Code, HangupCause, InvitationStatus, LegEndReason,
};

#[test]
fn j5_when_the_rep_hangs_up_everything_ends() {
    let mut world = World::answered();
    let leg = world.coach(MORGAN);
    world.ok(mode(MORGAN, CoachMode::Barge));
    world.ok(invite(&[(CASEY, 1)]));
    world.pass(12_500);
    let outputs = world.ok(hang_up(REP));
    // The coach learns why it ended before their leg does.
    let first = [
        Output::HangUpLead,
        Output::CallChanged,
        Output::RemoveLeg { leg },
    ];
    assert_eq!(outputs[..3], first);
    let last = [
        Output::RemoveLeg { leg: LEAD_LEG },
        Output::RemoveLeg { leg: REP_LEG },
        Output::Ended(HangupCause::Rep),
    ];
    assert_eq!(outputs[outputs.len() - 3..], last);
    let record = world.machine.record();
    assert_eq!(record.status, CallStatus::Completed);
    assert_eq!(record.duration, 12);
    assert_eq!(record.date_ended, Some(world.now));
    let coach = world.last_leg(MORGAN);
    assert_eq!(coach.status, CoachLegStatus::Done);
    assert_eq!(coach.end_reason, Some(LegEndReason::CallEnded));
    let invitation = world.machine.invitation(&invitation(1)).unwrap();
    assert_eq!(invitation.status, InvitationStatus::Cancelled);
}

#[test]
fn j5_when_the_lead_hangs_up_everything_ends() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let outputs = world.ok(Input::Lead(LeadProgress::HungUp));
    assert!(!outputs.contains(&Output::HangUpLead), "they are gone");
    assert_eq!(outputs.last(), Some(&Output::Ended(HangupCause::Lead)));
    assert!(world.machine.is_over());
}

#[test]
fn j5_a_coach_who_leaves_ends_nothing_else() {
    let mut world = World::answered();
    let leg = world.coach(MORGAN);
    world.coach(CASEY);
    let outputs = world.ok(leave(MORGAN));
    assert_eq!(outputs[0], Output::RemoveLeg { leg });
    assert_eq!(outputs.len(), 2, "{outputs:?}");
    assert!(!world.machine.is_over());
    assert_eq!(world.leg(CASEY).status, CoachLegStatus::Connected);
    assert_eq!(world.refused(leave(MORGAN)), Code::NotFound);
    assert_eq!(world.refused(hang_up(CASEY)), Code::PermissionRequired);
}

#[test]
fn j5_who_comes_again_has_a_new_leg() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let first = world.leg(MORGAN).id.clone();
    world.ok(leave(MORGAN));
    world.coach(MORGAN);
    assert_ne!(world.leg(MORGAN).id, first);
    assert_eq!(world.machine.record().coach_legs.len(), 2);
}

#[test]
fn an_unanswered_call_ends_as_the_line_says() {
    for (signal, status, cause) in [
        (LeadProgress::Busy, CallStatus::Busy, HangupCause::Busy),
        (
            LeadProgress::NoAnswer,
            CallStatus::NoAnswer,
            HangupCause::NoAnswer,
        ),
        (
            LeadProgress::Unreachable,
            CallStatus::Failed,
            HangupCause::Unreachable,
        ),
        (
            LeadProgress::Declined,
            CallStatus::Busy,
            HangupCause::Declined,
        ),
        (
            LeadProgress::Failed,
            CallStatus::Failed,
            HangupCause::NetworkFailed,
        ),
        (
            LeadProgress::Lost,
            CallStatus::Failed,
            HangupCause::LeadLost,
        ),
        (
            LeadProgress::HungUp,
            CallStatus::NoAnswer,
            HangupCause::Lead,
        ),
    ] {
        let mut world = World::placed(placed(), Limits::default());
        let outputs = world.ok(Input::Lead(signal));
        assert!(!outputs.contains(&Output::RemoveLeg { leg: LEAD_LEG }));
        let record = world.machine.record();
        assert_eq!((record.status, record.hangup_cause), (status, Some(cause)));
        assert_eq!((record.duration, record.date_answered), (0, None));
    }
}

#[test]
fn early_media_is_heard_by_the_rep_alone() {
    let mut world = World::placed(placed(), Limits::default());
    let early = world.ok(Input::Lead(LeadProgress::EarlyMedia));
    let added = Output::AddLeg {
        leg: LEAD_LEG,
        role: Role::Lead,
    };
    assert!(early.contains(&added), "{early:?}");
    assert!(!early.contains(&Output::Answered));
    assert_eq!(world.machine.record().status, CallStatus::Ringing);
    let join = world.join_input(MORGAN, 1, manager());
    // M7: no one else is in the call before the answer.
    world.refused(join);
    let again = world.ok(Input::Lead(LeadProgress::EarlyMedia));
    assert!(!again.contains(&added));
    let answered = world.ok(Input::Lead(LeadProgress::Answered));
    assert!(!answered.contains(&added));
    assert!(answered.contains(&Output::Answered));
    assert_eq!(world.machine.record().status, CallStatus::InProgress);
}

#[test]
fn early_media_without_an_answer_ends_with_the_call() {
    let mut world = World::placed(placed(), Limits::default());
    world.ok(Input::Lead(LeadProgress::EarlyMedia));
    let outputs = world.ok(Input::Lead(LeadProgress::Declined));
    assert!(outputs.contains(&Output::RemoveLeg { leg: LEAD_LEG }));
    let record = world.machine.record();
    assert_eq!(record.hangup_cause, Some(HangupCause::Declined));
    assert_eq!((record.status, record.duration), (CallStatus::Busy, 0));
}

#[test]
fn losing_the_phone_ends_an_answered_call() {
    let mut world = World::placed(placed(), Limits::default());
    world.ok(Input::Lead(LeadProgress::Answered));
    world.ok(Input::Lead(LeadProgress::Lost));
    let record = world.machine.record();
    assert_eq!(record.status, CallStatus::Completed);
    assert_eq!(record.hangup_cause, Some(HangupCause::LeadLost));
}

#[test]
fn a_rep_who_hangs_up_a_ringing_phone_cancels() {
    let mut world = World::placed(placed(), Limits::default());
    world.ok(Input::Lead(LeadProgress::Ringing));
    let outputs = world.ok(hang_up(REP));
    assert!(outputs.contains(&Output::HangUpLead));
    assert_eq!(world.machine.record().status, CallStatus::Cancel);
}

#[test]
fn a_phone_rings_for_60_s() {
    let mut world = World::placed(placed(), Limits::default());
    world.ok(Input::Lead(LeadProgress::Ringing));
    assert_eq!(world.machine.wake_at(), Some(world.now.plus_millis(60_000)));
    assert_eq!(world.pass(59_999), []);
    let outputs = world.pass(1);
    assert_eq!(outputs[0], Output::HangUpLead);
    assert_eq!(world.machine.record().status, CallStatus::NoAnswer);
}

#[test]
fn a_rep_who_is_lost_for_30_s_ends_the_call() {
    let mut world = World::answered();
    world.ok(Input::MediaLost(REP_LEG));
    world.pass(20_000);
    world.ok(Input::MediaConnected(REP_LEG));
    world.pass(20_000);
    world.ok(Input::MediaLost(REP_LEG));
    world.pass(10_000);
    world.ok(Input::MediaLost(REP_LEG));
    world.pass(19_999);
    assert!(!world.machine.is_over());
    let outputs = world.pass(1);
    assert_eq!(outputs[0], Output::HangUpLead);
    assert_eq!(outputs.last(), Some(&Output::Ended(HangupCause::RepLost)));
}

#[test]
fn a_lead_who_answered_waits_30_s_for_a_rep_who_never_connected() {
    let mut world = World::placed(placed(), Limits::default());
    world.pass(50_000);
    world.ok(Input::Lead(LeadProgress::Answered));
    world.pass(29_999);
    assert!(!world.machine.is_over());
    world.pass(1);
    let cause = world.machine.record().hangup_cause;
    assert_eq!(cause, Some(HangupCause::RepLost));
}

#[test]
fn a_service_that_stops_tells_every_coach() {
    let mut world = World::answered();
    world.coach(MORGAN);
    world.ok(Input::ServiceStopping);
    let reason = world.last_leg(MORGAN).end_reason;
    assert_eq!(reason, Some(LegEndReason::ServiceStopped));
    let cause = world.machine.record().hangup_cause;
    assert_eq!(cause, Some(HangupCause::ServiceStopped));
}

#[test]
fn whatever_comes_late_is_refused_as_call_ended() {
    let mut world = World::answered();
    let leg = world.coach(MORGAN);
    world.ok(hang_up(REP));
    let before = world.outputs.len();
    let join = world.join_input(CASEY, 2, manager());
    for input in [
        join,
        hang_up(REP),
        mode(MORGAN, CoachMode::Listen),
        leave(MORGAN),
        Input::MediaLost(leg),
        Input::Lead(LeadProgress::Answered),
        Input::TimePassed,
        invite(&[(CASEY, 9)]),
        Input::ServiceStopping,
    ] {
        assert_eq!(world.refused(input), Code::CallEnded);
    }
    assert_eq!(world.outputs.len(), before);
    assert_eq!(world.machine.wake_at(), None);
}

#[test]
fn an_input_that_comes_after_the_deadline_finds_the_call_over() {
    let mut world = World::placed(placed(), Limits::default());
    world.now = world.now.plus_millis(61_000);
    let refusal = world.give(Input::Lead(LeadProgress::Answered)).unwrap_err();
    assert_eq!(refusal.code, Code::CallEnded);
    assert_eq!(world.machine.record().status, CallStatus::NoAnswer);
}

#[test]
fn setting_back_the_clock_keeps_the_history_in_order() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let before = world.now;
    world.now = world.now.plus_millis(-5_000);
    world.ok(mode(MORGAN, CoachMode::Whisper));
    let line = world.leg(MORGAN).participation_history.last().unwrap();
    assert_eq!(line.timestamp, before);
}

#[test]
fn calls_left_by_a_dead_service_are_closed() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let later = world.now.plus_millis(9_000);
    let record = abandoned(world.machine.record(), later);
    assert_eq!(record.status, CallStatus::Completed);
    assert_eq!(record.hangup_cause, Some(HangupCause::ServiceStopped));
    assert_eq!(record.coach_legs[0].date_done, Some(later));
    assert_eq!(abandoned(record.clone(), later.plus_millis(1)), record);
}

#[test]
fn j5_everyone_is_told_when_the_rep_is_lost_and_when_they_are_back() {
    let mut world = World::answered();
    world.coach(MORGAN);
    for reconnecting in [true, false] {
        let input = if reconnecting {
            Input::MediaLost(REP_LEG)
        } else {
            Input::MediaConnected(REP_LEG)
        };
        let outputs = world.ok(input);
        assert_eq!(outputs, [Output::CallChanged]);
        assert_eq!(world.machine.record().rep_reconnecting, reconnecting);
    }
    // Nor is it said of a call that has ended.
    world.ok(Input::MediaLost(REP_LEG));
    world.ok(hang_up(REP));
    assert!(!world.machine.record().rep_reconnecting);
}
