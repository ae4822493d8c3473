//! Resuming a kept sign-in, and what else is said of it.

use std::time::Duration;

use wire::{Code, SignInRequest, Timestamp};

use super::world::{World, call_id, device, user};
use crate::*;

const NO_SERVICE: &str = "the service cannot be reached";

fn is_resume(request: &Request) -> bool {
    *request == Request::Resume
}

fn signed_in() -> Result<Reply, Failure> {
    Ok(Reply::SignedIn {
        user_id: user("me"),
        device_id: device(),
    })
}

fn refused(code: Code) -> Result<Reply, Failure> {
    Err(Failure::refused(code, "refused"))
}

/// A session that was asked to resume, and its command and request.
fn resuming() -> (World, CommandId, RequestId) {
    let mut world = World::new();
    let command = world.command(Command::Resume);
    let (id, _) = world.asked(is_resume);
    assert!(world.session.view().signing_in);
    assert_eq!(world.session.view().connection, Connection::Connecting);
    (world, command, id)
}

#[test]
fn a_kept_sign_in_is_resumed_without_a_password() {
    let (mut world, command, id) = resuming();
    world.answer(id, signed_in());
    assert!(world.finished(command).unwrap().is_ok());
    assert_eq!(world.session.view().user_id, Some(user("me")));
    assert!(!world.session.view().signing_in);
    world.welcome(false);
    assert_eq!(world.session.view().connection, Connection::Online);
}

#[test]
fn with_nothing_kept_nobody_is_signed_in_and_nothing_is_wrong() {
    let (mut world, command, id) = resuming();
    world.answer(id, Ok(Reply::NothingKept));
    assert_eq!(world.finished(command), Some(&Ok(Reply::NothingKept)));
    assert_eq!(world.session.view(), &View::default());
    world.pass(Duration::from_secs(600));
    assert_eq!(world.asked_all(is_resume).len(), 1);
}

#[test]
fn a_kept_sign_in_that_is_refused_is_no_error_loop() {
    let (mut world, command, id) = resuming();
    world.answer(id, refused(Code::Unauthenticated));
    let failure = world.finished(command).unwrap().clone().unwrap_err();
    assert_eq!(failure.code, Some(Code::Unauthenticated));
    assert!(world.said(|notice| *notice == Notice::SignedOut(SignedOutReason::Expired)));
    assert_eq!(world.session.view(), &View::default());
    world.pass(Duration::from_secs(600));
    assert_eq!(world.asked_all(is_resume).len(), 1);
    assert!(world.asked_all(|_| true).len() == 1);
}

#[test]
fn a_refusal_that_no_waiting_changes_ends_it() {
    let (mut world, command, id) = resuming();
    world.answer(id, refused(Code::InvalidRequest));
    assert!(world.finished(command).unwrap().is_err());
    assert!(!world.session.view().signing_in);
    world.pass(Duration::from_secs(600));
    assert_eq!(world.asked_all(is_resume).len(), 1);
}

#[test]
fn while_the_service_cannot_be_reached_it_is_tried_ever_more_slowly() {
    let (mut world, command, mut id) = resuming();
    let failures = [
        Err(Failure::local(NO_SERVICE)),
        refused(Code::Unavailable),
        refused(Code::RateLimited),
        refused(Code::Internal),
    ];
    let mut last_wait = Duration::ZERO;
    for failure in failures.iter().cycle().take(20) {
        let failed_at = world.now;
        world.answer(id, failure.clone());
        assert_eq!(world.session.view().connection, Connection::Offline);
        assert!(world.session.view().signing_in);
        let wait = world.wake_at.unwrap() - failed_at;
        assert!(wait >= last_wait && wait <= RETRY_MAX);
        last_wait = wait;
        world.pass(wait);
        (id, _) = world.asked(is_resume);
        assert_eq!(world.session.view().connection, Connection::Connecting);
    }
    assert_eq!(last_wait, RETRY_MAX);
    assert!(world.finished(command).is_none(), "it goes on");
    world.answer(id, signed_in());
    assert!(world.finished(command).unwrap().is_ok());
}

#[test]
fn resuming_ends_when_it_is_asked_to_whether_it_waits_or_asks() {
    for waits in [false, true] {
        let (mut world, command, id) = resuming();
        if waits {
            world.answer(id, Err(Failure::local(NO_SERVICE)));
        }
        let stop = world.command(Command::StopResuming);
        assert!(world.finished(stop).unwrap().is_ok());
        assert!(world.finished(command).unwrap().is_err());
        assert_eq!(world.session.view(), &View::default());
        world.answer(id, signed_in());
        world.pass(Duration::from_secs(600));
        assert_eq!(world.session.view(), &View::default(), "too late");
        assert_eq!(world.asked_all(is_resume).len(), 1);
    }
}

#[test]
fn signing_in_by_password_takes_the_place_of_resuming() {
    let (mut world, resume, resume_id) = resuming();
    let sign_in = world.command(Command::SignIn(SignInRequest {
        email: "me@demo.example".into(),
        password: "secret".into(),
        client_type: wire::ClientType::Native,
        device_name: None,
    }));
    assert!(world.finished(resume).unwrap().is_err());
    let (id, _) = world.asked(|request| matches!(request, Request::SignIn(_)));
    world.answer(resume_id, refused(Code::Unauthenticated));
    world.answer(id, signed_in());
    assert!(world.finished(sign_in).unwrap().is_ok());
    let again = world.command(Command::Resume);
    assert!(world.finished(again).unwrap().is_err(), "signed in already");
}

#[test]
fn the_answer_to_an_old_sign_out_does_not_end_a_new_sign_in() {
    let mut world = World::online();
    let sign_out = world.command(Command::SignOut);
    let (old, _) = world.asked(|request| *request == Request::SignOut);
    let resume = world.command(Command::Resume);
    let (id, _) = world.asked(is_resume);
    world.answer(id, signed_in());
    world.answer(old, refused(Code::Unauthenticated));
    assert!(world.finished(sign_out).is_some());
    assert!(world.finished(resume).unwrap().is_ok());
    assert_eq!(world.session.view().user_id, Some(user("me")));
}

#[test]
fn whether_the_sign_in_is_kept_is_said_whichever_is_known_first() {
    let (mut world, _, id) = resuming();
    world.input(Input::SignInKept(true));
    assert!(!world.session.view().sign_in_kept, "no one is signed in");
    world.answer(id, signed_in());
    assert!(world.session.view().sign_in_kept);
    world.input(Input::SignInKept(false));
    assert!(!world.session.view().sign_in_kept);
    assert!(world.said(|notice| *notice == Notice::SignInKept(false)));
}

#[test]
fn the_clocks_are_compared_at_each_welcome() {
    let mut world = World::online();
    // The service says 1 000 000 at each welcome.
    for (wall, offset) in [(999_000, 1_000), (1_000_500, -500)] {
        world.input(Input::SocketClosed { jitter: 0.0 });
        world.input(Input::WallClock(Timestamp(wall)));
        world.welcome(true);
        assert_eq!(world.session.view().clock_offset_ms, offset);
    }
}

#[test]
fn trouble_with_the_microphone_is_shown_until_it_or_the_call_is_over() {
    let trouble = || Some("it is in use".to_owned());
    let mut world = World::calling();
    world.input(Input::Microphone(trouble()));
    assert_eq!(world.session.view().microphone_trouble, trouble());
    assert!(world.said(|notice| *notice == Notice::Microphone(trouble())));
    world.input(Input::Microphone(None));
    assert_eq!(world.session.view().microphone_trouble, None);
    world.input(Input::Microphone(trouble()));
    world.command(Command::HangUp);
    assert_eq!(world.session.view().microphone_trouble, None);
    world.input(Input::Microphone(trouble()));
    assert_eq!(world.session.view().microphone_trouble, None, "too late");
}

fn told(world: &World) -> Vec<(RequestId, bool)> {
    let requests = world.asked_all(|request| matches!(request, Request::MicrophoneTrouble(..)));
    let told = requests.into_iter().map(|(id, request)| match request {
        Request::MicrophoneTrouble(call, trouble) if call == call_id() => (id, trouble),
        other => panic!("{other:?}"),
    });
    told.collect()
}

#[test]
fn the_others_on_the_call_are_told_whose_microphone_does_not_work() {
    let trouble = || Some("No microphone found.".to_owned());
    for mut world in [World::calling(), World::coaching()] {
        world.input(Input::Microphone(trouble()));
        let [(first, true)] = told(&world)[..] else {
            panic!("{:?}", told(&world));
        };
        // One thing at a time, however often it changes, and in the end what is so.
        for _ in 0..10 {
            world.input(Input::Microphone(None));
            world.input(Input::Microphone(trouble()));
        }
        world.input(Input::Microphone(None));
        assert_eq!(told(&world).len(), 1);
        world.answer(first, Ok(Reply::Done));
        let [_, (second, false)] = told(&world)[..] else {
            panic!("{:?}", told(&world));
        };
        world.answer(second, Ok(Reply::Done));
        assert_eq!(told(&world).len(), 2, "all is said");
    }
}

#[test]
fn what_the_others_could_not_be_told_of_the_microphone_is_told_later() {
    let mut world = World::calling();
    world.input(Input::SocketClosed { jitter: 0.0 });
    world.input(Input::Microphone(Some("No microphone found.".into())));
    assert_eq!(told(&world), [], "there is no connection");
    world.welcome(true);
    let first = told(&world).pop().expect("it is told").0;
    world.answer(first, Err(Failure::local("the network")));
    assert_eq!(told(&world).len(), 1, "not at once");
    world.pass(Duration::from_secs(2));
    let second = told(&world).pop().expect("it is told").0;
    assert_ne!(first, second, "it is told again");
    world.answer(
        second,
        Err(Failure::refused(Code::Conflict, "another device")),
    );
    world.pass(Duration::from_secs(5));
    assert_eq!(told(&world).len(), 2, "a refusal is final");
}
