//! What is taken away, what fails, and what stops.

use super::world::*;
use crate::CallsSettings;
use call::Authority;
use std::sync::Arc;
use tokio::sync::oneshot;
use wire::*;

#[tokio::test]
async fn a2_a_change_holds_and_is_told_when_it_returns() {
    let world = World::new().await;
    let call = world.answered().await;
    world.join("morgan", &call).await.unwrap();
    world.join("casey", &call).await.unwrap();
    world.mode("morgan", &call, CoachMode::Barge).await.unwrap();
    let acme = organization("acme");

    world.set("morgan", Some(authority(true, false)));
    world.calls.authority_changed(&acme, &user("morgan")).await;
    let told = |name: &str, like: &dyn Fn(&CoachLeg) -> bool| {
        let about = |event: &Event| matches!(event, Event::CoachLegChanged { coach_leg, .. } if like(coach_leg));
        world.events.count(&user(name), about)
    };
    let moved = |leg: &CoachLeg| {
        let last = leg.participation_history.last();
        last.is_some_and(|entry| entry.action == ParticipationAction::MovedToListen)
    };
    assert_eq!(told("morgan", &moved), 1);
    let again = world.mode("morgan", &call, CoachMode::Whisper).await;
    assert_eq!(code(again), Code::PermissionRequired);

    // Who is no member any more is told as well.
    world.set("morgan", None);
    world.calls.authority_changed(&acme, &user("morgan")).await;
    let out = |leg: &CoachLeg| leg.end_reason == Some(LegEndReason::Deactivated);
    assert_eq!(told("morgan", &out), 1);
    assert_eq!(told("riley", &out), 1);
    assert_eq!(
        code(world.join("morgan", &call).await),
        Code::PermissionRequired
    );

    world.calls.plan_changed(&acme, Plan::Professional).await;
    let out = |leg: &CoachLeg| leg.end_reason == Some(LegEndReason::PlanChanged);
    assert_eq!(told("casey", &out), 1);
    let seen = world
        .calls
        .get(&caller("riley", "acme"), &call)
        .await
        .unwrap();
    assert_eq!(
        seen.status,
        CallStatus::InProgress,
        "the rep's call is untouched"
    );
}

#[tokio::test]
async fn a2_a_join_decided_on_stale_facts_is_decided_anew() {
    let world = Arc::new(World::new().await);
    let call = world.answered().await;
    let (read_in, read) = oneshot::channel();
    let (go_on, go_on_out) = oneshot::channel();
    *world.directory.delay.lock().unwrap() = Some((user("morgan"), read_in, go_on_out));
    let joining = tokio::spawn({
        let (world, call) = (world.clone(), call.clone());
        async move { world.join("morgan", &call).await }
    });
    // The join has read that Morgan may; now Morgan may not.
    read.await.unwrap();
    world.set("morgan", Some(authority(false, false)));
    let acme = organization("acme");
    world.calls.authority_changed(&acme, &user("morgan")).await;
    go_on.send(()).unwrap();
    assert_eq!(code(joining.await.unwrap()), Code::PermissionRequired);
    let seen = world
        .calls
        .get(&caller("riley", "acme"), &call)
        .await
        .unwrap();
    assert_eq!(seen.coach_legs, []);
}

#[tokio::test]
async fn a_call_that_cannot_be_kept_is_not_placed() {
    let world = World::new().await;
    world.database.set_writable(false).await.unwrap();
    assert_eq!(code(world.try_place().await), Code::Unavailable);
    assert_eq!(
        world.line.dialled.lock().unwrap().len(),
        0,
        "nobody's phone rings"
    );
    world.database.set_writable(true).await.unwrap();
    world.place().await;
}

#[tokio::test]
async fn a_store_that_breaks_does_not_stop_a_call_and_catches_up() {
    let world = World::new().await;
    let call = world.answered().await;
    world.database.set_writable(false).await.unwrap();
    world.join("morgan", &call).await.unwrap();
    world
        .mode("morgan", &call, CoachMode::Whisper)
        .await
        .unwrap();
    let riley = caller("riley", "acme");
    world.calls.set_held(&riley, &call, true).await.unwrap();
    world.changed("morgan", &call, |call| call.held).await;
    assert_eq!(world.kept(&call).await.unwrap().coach_legs, []);
    world.database.set_writable(true).await.unwrap();
    world.calls.hang_up(&riley, &call).await.unwrap();
    // A stop waits for what is still to be written.
    world.calls.stop().await;
    let kept = world.kept(&call).await.unwrap();
    assert_eq!(kept.status, CallStatus::Completed);
    assert_eq!(kept.coach_legs.len(), 1);
    assert_eq!(kept.coach_legs[0].status, CoachLegStatus::Done);
    assert!(world.calls.save_counts().failed > 0);
    assert_eq!(world.calls.save_counts().lost, 0);
}

#[tokio::test]
async fn a_stop_ends_tells_and_keeps_every_call() {
    let world = World::new().await;
    let first = world.answered().await;
    let second = world.place().await.id;
    world.join("morgan", &first).await.unwrap();
    world.calls.stop().await;
    let ended = |event: &Event| {
        matches!(event, Event::CallChanged { call }
            if call.hangup_cause == Some(HangupCause::ServiceStopped))
    };
    assert_eq!(world.events.count(&user("sam"), ended), 2);
    let out = |event: &Event| {
        matches!(event, Event::CoachLegChanged { coach_leg, .. }
            if coach_leg.end_reason == Some(LegEndReason::ServiceStopped))
    };
    assert_eq!(world.events.count(&user("morgan"), out), 1);
    let kept = world.kept(&first).await.unwrap();
    assert_eq!(kept.status, CallStatus::Completed);
    let kept = world.kept(&second).await.unwrap();
    assert_eq!(kept.status, CallStatus::Failed);
    let hung_up = world.line.hung_up.lock().unwrap().len();
    assert_eq!(hung_up, 2);
    assert_eq!(code(world.try_place().await), Code::Unavailable);
    let riley = caller("riley", "acme");
    assert_eq!(
        code(world.calls.hang_up(&riley, &first).await),
        Code::Unavailable
    );
}

#[tokio::test]
async fn what_a_dead_service_left_open_is_closed_at_the_next_start() {
    let world = World::new().await;
    let call = world.answered().await;
    world.join("morgan", &call).await.unwrap();
    let riley = caller("riley", "acme");
    let request = InvitationRequest {
        user_ids: vec![user("casey")],
    };
    let invited = world.calls.invite(&riley, &call, &request).await.unwrap();
    // As the store is at this moment, another service starts on it.
    let folder = tempfile::tempdir().unwrap();
    let store = database(folder.path()).await;
    let record = world.calls.get(&riley, &call).await.unwrap();
    let acme = organization("acme");
    let invitation = &invited.data[0];
    store.save_call(&acme, &record).await.unwrap();
    for leg in &record.coach_legs {
        store.save_coach_leg(&acme, &call, leg).await.unwrap();
    }
    store.save_invitation(&acme, invitation).await.unwrap();
    let next = World::on(CallsSettings::default(), store).await;
    let kept = next.kept(&call).await.unwrap();
    assert_eq!(kept.status, CallStatus::Completed);
    assert_eq!(kept.coach_legs[0].status, CoachLegStatus::Done);
    let kept = next.database.export_pieces(&acme, "invitations", "", 10);
    let kept: Vec<Invitation> = kept
        .await
        .unwrap()
        .iter()
        .map(|(_, invitation)| serde_json::from_str(invitation).unwrap())
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].status, InvitationStatus::Cancelled);
    assert_eq!(
        code(next.calls.hang_up(&riley, &call).await),
        Code::CallEnded
    );
}

#[tokio::test]
async fn a_mode_that_the_media_cannot_take_is_not_confirmed() {
    let world = World::new().await;
    let call = world.answered().await;
    world.join("morgan", &call).await.unwrap();
    world.media.close_call(&call).await.unwrap();
    let mode = world.mode("morgan", &call, CoachMode::Barge).await;
    assert_eq!(code(mode), Code::Unavailable);
    world
        .leg_changed("riley", |leg| {
            let barged = leg.participation_history.iter();
            let barged = barged.filter(|entry| entry.action == ParticipationAction::Barge);
            barged.count() == 1 && leg.mode == CoachMode::Listen
        })
        .await;
}

#[tokio::test]
async fn garbage_for_an_offer_is_refused_and_the_call_goes_on() {
    let world = World::new().await;
    let call = world.answered().await;
    let riley = caller("riley", "acme");
    for sdp in ["", "v=0", "garbage\r\n", &"x".repeat(SDP_BYTES_MAX + 1)] {
        let offer = MediaOffer::new(sdp);
        let refused = code(world.calls.media_offer(&riley, &call, &offer).await);
        let expected = if sdp.len() > SDP_BYTES_MAX {
            Code::TooLarge
        } else {
            Code::InvalidRequest
        };
        assert_eq!(refused, expected);
    }
    // A rep has no modes, and so no tracks for them.
    let offer = MediaOffer {
        tracks: Some(MediaTracks {
            whisper: "0".into(),
            barge: "1".into(),
        }),
        ..MediaOffer::new("v=0")
    };
    let refused = world.calls.media_offer(&riley, &call, &offer).await;
    let refused = refused.expect_err("tracks of a rep").error;
    assert_eq!(refused.code, Code::InvalidRequest);
    assert!(refused.message.contains("without `tracks`"), "{refused:?}");
    let stranger = caller("sam", "acme");
    let offer = MediaOffer::new("v=0");
    let refused = world.calls.media_offer(&stranger, &call, &offer).await;
    assert_eq!(code(refused), Code::NotFound);
    let seen = world.calls.get(&riley, &call).await.unwrap();
    assert_eq!(seen.status, CallStatus::InProgress);
}

#[tokio::test]
async fn calls_are_bounded() {
    let settings = CallsSettings {
        calls_per_rep_max: 1,
        ..CallsSettings::default()
    };
    let world = World::with(settings).await;
    let first = world.place().await.id;
    assert_eq!(code(world.try_place().await), Code::Unavailable);
    let riley = caller("riley", "acme");
    let page = ListQuery::default();
    let calls = world.calls.list(&riley, None, false, &page).await;
    let calls = calls.unwrap().data;
    let open = calls.iter().filter(|call| !call.status.is_over());
    assert_eq!(open.map(|call| &call.id).collect::<Vec<_>>(), [&first]);
    world.calls.hang_up(&riley, &first).await.unwrap();
    world.place().await;
}

#[tokio::test]
async fn an_inactive_member_places_no_call() {
    let world = World::new().await;
    let inactive = Authority {
        active: false,
        ..authority(false, false)
    };
    world.set("riley", Some(inactive));
    assert_eq!(code(world.try_place().await), Code::PermissionRequired);
}
