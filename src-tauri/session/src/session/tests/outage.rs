//! What the user does while the service can't be reached, and what they are told meanwhile.

use std::time::Duration;

use mix::Mode;
use wire::{
    CallStatus, CoachMode, Code, HangupCause, InvitationStatus, LegEndReason, ParticipationAction,
};

use super::world::{World, call, call_id, invitation, leg};
use crate::*;

fn unreachable() -> Result<Reply, Failure> {
    Err(Failure::unreachable("timeout"))
}

fn is_hang_up(request: &Request) -> bool {
    matches!(request, Request::HangUp(_))
}

fn is_mode(request: &Request) -> bool {
    matches!(request, Request::Mode(..))
}

/// The service stops answering: the newest request of this kind is lost, then the connections.
fn outage(world: &mut World, is: impl Fn(&Request) -> bool) {
    let (id, _) = world.asked(is);
    world.answer(id, unreachable());
    world.input(Input::SocketClosed { jitter: 0.0 });
    world.outputs.clear();
}

#[test]
fn a_hang_up_in_an_outage_is_asked_again_until_it_is_answered() {
    let mut world = World::calling();
    let command = world.command(Command::HangUp);
    assert!(!world.open, "the sound ends at once");
    let (id, _) = world.asked(is_hang_up);
    world.answer(id, unreachable());
    assert!(world.said(|notice| *notice == Notice::Postponed(Request::HangUp(call_id()))));
    assert_eq!(world.finished(command), None);
    world.input(Input::SocketClosed { jitter: 0.0 });
    world.outputs.clear();
    world.welcome(true);
    let (id, _) = world.asked(is_hang_up);
    // It is said once that it is still to come.
    world.answer(id, unreachable());
    assert!(!world.said(|notice| matches!(notice, Notice::Postponed(_))));
    world.outputs.clear();
    world.pass(Duration::from_secs(3));
    let (id, _) = world.asked(is_hang_up);
    world.answer(id, Ok(Reply::Done));
    assert_eq!(world.finished(command), Some(&Ok(Reply::Done)));
    world.outputs.clear();
    world.welcome(true);
    world.pass(Duration::from_secs(60));
    assert!(
        world.asked_all(is_hang_up).is_empty(),
        "once it is answered it is done"
    );
}

#[test]
fn a_call_that_is_already_over_counts_as_hung_up() {
    for code in [Code::CallEnded, Code::NotFound] {
        let mut world = World::calling();
        let command = world.command(Command::HangUp);
        let (id, _) = world.asked(is_hang_up);
        world.answer(id, Err(Failure::refused(code, "over")));
        assert_eq!(world.finished(command), Some(&Ok(Reply::Done)));
    }
}

#[test]
fn hang_up_can_be_pressed_again_while_the_call_is_ending() {
    let mut world = World::calling();
    let first = world.command(Command::HangUp);
    let second = world.command(Command::HangUp);
    let asked = world.asked_all(is_hang_up);
    assert_eq!(asked.len(), 2);
    assert!(
        world.finished(first).is_some(),
        "the second stands for both"
    );
    world.answer(asked[0].0, unreachable());
    assert_eq!(world.finished(second), None);
    world.answer(asked[1].0, Ok(Reply::Done));
    assert_eq!(world.finished(second), Some(&Ok(Reply::Done)));
}

#[test]
fn a_call_that_cannot_be_hung_up_is_over_here_and_the_service_is_told_later() {
    let mut world = World::calling();
    world.command(Command::HangUp);
    outage(&mut world, is_hang_up);
    world.pass(Duration::from_secs(6));
    assert_eq!(world.session.view().my_call, None);
    assert!(world.session.view().calls.is_empty());
    assert!(world.said(
        |notice| matches!(notice, Notice::MyCallEnded(call) if call.hangup_cause == Some(HangupCause::Rep))
    ));
    // Nothing begins before the service knows that this has ended.
    let again = world.command(Command::Join {
        call_id: call_id(),
        invitation_id: None,
    });
    assert!(world.finished(again).unwrap().is_err());
    world.outputs.clear();
    world.welcome(true);
    let (id, _) = world.asked(is_hang_up);
    world.answer(id, Ok(Reply::Done));
    world.command(Command::Join {
        call_id: call_id(),
        invitation_id: None,
    });
    world.asked(|request| matches!(request, Request::Join(..)));
}

#[test]
fn what_the_service_never_takes_is_given_up_after_two_minutes() {
    let mut world = World::calling();
    let command = world.command(Command::HangUp);
    for _ in 0..200 {
        for (id, _) in world.asked_all(is_hang_up) {
            world.answer(id, unreachable());
        }
        world.pass(Duration::from_secs(1));
    }
    assert!(world.finished(command).unwrap().is_err());
}

#[test]
fn the_newest_of_two_switches_is_told_after_an_outage() {
    for (older, newer) in [
        (Command::Hold(true), Command::Hold(false)),
        (
            Command::PauseRecording(true),
            Command::PauseRecording(false),
        ),
    ] {
        let mut world = World::calling();
        let is_switch =
            |request: &Request| matches!(request, Request::Hold(..) | Request::PauseRecording(..));
        world.command(older);
        outage(&mut world, is_switch);
        let newer = world.command(newer);
        outage(&mut world, is_switch);
        world.welcome(true);
        let asked = world.asked_all(is_switch);
        assert_eq!(asked.len(), 1, "{asked:?}");
        let (id, request) = &asked[0];
        let is_off = matches!(
            request,
            Request::Hold(_, false) | Request::PauseRecording(_, false)
        );
        assert!(is_off, "{request:?}");
        world.answer(*id, Ok(Reply::Done));
        assert_eq!(world.finished(newer), Some(&Ok(Reply::Done)));
    }
}

#[test]
fn m4_a_mute_and_a_leave_in_an_outage_hold_at_once() {
    let mut world = World::calling();
    world.command(Command::Mute(true));
    assert!(!world.open);
    outage(&mut world, |request| matches!(request, Request::Mute(..)));
    world.welcome(true);
    world.asked(|request| matches!(request, Request::Mute(_, true)));

    let mut world = World::coaching();
    world.command(Command::Leave);
    assert_eq!(world.session.view().coaching, None);
    let left = EndReason::Leg(LegEndReason::Left);
    assert!(world.said(|notice| *notice == Notice::CoachingEnded(call_id(), left)));
    outage(&mut world, |request| matches!(request, Request::Leave(_)));
    world.welcome(true);
    world.asked(|request| matches!(request, Request::Leave(_)));
}

#[test]
fn w3_a_declined_invitation_is_gone_at_once_and_told_when_possible() {
    let mut world = World::online();
    let open = invitation(InvitationStatus::Open);
    world.event(wire::Event::InvitationChanged {
        invitation: Box::new(open.clone()),
    });
    let is_decline = |request: &Request| matches!(request, Request::Decline(_));
    let command = world.command(Command::Decline(open.id.clone()));
    assert!(world.session.view().invitations.is_empty());
    outage(&mut world, is_decline);
    world.welcome(true);
    let (id, _) = world.asked(is_decline);
    // It has expired meanwhile.
    world.answer(id, Err(Failure::refused(Code::InviteExpired, "expired")));
    assert_eq!(world.finished(command), Some(&Ok(Reply::Done)));
}

#[test]
fn m3_a_mode_asked_for_in_an_outage_is_stamped_once_the_service_confirms_it() {
    let mut world = World::coaching();
    let command = world.mode(Mode::Whisper);
    let media = world.media.unwrap();
    outage(&mut world, is_mode);
    world.input(Input::Media(media, MediaInput::Lost { jitter: 0.0 }));
    world.pass(Duration::from_secs(3));
    assert_eq!(world.stamp, Mode::Listen);
    assert!(
        world.asked_all(is_mode).is_empty(),
        "the leg is not known yet"
    );
    let under_way = |world: &World| {
        let coaching = world.session.view().coaching.clone();
        coaching.unwrap().mode_under_way()
    };
    assert_eq!(under_way(&world), Some(CoachMode::Whisper), "it is shown");
    world.welcome(true);
    world.connect_media();
    let (id, _) = world.asked(|request| matches!(request, Request::Call(_)));
    let now = call("rep", CallStatus::InProgress, vec![leg(Mode::Listen, 1)]);
    world.answer(id, Ok(Reply::Call(Box::new(now))));
    let (id, request) = world.asked(is_mode);
    assert_eq!(request, Request::Mode(call_id(), CoachMode::Whisper));
    assert_eq!(world.stamp, Mode::Listen);
    let granted = Reply::CoachLeg(Box::new(leg(Mode::Whisper, 2)));
    world.answer(id, Ok(granted.clone()));
    assert_eq!(world.stamp, Mode::Whisper);
    assert_eq!(world.finished(command), Some(&Ok(granted)));
}

#[test]
fn m3_listen_takes_back_a_mode_asked_for_in_an_outage() {
    let mut world = World::coaching();
    let barge = world.mode(Mode::Barge);
    outage(&mut world, is_mode);
    world.mode(Mode::Listen);
    assert!(world.finished(barge).unwrap().is_ok());
    world.welcome(true);
    let (id, _) = world.asked(|request| matches!(request, Request::Call(_)));
    // The service had taken it in, though its answer was lost.
    let now = call("rep", CallStatus::InProgress, vec![leg(Mode::Barge, 1)]);
    world.answer(id, Ok(Reply::Call(Box::new(now))));
    assert_eq!(world.stamp, Mode::Listen);
    let (_, request) = world.asked(is_mode);
    assert_eq!(request, Request::Mode(call_id(), CoachMode::Listen));
}

#[test]
fn keys_that_could_not_be_pressed_are_not_pressed_later() {
    let mut world = World::calling();
    let is_dtmf = |request: &Request| matches!(request, Request::Dtmf(..));
    let command = world.command(Command::Dtmf("5".into()));
    let (id, _) = world.asked(is_dtmf);
    world.answer(id, unreachable());
    assert!(world.finished(command).unwrap().is_err());
    world.outputs.clear();
    world.welcome(true);
    assert!(world.asked_all(is_dtmf).is_empty());
}

#[test]
fn what_is_owed_to_a_call_is_dropped_when_the_call_is_over() {
    let mut world = World::calling();
    let command = world.command(Command::Hold(true));
    let is_hold = |request: &Request| matches!(request, Request::Hold(..));
    let (id, _) = world.asked(is_hold);
    world.answer(id, unreachable());
    world.event(wire::Event::CallChanged {
        call: Box::new(call("me", CallStatus::Completed, vec![])),
    });
    assert_eq!(world.finished(command), Some(&Ok(Reply::Done)));
    world.outputs.clear();
    world.welcome(true);
    world.pass(Duration::from_secs(10));
    assert!(world.asked_all(is_hold).is_empty());
}

#[test]
fn a_long_outage_says_that_the_call_has_probably_ended() {
    for mut world in [World::calling(), World::coaching()] {
        let media = world.media.unwrap();
        world.input(Input::SocketClosed { jitter: 0.0 });
        world.input(Input::Media(media, MediaInput::Lost { jitter: 0.0 }));
        world.pass(Duration::from_secs(29));
        assert_eq!(world.session.view().media, MediaStatus::Reconnecting);
        world.pass(Duration::from_secs(2));
        assert_eq!(world.session.view().media, MediaStatus::Lost);
        assert!(world.said(|notice| *notice == Notice::Media(MediaStatus::Lost)));
        // A service that can be reached says itself what became of the call.
        world.welcome(false);
        assert_eq!(world.session.view().media, MediaStatus::Reconnecting);
        world.connect_media();
        assert_eq!(world.session.view().media, MediaStatus::Connected);
    }
}

#[test]
fn an_outage_is_shown_and_not_said_once_more_for_each_request() {
    let mut world = World::coaching();
    world.welcome(false);
    let load = world.asked_all(|request| {
        matches!(request, Request::Users | Request::Me | Request::ActiveCalls)
    });
    assert!(load.len() >= 3);
    for (id, _) in load {
        world.answer(id, unreachable());
    }
    assert!(!world.said(|notice| matches!(notice, Notice::Trouble(_))));
}

#[test]
fn a_leg_that_is_over_is_told_with_its_reason_and_nothing_else() {
    let mut world = World::coaching();
    let media = world.media.unwrap();
    world.input(Input::Media(media, MediaInput::Lost { jitter: 0.0 }));
    world.pass(Duration::from_secs(1));
    let media = world.media.unwrap();
    world.input(Input::Media(media, MediaInput::Offered("offer".into())));
    let (id, _) = world.asked(|request| matches!(request, Request::Media(..)));
    world.outputs.clear();
    world.answer(
        id,
        Err(Failure::refused(Code::NotFound, "not on this call")),
    );
    let (id, _) = world.asked(|request| matches!(request, Request::Call(_)));
    let mut done = leg(Mode::Listen, 1);
    done.status = wire::CoachLegStatus::Done;
    done.end_reason = Some(LegEndReason::ConnectionLost);
    if let Some(last) = done.participation_history.last_mut() {
        last.action = ParticipationAction::Left;
    }
    let now = call("rep", CallStatus::InProgress, vec![done]);
    world.answer(id, Ok(Reply::Call(Box::new(now))));
    let lost = EndReason::Leg(LegEndReason::ConnectionLost);
    assert!(world.said(|notice| *notice == Notice::CoachingEnded(call_id(), lost)));
    assert!(!world.said(|notice| matches!(notice, Notice::Trouble(_))));
}

#[test]
fn j5_a_coach_learns_why_the_call_ended() {
    let mut world = World::coaching();
    let mut ended = call("rep", CallStatus::Completed, vec![]);
    ended.hangup_cause = Some(HangupCause::RepLost);
    world.event(wire::Event::CallChanged {
        call: Box::new(ended),
    });
    let reason = EndReason::Call(Some(HangupCause::RepLost));
    assert!(world.said(|notice| *notice == Notice::CoachingEnded(call_id(), reason)));
}

#[test]
fn a_hang_up_that_waits_is_told_before_the_user_is_signed_out() {
    let mut world = World::calling();
    world.command(Command::HangUp);
    outage(&mut world, is_hang_up);
    world.command(Command::SignOut);
    let hang_up = world.position(|output| matches!(output, Output::Http(_, Request::HangUp(_))));
    let (id, _) = world.asked(is_hang_up);
    world.answer(id, Ok(Reply::Done));
    let sign_out = world.position(|output| matches!(output, Output::Http(_, Request::SignOut)));
    assert!(hang_up < sign_out);
    assert_eq!(world.session.view().user_id, None::<wire::UserId>);
}
