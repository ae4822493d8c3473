//! A call that goes on although the service takes the sign-in no longer (O3).

use mix::Mode;
use wire::{Code, ServerMessage};

use super::world::World;
use crate::*;

/// The access token ends during the call, and the refresh is refused.
fn lose(world: &mut World) {
    world.input(Input::Socket(Box::new(ServerMessage::Error {
        code: Code::Unauthenticated,
        message: "it ended".into(),
    })));
    world.input(Input::SocketClosed { jitter: 0.5 });
    let (id, _) = world.asked(|request| *request == Request::Refresh);
    world.outputs.clear();
    let refused = Failure::refused(Code::Unauthenticated, "it was used before");
    world.answer(id, Err(refused));
}

fn is_sound(output: &Output) -> bool {
    matches!(output, Output::MediaClose(_) | Output::MediaEnd)
}

fn expired(world: &World) -> bool {
    world.said(|notice| *notice == Notice::SignedOut(SignedOutReason::Expired))
}

#[test]
fn o3_losing_the_sign_in_does_not_end_a_reps_call() {
    let mut world = World::calling();
    assert!(world.open);
    lose(&mut world);
    assert!(world.open, "the lead hears the rep");
    assert!(!world.outputs.iter().any(is_sound));
    assert!(world.said(|notice| *notice == Notice::SignInLost));
    assert!(!expired(&world));
    let view = world.session.view();
    assert!(view.sign_in_lost && view.my_call.is_some() && view.user_id.is_some());
    assert_eq!(view.connection, Connection::Offline);
    assert_eq!(view.media, MediaStatus::Connected);
    // However long it lasts: nothing is asked any more that would be refused.
    world.outputs.clear();
    world.pass(std::time::Duration::from_secs(3_600));
    assert!(world.asked_all(|_| true).is_empty());
    assert!(world.open && !world.outputs.iter().any(is_sound));
}

#[test]
fn o3_without_a_sign_in_a_rep_mutes_and_hangs_up_and_is_signed_out_then() {
    let mut world = World::calling();
    lose(&mut world);
    let mute = world.command(Command::Mute(true));
    assert!(!world.open && world.session.view().my_call.as_ref().unwrap().muted);
    world.command(Command::Mute(false));
    assert!(world.open);
    let hold = world.command(Command::Hold(true));
    let join = world.command(Command::Resume);
    let hang_up = world.command(Command::HangUp);
    assert_eq!(world.finished(mute), Some(&Ok(Reply::Done)));
    assert_eq!(world.finished(hang_up), Some(&Ok(Reply::Done)));
    for not_now in [hold, join] {
        let failure = world.finished(not_now).unwrap().as_ref().unwrap_err();
        assert!(failure.message.contains("when this call ends"));
    }
    assert!(!world.open && world.outputs.iter().any(is_sound));
    assert!(world.said(|notice| matches!(notice, Notice::MyCallEnded(_))));
    assert!(expired(&world));
    assert_eq!(world.session.view(), &View::default());
}

#[test]
fn o3_a_call_without_a_sign_in_is_over_when_its_sound_is() {
    let mut world = World::calling();
    lose(&mut world);
    let media = world.media.unwrap();
    world.input(Input::Media(media, MediaInput::Lost { jitter: 0.0 }));
    assert!(world.said(|notice| matches!(notice, Notice::MyCallEnded(_))));
    assert!(expired(&world));
    assert_eq!(world.session.view(), &View::default());
}

#[test]
fn o3_whatever_is_refused_first_the_call_goes_on() {
    let mut world = World::calling();
    let command = world.command(Command::Hold(true));
    let (id, _) = world.asked(|request| matches!(request, Request::Hold(..)));
    world.answer(id, Err(Failure::refused(Code::Unauthenticated, "over")));
    assert!(world.finished(command).unwrap().is_err());
    assert!(world.open && world.session.view().sign_in_lost);
}

#[test]
fn o3_a_coach_without_a_sign_in_hears_on_in_listen() {
    let mut world = World::coaching();
    world.mode(Mode::Whisper);
    lose(&mut world);
    assert_eq!((world.stamp, world.open), (Mode::Listen, false));
    assert!(world.session.view().coaching.is_some());
    assert!(!world.outputs.iter().any(is_sound));
    let again = world.mode(Mode::Barge);
    assert!(world.finished(again).unwrap().is_err());
    assert_eq!(world.stamp, Mode::Listen);
    let leave = world.command(Command::Leave);
    assert_eq!(world.finished(leave), Some(&Ok(Reply::Done)));
    assert!(expired(&world));
}

#[test]
fn o3_sound_that_is_being_restored_cannot_be_without_a_sign_in() {
    let mut world = World::calling();
    let media = world.media.unwrap();
    world.input(Input::Media(media, MediaInput::Lost { jitter: 0.0 }));
    world.pass(std::time::Duration::from_secs(2));
    let media = world.media.expect("another try");
    world.input(Input::Media(media, MediaInput::Offered("offer".into())));
    let (id, _) = world.asked(|request| matches!(request, Request::Media(..)));
    world.answer(id, Err(Failure::refused(Code::Unauthenticated, "over")));
    assert!(expired(&world));
    assert_eq!(world.session.view().my_call, None);
}
