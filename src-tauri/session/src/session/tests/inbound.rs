//! Calls that come in for the user.

use wire::{Call, CallStatus, Direction, Event};

use super::world::{World, call, call_id};
use crate::*;

fn inbound(status: CallStatus) -> Call {
    Call {
        direction: Direction::Inbound,
        ..call("me", status, vec![])
    }
}

fn rings(world: &mut World) {
    let call = Box::new(inbound(CallStatus::Ringing));
    world.event(Event::CallChanged { call });
}

#[test]
fn w1_a_call_that_rings_is_shown_and_takes_no_microphone_until_it_is_answered() {
    let mut world = World::online();
    rings(&mut world);
    let view = world.session.view();
    assert!(view.calls.contains_key(&call_id()));
    assert!(view.my_call.is_none());
    assert!(!world.open);
    assert!(world.media.is_none());
    let command = world.command(Command::Answer(call_id()));
    let (id, _) = world.asked(|request| matches!(request, Request::Answer(_)));
    let answered = Box::new(inbound(CallStatus::InProgress));
    world.answer(id, Ok(Reply::Call(answered)));
    assert!(world.finished(command).unwrap().is_ok());
    assert!(world.session.view().my_call.is_some());
    world.connect_media();
    assert!(world.open);
}

#[test]
fn w1_a_call_that_another_device_took_stays_there() {
    let mut world = World::online();
    rings(&mut world);
    let call = Box::new(inbound(CallStatus::InProgress));
    world.event(Event::CallChanged { call });
    assert!(world.session.view().my_call.is_none());
    assert!(world.media.is_none() && !world.open);
}

#[test]
fn j5_a_call_that_rings_is_declined_also_during_another_one() {
    let mut world = World::calling();
    let own = world.session.view().my_call.clone();
    let other = wire::CallId::from_suffix("other").unwrap();
    let mut call = inbound(CallStatus::Ringing);
    call.id = other.clone();
    let call = Box::new(call);
    world.event(Event::CallChanged { call });
    world.command(Command::DeclineCall(other.clone()));
    let (_, request) = world.asked(|request| matches!(request, Request::HangUp(_)));
    assert_eq!(request, Request::HangUp(other));
    assert_eq!(world.session.view().my_call, own, "one's own call goes on");
}
