//! W3: invitations.

use crate::world::*;
use call::{Input, Invitee, Join, Limits, Output};
use wire::{Code, InvitationStatus, LegId};

fn join_with(who: u32, id: u32, authority: call::Authority) -> Input {
    Input::Join(Join {
        user: user(who),
        device: device(who),
        authority,
        leg: LegId::from_suffix(&format!("by{id}")).unwrap(),
        invitation: Some(invitation(id)),
    })
}

fn status(world: &World, id: u32) -> InvitationStatus {
    world.machine.invitation(&invitation(id)).unwrap().status
}

#[test]
fn w3_several_are_invited_at_once_and_a_join_accepts() {
    let mut world = World::answered();
    let outputs = world.ok(invite(&[(MORGAN, 1), (CASEY, 2)]));
    assert_eq!(outputs.len(), 2);
    let open = world.machine.open_invitation(&user(MORGAN)).unwrap();
    assert_eq!(open.date_expires, world.now.plus_millis(60_000));
    let outputs = world.ok(join_with(MORGAN, 1, manager()));
    assert!(matches!(&outputs[0], Output::InvitationChanged(_)));
    assert_eq!(status(&world, 1), InvitationStatus::Accepted);
    assert_eq!(status(&world, 2), InvitationStatus::Open);
    // Tried again.
    world.ok(join_with(MORGAN, 1, manager()));
}

#[test]
fn w3_joining_another_way_answers_the_invitation_too() {
    let mut world = World::answered();
    world.ok(invite(&[(MORGAN, 1)]));
    world.coach(MORGAN);
    assert_eq!(status(&world, 1), InvitationStatus::Accepted);
}

#[test]
fn w3_an_invitation_expires_after_60_s() {
    let mut world = World::answered();
    world.ok(invite(&[(MORGAN, 1)]));
    assert_eq!(world.machine.wake_at(), Some(world.now.plus_millis(60_000)));
    world.pass(59_999);
    assert_eq!(status(&world, 1), InvitationStatus::Open);
    world.pass(1);
    assert_eq!(status(&world, 1), InvitationStatus::Expired);
    let join = join_with(MORGAN, 1, manager());
    assert_eq!(world.refused(join), Code::InviteExpired);
    let decline = Input::Decline {
        user: user(MORGAN),
        invitation: invitation(1),
    };
    assert_eq!(world.refused(decline), Code::InviteExpired);
}

#[test]
fn w3_an_invitation_gives_no_permission() {
    let mut world = World::answered();
    world.ok(invite(&[(MORGAN, 1)]));
    let join = join_with(MORGAN, 1, nobody());
    assert_eq!(world.refused(join), Code::PermissionRequired);
    assert_eq!(status(&world, 1), InvitationStatus::Open);
}

#[test]
fn w3_if_one_invitee_cannot_join_no_one_is_invited() {
    let mut world = World::answered();
    world.coach(SAM);
    let unable = Invitee {
        authority: nobody(),
        ..invitee(CASEY, 2)
    };
    let offline = Invitee {
        native_online: false,
        ..invitee(CASEY, 2)
    };
    let locked = Invitee {
        authority: call::Authority {
            plan: wire::Plan::Startup,
            ..manager()
        },
        ..invitee(CASEY, 2)
    };
    for (other, code) in [
        (unable, Code::PermissionRequired),
        (offline, Code::UserOffline),
        (locked, Code::PlanRequired),
        (invitee(REP, 2), Code::OwnCall),
        (invitee(SAM, 2), Code::Conflict),
    ] {
        let input = Input::Invite {
            user: user(REP),
            invitees: vec![invitee(MORGAN, 1), other],
        };
        assert_eq!(world.refused(input), code);
        assert_eq!(world.machine.open_invitations().count(), 0);
    }
}

#[test]
fn w3_only_the_rep_invites() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let input = Input::Invite {
        user: user(MORGAN),
        invitees: vec![invitee(CASEY, 1)],
    };
    assert_eq!(world.refused(input), Code::PermissionRequired);
}

#[test]
fn w3_nobody_is_invited_to_a_ringing_phone() {
    let mut world = World::placed(placed(), Limits::default());
    assert_eq!(world.refused(invite(&[(MORGAN, 1)])), Code::CallEnded);
}

#[test]
fn w3_inviting_again_changes_nothing() {
    let mut world = World::answered();
    world.ok(invite(&[(MORGAN, 1)]));
    world.pass(30_000);
    assert_eq!(world.ok(invite(&[(MORGAN, 2), (MORGAN, 3)])), []);
    let open = world.machine.open_invitation(&user(MORGAN)).unwrap();
    assert_eq!(open.id, invitation(1));
    let twice = world.ok(invite(&[(CASEY, 4), (CASEY, 5)]));
    assert_eq!(twice.len(), 1);
}

#[test]
fn w3_only_the_invited_declines_and_joins_by_it() {
    let mut world = World::answered();
    world.ok(invite(&[(MORGAN, 1)]));
    let decline = |who| Input::Decline {
        user: user(who),
        invitation: invitation(1),
    };
    assert_eq!(world.refused(decline(CASEY)), Code::NotFound);
    let stolen = join_with(CASEY, 1, manager());
    assert_eq!(world.refused(stolen), Code::NotFound);
    world.ok(decline(MORGAN));
    assert_eq!(world.ok(decline(MORGAN)), [], "said twice");
    assert_eq!(status(&world, 1), InvitationStatus::Declined);
    let join = join_with(MORGAN, 1, manager());
    assert_eq!(world.refused(join), Code::InviteExpired);
    // Having declined takes nothing away.
    world.coach(MORGAN);
}

#[test]
fn w3_open_invitations_are_bounded() {
    let limits = Limits {
        party_max: 5,
        ..Limits::default()
    };
    let mut world = World::answered_with(placed(), limits);
    world.ok(invite(&[(1, 1), (2, 2), (3, 3), (4, 4)]));
    assert_eq!(world.refused(invite(&[(5, 5), (6, 6)])), Code::RateLimited);
    world.ok(invite(&[(5, 5)]));
}
