//! Holding a key to whisper.

use mix::Mode;
use wire::CoachMode;

use super::world::{World, call_id, leg};
use crate::*;

fn is_mode(request: &Request) -> bool {
    matches!(request, Request::Mode(..))
}

fn granted(mode: Mode, changes: usize) -> Result<Reply, Failure> {
    Ok(Reply::CoachLeg(Box::new(leg(mode, changes))))
}

fn answer_mode(world: &mut World, mode: Mode, changes: usize) {
    let (id, request) = world.asked(is_mode);
    assert_eq!(request, Request::Mode(call_id(), mode.into()));
    world.answer(id, granted(mode, changes));
}

#[test]
fn a_held_key_whispers_and_a_released_one_listens_at_once() {
    for before in [Mode::Listen, Mode::Barge] {
        let mut world = World::coaching();
        if before == Mode::Barge {
            world.mode(Mode::Barge);
            answer_mode(&mut world, Mode::Barge, 1);
        }
        let press = world.command(Command::HoldToWhisper(true));
        answer_mode(&mut world, Mode::Whisper, 2);
        assert_eq!(world.stamp, Mode::Whisper);
        assert!(world.finished(press).unwrap().is_ok());
        let release = world.command(Command::HoldToWhisper(false));
        assert_eq!((world.stamp, world.open), (Mode::Listen, false));
        assert!(world.finished(release).unwrap().is_ok());
        answer_mode(&mut world, Mode::Listen, 3);
        assert_eq!(world.stamp, Mode::Listen);
    }
}

#[test]
fn m3_a_grant_that_comes_after_the_release_does_not_whisper() {
    let mut world = World::coaching();
    world.command(Command::HoldToWhisper(true));
    world.command(Command::HoldToWhisper(false));
    answer_mode(&mut world, Mode::Whisper, 1);
    assert_eq!(world.stamp, Mode::Listen);
    let coaching = world.session.view().coaching.clone().unwrap();
    assert_eq!(coaching.mode(), CoachMode::Listen);
    // The service is told, and then the switch is over.
    answer_mode(&mut world, Mode::Listen, 2);
    let coaching = world.session.view().coaching.clone().unwrap();
    assert_eq!(coaching.mode_under_way(), None);
    assert!(!world.outputs.contains(&Output::Stamp(Mode::Whisper)));
}

#[test]
fn a_key_that_repeats_itself_asks_once() {
    let mut world = World::coaching();
    for _ in 0..5 {
        world.command(Command::HoldToWhisper(true));
    }
    assert_eq!(world.asked_all(is_mode).len(), 1);
}

#[test]
fn presses_too_short_to_be_asked_for_are_no_failures() {
    let mut world = World::coaching();
    let commands: Vec<CommandId> = [true, false, true, false, true, false]
        .map(|held| world.command(Command::HoldToWhisper(held)))
        .into();
    answer_mode(&mut world, Mode::Whisper, 1);
    answer_mode(&mut world, Mode::Listen, 2);
    for command in commands {
        assert!(world.finished(command).unwrap().is_ok());
    }
    assert_eq!(world.stamp, Mode::Listen);
}

#[test]
fn a_release_without_a_press_changes_nothing() {
    let mut world = World::coaching();
    world.mode(Mode::Barge);
    answer_mode(&mut world, Mode::Barge, 1);
    world.command(Command::HoldToWhisper(false));
    assert_eq!(world.stamp, Mode::Barge);
    let mut world = World::online();
    let press = world.command(Command::HoldToWhisper(true));
    assert!(world.finished(press).unwrap().is_err(), "nothing to coach");
    let release = world.command(Command::HoldToWhisper(false));
    assert!(world.finished(release).unwrap().is_ok());
}

#[test]
fn a_release_while_the_connection_is_lost_holds_when_it_is_back() {
    let mut world = World::coaching();
    world.command(Command::HoldToWhisper(true));
    answer_mode(&mut world, Mode::Whisper, 1);
    world.input(Input::SocketClosed { jitter: 0.0 });
    world.command(Command::HoldToWhisper(false));
    let (id, _) = world.asked(is_mode);
    world.answer(id, Err(Failure::local("unreachable")));
    world.pass(RETRY_MAX);
    world.welcome(true);
    let (id, _) = world.asked(|request| matches!(request, Request::Call(_)));
    let still = super::world::call(
        "rep",
        wire::CallStatus::InProgress,
        vec![leg(Mode::Whisper, 1)],
    );
    world.answer(id, Ok(Reply::Call(Box::new(still))));
    assert_eq!(world.stamp, Mode::Listen);
    answer_mode(&mut world, Mode::Listen, 2);
    assert_eq!(world.stamp, Mode::Listen);
}
