//! One course of events a test.

use std::time::Duration;

use mix::Mode;
use wire::{
    CallStatus, ClientMessage, CoachLegStatus, Code, Event, InvitationStatus, LegEndReason,
    ServerMessage,
};

use super::world::{World, call, call_id, invitation, leg, user};
use crate::*;

fn refused(code: Code) -> Result<Reply, Failure> {
    Err(Failure::refused(code, "no"))
}

fn granted(mode: Mode, changes: usize) -> Result<Reply, Failure> {
    Ok(Reply::CoachLeg(Box::new(leg(mode, changes))))
}

fn is_mode(request: &Request) -> bool {
    matches!(request, Request::Mode(..))
}

#[test]
fn m1_m4_a_coach_enters_in_listen_with_the_microphone_closed() {
    let world = World::coaching();
    assert_eq!(world.stamp, Mode::Listen);
    assert!(!world.open);
    assert_eq!(world.session.view().audience, Some(Audience::Nobody));
}

#[test]
fn m3_a_widening_is_stamped_only_once_it_is_confirmed() {
    let mut world = World::coaching();
    let command = world.mode(Mode::Barge);
    assert_eq!(world.stamp, Mode::Listen);
    let coaching = world.session.view().coaching.clone().unwrap();
    assert_eq!(coaching.mode_under_way(), Some(wire::CoachMode::Barge));
    assert_eq!(coaching.mode(), wire::CoachMode::Listen);
    let (id, _) = world.asked(is_mode);
    world.answer(id, granted(Mode::Barge, 1));
    assert_eq!(world.stamp, Mode::Barge);
    assert!(world.open);
    assert!(world.finished(command).unwrap().is_ok());
    assert_eq!(world.session.view().audience, Some(Audience::Everybody));
}

#[test]
fn m3_a_narrowing_is_stamped_before_it_is_told() {
    let mut world = World::coaching();
    world.mode(Mode::Barge);
    let (id, _) = world.asked(is_mode);
    world.answer(id, granted(Mode::Barge, 1));
    world.outputs.clear();
    world.mode(Mode::Whisper);
    let stamped = world.position(|o| *o == Output::Stamp(Mode::Whisper));
    let told = world.position(|o| matches!(o, Output::Http(_, Request::Mode(..))));
    assert!(stamped < told);
}

#[test]
fn a_refused_widening_leaves_the_mode_as_it_was() {
    let mut world = World::coaching();
    let command = world.mode(Mode::Whisper);
    let (id, _) = world.asked(is_mode);
    world.answer(id, refused(Code::PermissionRequired));
    assert_eq!(world.stamp, Mode::Listen);
    let failure = world.finished(command).unwrap().clone().unwrap_err();
    assert_eq!(failure.code, Some(Code::PermissionRequired));
    let coaching = world.session.view().coaching.as_ref().unwrap();
    assert_eq!(coaching.mode_under_way(), None);
}

#[test]
fn a_switch_that_a_newer_one_replaces_is_no_failure() {
    let mut world = World::coaching();
    let barge = world.mode(Mode::Barge);
    let whisper = world.mode(Mode::Whisper);
    let listen = world.mode(Mode::Listen);
    assert!(world.finished(whisper).unwrap().is_ok(), "never asked for");
    let (id, _) = world.asked(is_mode);
    world.answer(id, Err(Failure::unreachable("the network")));
    assert!(world.finished(barge).unwrap().is_ok(), "never answered");
    assert_eq!(world.finished(listen), None);
    assert_eq!(world.stamp, Mode::Listen);
}

#[test]
fn a2_a_permission_taken_away_narrows_at_once() {
    let mut world = World::coaching();
    world.mode(Mode::Barge);
    let (id, _) = world.asked(is_mode);
    world.answer(id, granted(Mode::Barge, 1));
    world.leg_event(leg(Mode::Listen, 2));
    assert_eq!(world.stamp, Mode::Listen);
    assert!(!world.open);
    // Nor does it come back by itself.
    world.leg_event(leg(Mode::Barge, 3));
    assert_eq!(world.stamp, Mode::Listen);
}

#[test]
fn m3_a_lost_socket_narrows_until_the_leg_is_read_anew() {
    let mut world = World::coaching();
    world.mode(Mode::Whisper);
    let (id, _) = world.asked(is_mode);
    world.answer(id, granted(Mode::Whisper, 1));
    world.input(Input::SocketClosed { jitter: 0.0 });
    assert_eq!(world.stamp, Mode::Listen);
    assert!(!world.open);
    world.pass(Duration::from_secs(1));
    world.welcome(true);
    assert_eq!(world.stamp, Mode::Listen);
    let (id, _) = world.asked(|request| matches!(request, Request::Call(_)));
    let now = call("rep", CallStatus::InProgress, vec![leg(Mode::Whisper, 1)]);
    world.answer(id, Ok(Reply::Call(Box::new(now))));
    assert_eq!(world.stamp, Mode::Whisper);
    assert!(world.open);
}

#[test]
fn m1_the_answer_to_an_offer_tells_in_which_mode_the_leg_came_back() {
    let mut world = World::coaching();
    world.mode(Mode::Whisper);
    let (id, _) = world.asked(is_mode);
    world.answer(id, granted(Mode::Whisper, 1));
    assert_eq!(world.stamp, Mode::Whisper);
    let media = world.media.unwrap();
    world.input(Input::Media(media, MediaInput::Lost { jitter: 0.0 }));
    assert_eq!(world.stamp, Mode::Listen);
    world.pass(Duration::from_secs(1));
    world.outputs.clear();
    let media = world.media.unwrap();
    world.input(Input::Media(media, MediaInput::Offered("offer".into())));
    let (id, _) = world.asked(|request| matches!(request, Request::Media(..)));
    let came_back = Some(Box::new(leg(Mode::Listen, 2)));
    let answer = Reply::MediaAnswer("answer".into(), came_back);
    world.answer(id, Ok(answer));
    world.input(Input::Media(media, MediaInput::Connected));
    // Nothing is in doubt any more, so nothing has to be read.
    let coaching = world.session.view().coaching.as_ref().unwrap();
    assert!(!coaching.in_doubt());
    assert_eq!(coaching.leg.mode, wire::CoachMode::Listen);
    let read = world.asked_all(|request| matches!(request, Request::Call(_)));
    assert!(read.is_empty(), "{read:?}");
    world.mode(Mode::Whisper);
    let (id, _) = world.asked(is_mode);
    world.answer(id, granted(Mode::Whisper, 3));
    assert_eq!(world.stamp, Mode::Whisper);
}

#[test]
fn lost_media_is_made_again_with_a_growing_wait() {
    let mut world = World::coaching();
    let first = world.media.unwrap();
    world.input(Input::Media(first, MediaInput::Lost { jitter: 1.0 }));
    assert_eq!(world.session.view().media, MediaStatus::Reconnecting);
    world.pass(Duration::from_millis(400));
    assert_eq!(world.media, None);
    world.pass(Duration::from_millis(200));
    let second = world.media.unwrap();
    assert!(second > first);
    world.input(Input::Media(second, MediaInput::Lost { jitter: 1.0 }));
    world.pass(Duration::from_millis(900));
    assert_eq!(world.media, None);
    world.pass(Duration::from_millis(200));
    // However often it fails: there are 30 s to come back in, and each try may take some of them.
    for _ in 0..10 {
        let media = world.media.unwrap();
        world.input(Input::Media(media, MediaInput::Lost { jitter: 1.0 }));
        world.pass(Duration::from_secs(2));
    }
    world.connect_media();
    assert_eq!(world.session.view().media, MediaStatus::Connected);
    // What is said of an earlier attempt is passed over.
    world.input(Input::Media(first, MediaInput::Lost { jitter: 1.0 }));
    assert_eq!(world.session.view().media, MediaStatus::Connected);
}

#[test]
fn w5_a_rep_speaks_to_everybody_and_goes_on_when_only_the_socket_is_lost() {
    let mut world = World::calling();
    assert_eq!(world.stamp, Mode::Barge);
    assert!(world.open);
    world.leg_event(leg(Mode::Whisper, 1));
    let my_call = world.session.view().my_call.clone().unwrap();
    assert_eq!(my_call.call.coach_legs.len(), 1);
    world.input(Input::SocketClosed { jitter: 0.5 });
    assert!(world.open);
}

#[test]
fn mute_holds_at_once_and_unmute_once_confirmed() {
    let mut world = World::calling();
    world.command(Command::Mute(true));
    assert!(!world.open);
    world.command(Command::Mute(false));
    assert!(!world.open);
    let asked = world.asked_all(|request| matches!(request, Request::Mute(..)));
    world.answer(asked[1].0, Ok(Reply::Done));
    assert!(world.open);
    // The answer to the older one changes nothing any more.
    world.answer(asked[0].0, Ok(Reply::Done));
    assert!(world.open);
}

#[test]
fn j5_the_end_of_the_call_ends_the_coaching() {
    let mut world = World::coaching();
    let ended = call("rep", CallStatus::Completed, vec![]);
    world.event(Event::CallChanged {
        call: Box::new(ended),
    });
    assert!(world.session.view().coaching.is_none());
    assert!(world.outputs.contains(&Output::MediaEnd));
    let reason = EndReason::Call(None);
    assert!(world.said(|notice| *notice == Notice::CoachingEnded(call_id(), reason)));
}

#[test]
fn j4_the_coaching_moves_to_another_device() {
    let mut world = World::coaching();
    let mut moved = leg(Mode::Listen, 1);
    moved.device_id = wire::DeviceId::from_suffix("other").unwrap();
    world.leg_event(moved);
    assert!(
        world
            .said(|notice| { *notice == Notice::CoachingEnded(call_id(), EndReason::MovedDevice) })
    );
}

#[test]
fn a_leg_that_is_over_ends_the_coaching_with_its_reason() {
    let mut world = World::coaching();
    let waiting = world.mode(Mode::Barge);
    let mut done = leg(Mode::Listen, 1);
    done.status = CoachLegStatus::Done;
    done.end_reason = Some(LegEndReason::Deactivated);
    world.leg_event(done);
    assert!(world.finished(waiting).unwrap().is_err());
    assert!(!world.open);
}

#[test]
fn w3_an_invitation_ends_by_itself_after_its_time() {
    let mut world = World::online();
    world.event(Event::InvitationChanged {
        invitation: Box::new(invitation(InvitationStatus::Open)),
    });
    world.pass(Duration::from_secs(59));
    assert_eq!(world.session.view().invitations.len(), 1);
    world.pass(Duration::from_secs(2));
    assert!(world.session.view().invitations.is_empty());
    assert!(world.said(|notice| matches!(
        notice,
        Notice::InvitationEnded(invitation) if invitation.status == InvitationStatus::Expired
    )));
}

#[test]
fn w3_a_cancelled_invitation_is_gone() {
    let mut world = World::online();
    for status in [InvitationStatus::Open, InvitationStatus::Cancelled] {
        world.event(Event::InvitationChanged {
            invitation: Box::new(invitation(status)),
        });
    }
    assert!(world.session.view().invitations.is_empty());
}

#[test]
fn a_lost_socket_goes_on_after_the_last_event_seen() {
    let mut world = World::online();
    world.event(Event::CallChanged {
        call: Box::new(call("rep", CallStatus::InProgress, vec![])),
    });
    world.input(Input::SocketClosed { jitter: 1.0 });
    assert_eq!(world.session.view().connection, Connection::Offline);
    world.outputs.clear();
    world.pass(Duration::from_millis(600));
    assert_eq!(world.session.view().connection, Connection::Resuming);
    let resume = Some(Resume {
        stream_id: "stream".into(),
        after_seq: 1,
    });
    assert!(world.outputs.contains(&Output::SocketConnect(resume)));
    world.welcome(true);
    assert!(world.asked_all(|_| true).is_empty(), "nothing to read anew");
    world.input(Input::SocketClosed { jitter: 1.0 });
    world.pass(Duration::from_millis(600));
    world.seq = 40;
    world.welcome(false);
    assert_eq!(
        world.asked_all(|_| true).len(),
        5,
        "everything is read anew"
    );
}

#[test]
fn an_event_that_is_missing_is_noticed() {
    let mut world = World::online();
    world.seq += 1;
    world.event(Event::CallChanged {
        call: Box::new(call("rep", CallStatus::InProgress, vec![])),
    });
    assert_eq!(world.asked_all(|_| true).len(), 5);
}

#[test]
fn heartbeats_are_sent_and_a_silent_connection_is_given_up() {
    let mut world = World::online();
    world.pass(Duration::from_secs(10));
    assert!(
        world
            .outputs
            .contains(&Output::SocketSend(ClientMessage::Heartbeat {}))
    );
    world.input(Input::Socket(Box::new(ServerMessage::HeartbeatAck {})));
    world.pass(Duration::from_secs(14));
    assert_eq!(world.session.view().connection, Connection::Online);
    world.pass(Duration::from_secs(2));
    assert!(world.outputs.contains(&Output::SocketClose));
    assert_ne!(world.session.view().connection, Connection::Online);
}

#[test]
fn a_token_that_is_not_taken_is_renewed_before_connecting_again() {
    let mut world = World::online();
    world.input(Input::Socket(Box::new(ServerMessage::Error {
        code: Code::Unauthenticated,
        message: "no".into(),
    })));
    world.input(Input::SocketClosed { jitter: 0.5 });
    let (id, _) = world.asked(|request| *request == Request::Refresh);
    world.outputs.clear();
    world.answer(id, Ok(Reply::Done));
    assert!(
        world
            .outputs
            .iter()
            .any(|output| matches!(output, Output::SocketConnect(_)))
    );
}

#[test]
fn a_sign_in_that_is_over_ends_everything() {
    let mut world = World::online();
    let waiting = world.command(Command::Join {
        call_id: call_id(),
        invitation_id: None,
    });
    let (id, _) = world.asked(|request| matches!(request, Request::Join(..)));
    world.answer(id, refused(Code::Unauthenticated));
    assert!(world.finished(waiting).unwrap().is_err());
    assert!(world.said(|notice| *notice == Notice::SignedOut(SignedOutReason::Expired)));
    assert_eq!(world.session.view(), &View::default());
    assert!(!world.open);
}

#[test]
fn signing_out_leaves_the_call_first() {
    let mut world = World::coaching();
    let command = world.command(Command::SignOut);
    assert!(world.asked_all(|r| *r == Request::SignOut).is_empty());
    let (id, _) = world.asked(|request| matches!(request, Request::Leave(_)));
    world.answer(id, Ok(Reply::Done));
    let (id, _) = world.asked(|request| *request == Request::SignOut);
    world.answer(id, Ok(Reply::Done));
    assert!(world.finished(command).unwrap().is_ok());
    assert_eq!(world.session.view(), &View::default());
}

#[test]
fn signing_out_waits_for_a_leave_that_is_under_way() {
    let mut world = World::coaching();
    let leave = world.command(Command::Leave);
    let sign_out = world.command(Command::SignOut);
    assert!(world.finished(leave).unwrap().is_ok());
    assert!(world.asked_all(|r| *r == Request::SignOut).is_empty());
    let leaves = world.asked_all(|request| matches!(request, Request::Leave(_)));
    assert_eq!(leaves.len(), 1);
    world.answer(leaves[0].0, Ok(Reply::Done));
    let (id, _) = world.asked(|request| *request == Request::SignOut);
    world.answer(id, Ok(Reply::Done));
    assert!(world.finished(sign_out).unwrap().is_ok());
}

#[test]
fn what_is_not_possible_is_refused_without_asking() {
    let mut world = World::new();
    for command in [
        Command::HangUp,
        Command::Leave,
        Command::SignOut,
        Command::SetMode(wire::CoachMode::Barge),
    ] {
        let id = world.command(command);
        assert!(world.finished(id).unwrap().is_err());
    }
    assert!(world.asked_all(|_| true).is_empty());

    let mut world = World::coaching();
    let id = world.command(Command::Join {
        call_id: call_id(),
        invitation_id: None,
    });
    assert!(world.finished(id).unwrap().is_err(), "on a call already");
    let id = world.command(Command::Invite(vec![user("other")]));
    assert!(world.finished(id).unwrap().is_err(), "not the rep");
}

#[test]
fn a_list_of_calls_does_not_bring_back_what_an_event_ended() {
    let mut world = World::online();
    world.seq += 1;
    world.event(Event::CallChanged {
        call: Box::new(call("rep", CallStatus::InProgress, vec![])),
    });
    let (id, _) = world.asked(|request| *request == Request::ActiveCalls);
    world.event(Event::CallChanged {
        call: Box::new(call("rep", CallStatus::Completed, vec![])),
    });
    let old = call("rep", CallStatus::InProgress, vec![]);
    world.answer(id, Ok(Reply::ActiveCalls(vec![old])));
    assert!(world.session.view().calls.is_empty());
}

#[test]
fn a_call_that_is_not_there_after_a_restart_leaves_no_ghost() {
    let mut world = World::calling();
    world.input(Input::SocketClosed { jitter: 0.0 });
    world.pass(RETRY_MAX);
    world.welcome(false);
    let (id, _) = world.asked(|request| *request == Request::Call(call_id()));
    world.answer(id, refused(Code::NotFound));
    assert_eq!(world.session.view().my_call, None);
    assert_eq!(world.session.view().media, MediaStatus::Idle);
    assert!(world.said(|notice| matches!(notice, Notice::MyCallEnded(_))));
}

#[test]
fn what_could_not_be_read_is_read_again_and_not_left_as_it_was() {
    let mut world = World::online();
    let is_me = |request: &Request| *request == Request::Me;
    world.input(Input::SocketClosed { jitter: 0.0 });
    world.pass(RETRY_MAX);
    world.welcome(false);
    for tries in 1..5 {
        let asked = world.asked_all(is_me);
        assert_eq!(asked.len(), tries);
        world.answer(asked[tries - 1].0, Err(Failure::local("timeout")));
        let users = world.asked(|request| *request == Request::Users).0;
        world.answer(users, Err(Failure::local("timeout")));
        world.pass(Duration::from_secs(3));
    }
    // While there is no connection, the next `welcome` is waited for.
    let tries = world.asked_all(is_me).len();
    let (id, _) = world.asked(is_me);
    world.input(Input::SocketClosed { jitter: 0.0 });
    world.answer(id, Err(Failure::local("timeout")));
    world.pass(Duration::from_millis(100));
    assert_eq!(world.asked_all(is_me).len(), tries);
    world.pass(RETRY_MAX);
    world.welcome(true);
    assert_eq!(world.asked_all(is_me).len(), tries + 1);
    // What is refused for good is not asked for again and again.
    let (id, _) = world.asked(is_me);
    world.answer(id, refused(Code::PermissionRequired));
    world.pass(Duration::from_secs(9));
    assert_eq!(world.asked_all(is_me).len(), tries + 1);
}
