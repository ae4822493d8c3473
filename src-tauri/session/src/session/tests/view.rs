//! What follows from the state, and what of it is shown.

use mix::Mode;
use wire::{
    ActiveCall, Call, CallStatus, ClientAvailability, ClientType, CoachMode, Event, Invitation,
    InvitationStatus, Permission, Plan, PresenceStatus, User, UserAvailability,
};

use super::world::{World, call, call_id, invitation, leg, me, user};
use crate::*;

fn refusals(permissions: &[Permission]) -> [Option<String>; 3] {
    let mut world = World::online();
    world.input_me(me(permissions));
    let modes = world.session.view().modes();
    let order: Vec<CoachMode> = modes.iter().map(|choice| choice.mode).collect();
    assert_eq!(
        order,
        [CoachMode::Listen, CoachMode::Whisper, CoachMode::Barge]
    );
    let refusals: Vec<_> = modes.into_iter().map(|choice| choice.refusal).collect();
    refusals.try_into().unwrap()
}

#[test]
fn a1_whisper_and_barge_imply_listen_and_not_vice_versa() {
    let [listen, whisper, barge] = refusals(&[Permission::CallCoachListen]);
    assert_eq!(listen, None);
    assert!(whisper.unwrap().contains("Whisper & Barge"));
    assert!(barge.unwrap().contains("Whisper & Barge"));
    assert_eq!(refusals(&[Permission::CallCoachBarge]), [None, None, None]);
    let [listen, ..] = refusals(&[Permission::ManageOrganization]);
    assert!(listen.unwrap().contains("Listen permission"));
}

#[test]
fn j3_two_plans_have_call_coaching_and_two_have_not() {
    let mut world = World::online();
    for (plan, has) in [
        (Plan::Startup, false),
        (Plan::Professional, false),
        (Plan::BusinessLegacy, true),
        (Plan::Enterprise, true),
    ] {
        let mut new = me(&[]);
        new.organization.plan = plan;
        world.input_me(new);
        assert_eq!(world.session.view().has_call_coaching(), has, "{plan:?}");
    }
}

#[test]
fn j4_who_is_on_a_call_or_away_is_told_so_before_they_try() {
    let occupied = |world: &World| world.session.view().occupied();
    assert_eq!(occupied(&World::online()), None);
    assert!(occupied(&World::calling()).unwrap().contains("on a call"));
    assert!(occupied(&World::coaching()).unwrap().contains("coaching"));
    let mut world = World::online();
    world.input(Input::SocketClosed { jitter: 0.0 });
    assert!(occupied(&world).unwrap().contains("not connected"));
}

fn member(id: &str, first: &str) -> User {
    User {
        id: user(id),
        first_name: first.into(),
        last_name: "X".into(),
        email: format!("{id}@demo.example"),
    }
}

fn available(id: &str, status: PresenceStatus, calls: Vec<ActiveCall>) -> UserAvailability {
    let client = |client_type, status, active_calls| ClientAvailability {
        client_type,
        status,
        active_calls,
    };
    UserAvailability {
        user_id: user(id),
        availability: vec![
            client(ClientType::Web, PresenceStatus::Offline, vec![]),
            client(ClientType::Native, status, calls),
        ],
    }
}

#[test]
fn w1_members_are_shown_by_name_with_where_they_are() {
    let mut world = World::online();
    let load = |world: &mut World, kind: Request, reply| {
        let (id, _) = world.asked(|request| *request == kind);
        world.answer(id, Ok(reply));
    };
    world.event(Event::DirectoryChanged {});
    let users = vec![
        member("d", "Dora"),
        member("a", "anna"),
        member("b", "Bert"),
        member("c", "Carl"),
        member("e", "Emil"),
    ];
    load(&mut world, Request::Users, Reply::Users(users));
    let elsewhere = ActiveCall {
        id: call_id(),
        lead: wire::LeadBrief {
            display_name: "Initech".into(),
            ..call("c", CallStatus::InProgress, vec![]).lead
        },
    };
    for user in [
        available("a", PresenceStatus::Online, vec![]),
        available("b", PresenceStatus::Offline, vec![]),
        available("c", PresenceStatus::Online, vec![elsewhere]),
        available("d", PresenceStatus::Online, vec![]),
    ] {
        world.event(Event::AvailabilityChanged { user });
    }
    let on_call: Call = call("d", CallStatus::Ringing, vec![]);
    world.event(Event::CallChanged {
        call: Box::new(on_call.clone()),
    });
    let shown: Vec<_> = world
        .session
        .view()
        .people()
        .into_iter()
        .map(|person| {
            (
                person.user_id,
                person.presence,
                person.call_id,
                person.lead_name,
            )
        })
        .collect();
    let is = |id, presence, call_id, lead: Option<&str>| {
        (user(id), presence, call_id, lead.map(String::from))
    };
    let wanted = [
        is("a", Presence::Online, None, None),
        is("b", Presence::Offline, None, None),
        is("c", Presence::OnCall, None, Some("Initech")),
        is("d", Presence::OnCall, Some(on_call.id), Some("Globex")),
        is("e", Presence::Offline, None, None),
    ];
    assert_eq!(shown, wanted);
}

#[test]
fn w3_the_rep_sees_what_became_of_each_invitation() {
    let sent = |to: &str, status| Invitation {
        inviter_id: user("me"),
        invitee_id: user(to),
        ..invitation(status)
    };
    let mut world = World::calling();
    let command = world.command(Command::Invite(vec![user("a"), user("b")]));
    let (id, _) = world.asked(|request| matches!(request, Request::Invite(..)));
    let both = ["a", "b"].map(|to| sent(to, InvitationStatus::Open));
    world.answer(id, Ok(Reply::Invitations(both.to_vec())));
    assert!(world.finished(command).unwrap().is_ok());
    let declined = sent("b", InvitationStatus::Declined);
    let changed = |invitation: &Invitation| Event::InvitationChanged {
        invitation: Box::new(invitation.clone()),
    };
    world.event(changed(&declined));
    // One to another call of theirs, from another device.
    let other = Invitation {
        call_id: wire::CallId::from_suffix("other").unwrap(),
        ..sent("c", InvitationStatus::Open)
    };
    world.event(changed(&other));
    let shown = &world.session.view().sent_invitations;
    let [first, _] = both;
    assert_eq!(shown.values().collect::<Vec<_>>(), [&first, &declined]);
    let over = call("me", CallStatus::Completed, vec![]);
    world.event(Event::CallChanged {
        call: Box::new(over),
    });
    assert!(world.session.view().sent_invitations.is_empty());
}

#[test]
fn m3_what_is_wanted_and_not_granted_is_not_shown_as_the_mode() {
    let mut world = World::coaching();
    world.mode(Mode::Barge);
    let coaching = world.session.view().coaching.as_ref().unwrap();
    let shown = CoachingView::from(coaching);
    assert_eq!(shown.mode, CoachMode::Listen);
    assert_eq!(shown.mode_under_way, Some(CoachMode::Barge));
    assert_eq!(shown.audience, Audience::Nobody);
    let (id, _) = world.asked(|request| matches!(request, Request::Mode(..)));
    world.answer(id, Ok(Reply::CoachLeg(Box::new(leg(Mode::Barge, 1)))));
    let coaching = world.session.view().coaching.as_ref().unwrap();
    let shown = CoachingView::from(coaching);
    assert_eq!(shown.mode, CoachMode::Barge);
    assert_eq!(shown.audience, Audience::Everybody);
    world.command(Command::Mute(true));
    let coaching = world.session.view().coaching.as_ref().unwrap();
    assert_eq!(CoachingView::from(coaching).audience, Audience::Nobody);
}
