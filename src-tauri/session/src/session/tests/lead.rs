//! What the service tells of the lead's phone.

use wire::{CallId, CallStatus, Event, LeadQuality, ServerMessage};

use super::world::{World, call, call_id};
use crate::*;

const QUALITY: LeadQuality = LeadQuality {
    jitter_ms: 12,
    lost_permille: 4,
    round_trip_ms: Some(84),
};

fn presses(world: &mut World, call_id: CallId, key: char) {
    let message = ServerMessage::LeadKey { call_id, key };
    world.input(Input::Socket(Box::new(message)));
}

fn measures(world: &mut World, call_id: CallId) {
    let quality = QUALITY;
    let message = ServerMessage::LeadQuality { call_id, quality };
    world.input(Input::Socket(Box::new(message)));
}

/// What was said of the lead's phone, in order.
fn told(world: &World) -> Vec<Notice> {
    let notices = world.outputs.iter().filter_map(|output| match output {
        Output::Notify(notice @ (Notice::LeadKey(..) | Notice::LeadQuality(..))) => {
            Some(notice.clone())
        }
        _ => None,
    });
    notices.collect()
}

#[test]
fn the_rep_is_told_each_key_of_the_lead_in_order_and_how_the_phone_does() {
    let mut world = World::calling();
    for key in ['5', '5', '#'] {
        presses(&mut world, call_id(), key);
    }
    measures(&mut world, call_id());
    let wanted = vec![
        Notice::LeadKey(call_id(), '5'),
        Notice::LeadKey(call_id(), '5'),
        Notice::LeadKey(call_id(), '#'),
        Notice::LeadQuality(call_id(), QUALITY),
    ];
    assert_eq!(told(&world), wanted);
}

#[test]
fn a_device_of_the_rep_that_is_not_on_the_call_is_silent_about_the_leads_phone() {
    let mut elsewhere = World::online();
    let seen = Box::new(call("me", CallStatus::InProgress, vec![]));
    elsewhere.event(Event::CallChanged { call: seen });
    assert!(elsewhere.session.view().calls.contains_key(&call_id()));
    let mut on_another = World::calling();
    let other = CallId::from_suffix("other").unwrap();
    for (world, call_id) in [(&mut elsewhere, call_id()), (&mut on_another, other)] {
        presses(world, call_id.clone(), '5');
        measures(world, call_id);
        assert_eq!(told(world), vec![]);
    }
}

#[test]
fn j5_nothing_is_told_of_the_leads_phone_after_the_end_of_the_call() {
    let mut world = World::calling();
    presses(&mut world, call_id(), '1');
    assert_eq!(told(&world).len(), 1);
    let over = Box::new(call("me", CallStatus::Completed, vec![]));
    world.event(Event::CallChanged { call: over });
    world.outputs.clear();
    presses(&mut world, call_id(), '2');
    measures(&mut world, call_id());
    assert_eq!(told(&world), vec![]);
}

#[test]
fn what_is_told_of_the_leads_phone_is_not_numbered() {
    let mut world = World::calling();
    presses(&mut world, call_id(), '1');
    measures(&mut world, call_id());
    world.outputs.clear();
    let now = Box::new(call("me", CallStatus::InProgress, vec![]));
    world.event(Event::CallChanged { call: now });
    let reread = world.asked_all(|request| *request == Request::ActiveCalls);
    assert_eq!(reread, vec![], "no gap is seen in the events");
}
