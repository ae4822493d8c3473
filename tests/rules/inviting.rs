//! Invitations on the rep's call (W3).

use crate::common::plain::Plain;
use crate::common::{Stage, until};
use client::{Notice, SessionEvent};
use demo::actor::{Actor, in_time};
use tokio::sync::broadcast::Receiver;
use wire::{Code, InvitationRequest, InvitationStatus, UserId, route};

/// Waits until the rep is told what became of an invitation to this user.
async fn outcome(events: &mut Receiver<SessionEvent>, invitee: &UserId) -> InvitationStatus {
    let told = async {
        loop {
            let event = events.recv().await.expect("events");
            let SessionEvent::Notice(
                Notice::InvitationSent(invitation) | Notice::InvitationEnded(invitation),
            ) = event
            else {
                continue;
            };
            let is_over = invitation.status != InvitationStatus::Open;
            if is_over && invitation.invitee_id == *invitee {
                return invitation.status;
            }
        }
    };
    in_time("an invitation's outcome", told)
        .await
        .expect("told")
}

async fn invited(actor: &Actor) -> wire::Invitation {
    let view = until(actor, "an invitation", |view| !view.invitations.is_empty()).await;
    view.invitations.values().next().cloned().expect("it")
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_teammates_online_are_invited_decline_accept_or_see_it_cancelled() {
    let stage = Stage::set().await;
    let morgan = stage.actor("morgan").await;
    let casey = stage.actor("casey").await;
    let sam = stage.actor("sam").await;
    let jordan = stage.actor("jordan").await;
    // Taylor is there with a browser only, the admin not at all.
    let plain = Plain::new(&stage.server);
    let token = plain.token_of("taylor@demo.example", "web").await;
    let _taylor = plain.welcomed(&token).await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let mut told = rep.session.events();

    let api = rep.session.api();
    let targets = api
        .call(&route::LIST_INVITATION_TARGETS, &call_id, &())
        .await
        .expect("targets")
        .data;
    let mut shown: Vec<_> = targets.iter().map(|target| &target.user_id).collect();
    let mut wanted = vec![
        &morgan.user_id,
        &casey.user_id,
        &sam.user_id,
        &jordan.user_id,
    ];
    shown.sort();
    wanted.sort();
    assert_eq!(shown, wanted, "desktop apps online now, and nobody else");
    for target in &targets {
        let disabled = (target.user_id == sam.user_id).then_some(Code::PermissionRequired);
        assert_eq!(target.joinability.code, disabled);
    }
    let view = rep.session.view();
    let named = |name: &str| {
        let user = view.users.values().find(|user| user.first_name == name);
        user.expect("a member").id.clone()
    };
    for offline in ["Taylor", "Alex"] {
        let request = InvitationRequest {
            user_ids: vec![named(offline)],
        };
        let refused = api.call(&route::INVITE, &call_id, &request).await.err();
        let code = refused.and_then(|error| error.code());
        assert_eq!(code, Some(Code::UserOffline), "{offline}");
    }

    let everybody = [&morgan, &casey, &jordan];
    let user_ids = everybody.map(|actor| actor.user_id.clone()).to_vec();
    let sent = rep.session.invite(user_ids).await.expect("invitations");
    assert_eq!(sent.len(), 3);
    let to_morgan = invited(&morgan).await;
    assert_eq!(to_morgan.call_id, call_id);
    assert_eq!(to_morgan.inviter_id, rep.user_id);
    assert_eq!(
        to_morgan.date_expires.millis_since(to_morgan.date_created),
        60_000
    );
    let declined = morgan.session.decline(to_morgan.id).await;
    declined.expect("morgan declines");
    assert_eq!(
        outcome(&mut told, &morgan.user_id).await,
        InvitationStatus::Declined
    );

    let to_casey = invited(&casey).await;
    let joined = casey
        .session
        .join(call_id, Some(to_casey.id), casey.devices())
        .await;
    assert_eq!(joined.expect("casey joins").mode, wire::CoachMode::Listen);
    assert_eq!(
        outcome(&mut told, &casey.user_id).await,
        InvitationStatus::Accepted
    );
    casey.connected().await.expect("casey's sound");

    invited(&jordan).await;
    rep.session.hang_up().await.expect("the rep hangs up");
    assert_eq!(
        outcome(&mut told, &jordan.user_id).await,
        InvitationStatus::Cancelled
    );
    until(&jordan, "the invitation to go", |view| {
        view.invitations.is_empty()
    })
    .await;
    until(&casey, "the coaching to end", |view| {
        view.coaching.is_none()
    })
    .await;
    stage.strike().await;
}
