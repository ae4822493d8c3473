//! Who is told what, and who may ask what: A3, W3, W5.

use super::world::*;
use crate::{Caller, CallsSettings};
use call::{Limits, REP_LEG};
use media::{LeadSignal, MediaEvent};
use mix::{LegLevel, LegNumber, Mode};
use std::sync::atomic::Ordering::SeqCst;
use wire::*;

fn is_leg(event: &Event) -> bool {
    matches!(event, Event::CoachLegChanged { .. })
}

#[tokio::test]
async fn w5_a_join_is_told_to_exactly_those_who_may_see_it() {
    let world = World::new().await;
    let call = world.answered().await;
    let leg = world.join("morgan", &call).await.unwrap();
    assert_eq!(leg.mode, CoachMode::Listen);
    world.leg_changed("morgan", |_| true).await;
    for name in ["riley", "morgan", "casey", "taylor"] {
        assert_eq!(world.events.count(&user(name), is_leg), 1, "{name}");
    }
    for name in ["sam", "other"] {
        assert_eq!(world.events.count(&user(name), is_leg), 0, "{name}");
    }
    // The whole call, too, shows its coaches only to those.
    world
        .calls
        .set_held(&caller("riley", "acme"), &call, true)
        .await
        .unwrap();
    let seen = world.changed("sam", &call, |call| call.held).await;
    assert_eq!(seen.coach_legs, []);
    assert_eq!(seen.joinability.code, Some(Code::PermissionRequired));
    let seen = world.changed("taylor", &call, |call| call.held).await;
    assert_eq!(seen.coach_legs.len(), 1);
}

#[tokio::test]
async fn w5_what_could_not_be_told_is_told_once_the_members_can_be_read() {
    let world = World::new().await;
    let call = world.answered().await;
    let riley = caller("riley", "acme");
    let failures = &world.directory.failures;
    failures.store(1, SeqCst);
    world.calls.set_held(&riley, &call, true).await.unwrap();
    world.changed("morgan", &call, |call| call.held).await;
    // What comes while a change is untold doesn't overtake it.
    failures.store(1, SeqCst);
    world.calls.set_held(&riley, &call, false).await.unwrap();
    world.calls.set_muted(&riley, &call, true).await.unwrap();
    let seen = world.changed("morgan", &call, |call| call.muted).await;
    assert!(!seen.held);
}

#[tokio::test]
async fn a3_nothing_of_a_call_crosses_to_another_organization() {
    let world = World::new().await;
    let call = world.answered().await;
    world.join("morgan", &call).await.unwrap();
    let invited = world
        .calls
        .invite(
            &caller("riley", "acme"),
            &call,
            &InvitationRequest {
                user_ids: vec![user("casey")],
            },
        )
        .await
        .unwrap();
    let other = caller("other", "elsewhere");
    let calls = &world.calls;
    let not_found = [
        code(calls.get(&other, &call).await),
        code(calls.hang_up(&other, &call).await),
        code(calls.set_held(&other, &call, true).await),
        code(calls.set_muted(&other, &call, true).await),
        code(calls.send_dtmf(&other, &call, "1").await),
        code(calls.join(&other, &call, &JoinRequest::default()).await),
        code(calls.leave(&other, &call).await),
        code(
            calls
                .set_mode(
                    &other,
                    &call,
                    &ModeRequest {
                        mode: CoachMode::Barge,
                    },
                )
                .await,
        ),
        code(
            calls
                .media_offer(&other, &call, &MediaOffer::new("v=0"))
                .await,
        ),
        code(calls.invitation_targets(&other, &call).await),
        code(calls.decline(&other, &invited.data[0].id).await),
    ];
    assert!(
        not_found.iter().all(|code| *code == Code::NotFound),
        "{not_found:?}"
    );
    let page = ListQuery::default();
    assert_eq!(
        calls.list(&other, None, false, &page).await.unwrap().data,
        []
    );
    assert_eq!(
        calls.list(&other, None, true, &page).await.unwrap().data,
        []
    );
    // Nobody of theirs can be invited either.
    let request = InvitationRequest {
        user_ids: vec![user("other")],
    };
    let invite = calls
        .invite(&caller("riley", "acme"), &call, &request)
        .await;
    assert_eq!(code(invite), Code::NotFound);
    calls
        .hang_up(&caller("riley", "acme"), &call)
        .await
        .unwrap();
    world
        .changed("morgan", &call, |call| call.status.is_over())
        .await;
    assert_eq!(code(calls.get(&other, &call).await), Code::NotFound);
    assert_eq!(world.events.count(&user("other"), |_| true), 0);
}

#[tokio::test]
async fn w3_an_invitation_is_told_to_the_two_and_expires_by_itself() {
    let settings = CallsSettings {
        limits: Limits {
            invitation_ms: 100,
            ..Limits::default()
        },
        ..CallsSettings::default()
    };
    let world = World::with(settings).await;
    let call = world.answered().await;
    let riley = caller("riley", "acme");
    let request = InvitationRequest {
        user_ids: vec![user("morgan")],
    };
    let invited = world.calls.invite(&riley, &call, &request).await.unwrap();
    assert_eq!(invited.data.len(), 1);
    for name in ["riley", "morgan"] {
        let who = user(name);
        world
            .events
            .wait("it expired", |to, event| match event {
                Event::InvitationChanged { invitation } if *to == who => {
                    (invitation.status == InvitationStatus::Expired).then_some(())
                }
                _ => None,
            })
            .await;
        let all = |event: &Event| matches!(event, Event::InvitationChanged { .. });
        assert_eq!(world.events.count(&who, all), 2, "opened, expired");
    }
    for name in ["casey", "taylor", "sam", "other"] {
        let any = |event: &Event| matches!(event, Event::InvitationChanged { .. });
        assert_eq!(world.events.count(&user(name), any), 0, "{name}");
    }
    let decline = world
        .calls
        .decline(&caller("morgan", "acme"), &invited.data[0].id)
        .await;
    assert_eq!(code(decline), Code::InviteExpired);
}

#[tokio::test]
async fn w3_only_those_online_in_the_desktop_app_can_be_invited() {
    let world = World::new().await;
    let call = world.answered().await;
    let riley = caller("riley", "acme");
    world
        .directory
        .offline
        .lock()
        .unwrap()
        .insert(user("casey"));
    world.join("morgan", &call).await.unwrap();
    let targets = world.calls.invitation_targets(&riley, &call).await.unwrap();
    let mut shown: Vec<_> = targets
        .data
        .iter()
        .map(|target| (target.user_id.clone(), target.joinability.code))
        .collect();
    shown.sort_by(|(one, _), (other, _)| one.cmp(other));
    let expected = [
        (user("sam"), Some(Code::PermissionRequired)),
        (user("taylor"), None),
    ];
    assert_eq!(shown, expected);
    let request = InvitationRequest {
        user_ids: vec![user("taylor"), user("casey")],
    };
    let invited = world.calls.invite(&riley, &call, &request).await;
    assert_eq!(code(invited), Code::UserOffline);
    let taylor = caller("taylor", "acme");
    let open = world.calls.open_invitations(&taylor).await.unwrap();
    assert_eq!(open.data, [], "all or nobody");
    let request = InvitationRequest {
        user_ids: vec![user("taylor")],
    };
    world.calls.invite(&riley, &call, &request).await.unwrap();
    let open = world.calls.open_invitations(&taylor).await.unwrap().data;
    assert_eq!(open.len(), 1);
    let join = JoinRequest {
        invitation_id: Some(open[0].id.clone()),
    };
    world.calls.join(&taylor, &call, &join).await.unwrap();
    let open = world.calls.open_invitations(&taylor).await.unwrap();
    assert_eq!(open.data, []);
}

#[tokio::test]
async fn w3_only_the_desktop_app_coaches() {
    let world = World::new().await;
    let call = world.answered().await;
    let web = Caller {
        client_type: ClientType::Web,
        ..caller("morgan", "acme")
    };
    let join = world.calls.join(&web, &call, &JoinRequest::default()).await;
    assert_eq!(code(join), Code::UserOffline);
}

#[tokio::test]
async fn m2_levels_go_only_to_those_who_hear() {
    let world = World::new().await;
    let call = world.answered().await;
    world.join("morgan", &call).await.unwrap();
    world.join("casey", &call).await.unwrap();
    world
        .mode("morgan", &call, CoachMode::Whisper)
        .await
        .unwrap();
    let level = |leg, reach, level_dbov| LegLevel {
        leg,
        reach,
        level_dbov,
    };
    let levels = vec![
        level(REP_LEG, Mode::Barge, -20),
        level(LegNumber(2), Mode::Whisper, -30),
    ];
    let event = MediaEvent::Levels {
        call: call.clone(),
        levels,
    };
    world.media_events.send(event).await.unwrap();
    let levels = world.events.wait_levels(3).await;
    let of = |name: &str| {
        let mut all = levels.iter().filter(|(to, _)| *to == user(name));
        all.next().map(|(_, levels)| levels.len())
    };
    assert_eq!(of("riley"), Some(2));
    assert_eq!(of("morgan"), Some(2), "their own too");
    assert_eq!(of("casey"), Some(1));
    assert_eq!(of("taylor"), None);
}

#[tokio::test]
async fn the_rep_alone_is_told_of_keys_and_how_many() {
    let world = World::new().await;
    let call = world.answered().await;
    let riley = caller("riley", "acme");
    world.calls.send_dtmf(&riley, &call, "12#").await.unwrap();
    assert_eq!(*world.line.keys.lock().unwrap(), ["12#"]);
    let count = world
        .events
        .wait("keys", |to, event| match event {
            Event::DtmfSent { digit_count, .. } if *to == user("riley") => Some(*digit_count),
            _ => None,
        })
        .await;
    assert_eq!(count, 3);
    let keys = |event: &Event| matches!(event, Event::DtmfSent { .. });
    assert_eq!(world.events.count(&user("morgan"), keys), 0);
}

#[tokio::test]
async fn j5_a_call_that_the_lead_ends_is_over_and_stays_readable() {
    let world = World::new().await;
    let call = world.answered().await;
    world.join("morgan", &call).await.unwrap();
    let (sam, page) = (caller("sam", "acme"), ListQuery::default());
    let active = world.calls.list(&sam, None, true, &page).await.unwrap();
    assert_eq!(active.data.len(), 1);
    world.line_says(LeadSignal::HungUp).await;
    let leg = world
        .leg_changed("morgan", |leg| leg.status == CoachLegStatus::Done)
        .await;
    assert_eq!(leg.end_reason, Some(LegEndReason::CallEnded));
    let over = world
        .changed("riley", &call, |call| call.status.is_over())
        .await;
    assert_eq!(over.hangup_cause, Some(HangupCause::Lead));
    let riley = caller("riley", "acme");
    assert_eq!(
        code(world.calls.hang_up(&riley, &call).await),
        Code::CallEnded
    );
    assert_eq!(code(world.join("morgan", &call).await), Code::CallEnded);
    let seen = world
        .calls
        .get(&caller("casey", "acme"), &call)
        .await
        .unwrap();
    assert_eq!(seen.coach_legs.len(), 1);
    assert_eq!(seen.joinability.code, Some(Code::CallEnded));
    let listed = world.calls.list(&riley, None, false, &page).await.unwrap();
    assert_eq!(listed.data[0].status, CallStatus::Completed);
    let active = world.calls.list(&riley, None, true, &page).await.unwrap();
    assert_eq!(active.data, []);
    let told = world.events.active.lock().unwrap().clone();
    assert_eq!(told, [(user("riley"), 1), (user("riley"), 0)]);
    assert_eq!(world.calls.active_count(), 0);
}

#[tokio::test]
async fn the_rep_alone_is_told_what_the_leads_phone_does() {
    let world = World::new().await;
    let call_id = world.answered().await;
    world.join("morgan", &call_id).await.unwrap();
    let quality = LeadQuality {
        jitter_ms: 12,
        lost_permille: 4,
        round_trip_ms: Some(84),
    };
    world.line_says(LeadSignal::Key('5')).await;
    world.line_says(LeadSignal::Quality(quality)).await;
    // What comes after them was told, so they were too.
    world.line_says(LeadSignal::HungUp).await;
    let over = |call: &Call| call.status == CallStatus::Completed;
    world.changed("riley", &call_id, over).await;
    let told = world.events.phone.lock().unwrap().clone();
    let key = '5';
    let call = call_id.clone();
    let expected = [
        ServerMessage::LeadKey { call_id: call, key },
        ServerMessage::LeadQuality { call_id, quality },
    ];
    assert_eq!(told, expected.map(|message| (user("riley"), message)));
}

#[tokio::test]
async fn why_a_phone_was_not_reached_is_kept_and_told() {
    for (signal, cause, status) in [
        (
            LeadSignal::Declined,
            HangupCause::Declined,
            CallStatus::Busy,
        ),
        (
            LeadSignal::Failed,
            HangupCause::NetworkFailed,
            CallStatus::Failed,
        ),
        (LeadSignal::Lost, HangupCause::LeadLost, CallStatus::Failed),
    ] {
        let world = World::new().await;
        let call = world.place().await.id;
        world.line_says(LeadSignal::EarlyMedia).await;
        world.line_says(signal).await;
        let over = |call: &Call| call.hangup_cause == Some(cause);
        let seen = world.changed("riley", &call, over).await;
        assert_eq!((seen.status, seen.duration), (status, 0));
    }
}
