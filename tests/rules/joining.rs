//! Which calls can be joined, by whom, and when they end (J1–J5).

use crate::common::{
    Listening, Stage, answered, config, ends, is_heard, join, leg_of, place, sees, until, words,
};
use client::{Api, EndReason};
use demo::trace::trace;
use wire::{
    CallStatus, ClientType, Code, HangupCause, JoinRequest, LegEndReason, PhoneNumberKind,
    SignInRequest, route,
};

#[tokio::test(flavor = "multi_thread")]
async fn j1_a_call_from_an_external_number_is_seen_and_cannot_be_joined() {
    let stage = Stage::set().await;
    let rep = stage.actor("riley").await;
    let coach = stage.actor("casey").await;
    let call_id = place(&rep, PhoneNumberKind::External, "Globex", None).await;
    answered(&rep).await;
    sees(&coach, &call_id).await;
    let view = coach.session.view();
    let joinability = &view.calls[&call_id].joinability;
    assert!(!joinability.joinable);
    assert_eq!(joinability.code, Some(Code::ExternalNumber));
    assert!(
        joinability
            .message
            .as_ref()
            .is_some_and(|why| !why.is_empty())
    );
    let refused = coach.session.join(call_id, None, coach.devices()).await;
    let code = refused.err().and_then(|error| error.code());
    assert_eq!(code, Some(Code::ExternalNumber));
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_hundred_parties_get_in_and_the_next_is_refused() {
    let parties_max = config().parties_max;
    assert_eq!(parties_max, 100, "the product's own bound");
    let stage = Stage::set_with(|config| config.demo_members = parties_max).await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let mut members = Vec::new();
    // Rep and lead are two of the hundred.
    for number in 1..parties_max {
        let api = Api::new(&stage.server).expect("an address");
        let request = SignInRequest {
            email: format!("member-{number:04}@demo.example"),
            password: "demo-password".into(),
            client_type: ClientType::Native,
            device_name: None,
        };
        api.sign_in(&request).await.expect("a member signs in");
        members.push(api);
    }
    let (last, first) = members.split_last().expect("members");
    for (at, member) in first.iter().enumerate() {
        let joined = member
            .call(&route::JOIN, &call_id, &JoinRequest::default())
            .await;
        assert!(joined.is_ok(), "party {}: {joined:?}", at + 3);
    }
    let refused = last
        .call(&route::JOIN, &call_id, &JoinRequest::default())
        .await;
    let code = refused.err().and_then(|error| error.code());
    assert_eq!(code, Some(Code::CallFull));
    // One leaves, and there is a place.
    first[0]
        .call(&route::LEAVE, &call_id, &())
        .await
        .expect("the first leaves");
    let joined = last
        .call(&route::JOIN, &call_id, &JoinRequest::default())
        .await;
    assert!(joined.is_ok(), "{joined:?}");
    let call = rep.session.view().my_call.clone().expect("the call");
    assert_eq!(call.call.status, CallStatus::InProgress);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j4_nobody_coaches_a_call_of_their_own() {
    let stage = Stage::set().await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let second_device = stage.actor("riley").await;
    for device in [&rep, &second_device] {
        let join = JoinRequest::default();
        let refused = device
            .session
            .api()
            .call(&route::JOIN, &call_id, &join)
            .await;
        let code = refused.err().and_then(|error| error.code());
        assert_eq!(code, Some(Code::OwnCall));
    }
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j4_a_second_device_takes_the_sound_over_on_the_same_leg() {
    let stage = Stage::set().await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let first = stage.coach_on("casey", &call_id).await;
    let leg_id = first.session.coaching().expect("a leg").leg.id;
    let mut events = first.session.events();

    let second = stage.actor("casey").await;
    let leg = join(&second, &call_id).await;
    assert_eq!(leg.id, leg_id, "the leg goes on");
    second.connected().await.expect("the second device's sound");
    until(&first, "the first device to be told", |view| {
        view.coaching.is_none()
    })
    .await;
    assert_eq!(ends(&mut events).await, [EndReason::MovedDevice]);

    let said = words(41, 3);
    let traces = Listening::to(&[&second.heard])
        .while_saying(&rep, &said)
        .await;
    assert!(traces[0].heard_well(), "the new device hears: {traces:?}");
    let old = trace(&said, &first.heard.between(0, first.heard.len()));
    assert!(!is_heard(&old), "the old one does not: {old:?}");
    let view = rep.session.view();
    let legs = view
        .my_call
        .as_ref()
        .expect("the call")
        .call
        .coach_legs
        .len();
    assert_eq!(legs, 1, "the rep sees one coach");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j5_the_lead_hangs_up_and_all_is_over() {
    let stage = Stage::set().await;
    let rep = stage.actor("riley").await;
    let coach = stage.actor("casey").await;
    let mut told = coach.session.events();
    let hangs_up = Some("+15557000203");
    let call_id = place(&rep, PhoneNumberKind::Internal, "Initech", hangs_up).await;
    join(&coach, &call_id).await;
    until(&rep, "the end of the rep's call", |view| {
        view.my_call.is_none()
    })
    .await;
    until(&coach, "the end of the coaching", |view| {
        view.coaching.is_none()
    })
    .await;
    let call = rep
        .session
        .api()
        .call(&route::GET_CALL, &call_id, &())
        .await
        .expect("the call");
    assert_eq!(call.status, CallStatus::Completed);
    assert_eq!(call.hangup_cause, Some(HangupCause::Lead));
    assert_eq!(call.coach_legs[0].end_reason, Some(LegEndReason::CallEnded));
    assert_eq!(
        ends(&mut told).await,
        [EndReason::Call(Some(HangupCause::Lead))]
    );
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j5_a_coach_leaves_alone_and_the_rep_ends_it_for_all() {
    let stage = Stage::set().await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let casey = stage.coach_on("casey", &call_id).await;
    let morgan = stage.coach_on("morgan", &call_id).await;
    casey.session.leave().await.expect("casey leaves");
    until(&rep, "the rep to see that casey left", |view| {
        leg_of(view, &casey.user_id).is_some_and(|leg| leg.end_reason == Some(LegEndReason::Left))
    })
    .await;
    let said = words(51, 3);
    let traces = Listening::to(&[&morgan.heard, &stage.lead_heard])
        .while_saying(&rep, &said)
        .await;
    assert!(traces.iter().all(|trace| trace.heard_well()), "{traces:?}");

    rep.session.hang_up().await.expect("the rep hangs up");
    until(&morgan, "the end of the coaching", |view| {
        view.coaching.is_none()
    })
    .await;
    let call = rep
        .session
        .api()
        .call(&route::GET_CALL, &call_id, &())
        .await
        .expect("the call");
    assert_eq!(call.hangup_cause, Some(HangupCause::Rep));
    let ends: Vec<_> = call.coach_legs.iter().map(|leg| leg.end_reason).collect();
    assert_eq!(
        ends,
        [Some(LegEndReason::Left), Some(LegEndReason::CallEnded)]
    );
    let refused = casey.session.join(call_id, None, casey.devices()).await;
    let code = refused.err().and_then(|error| error.code());
    assert_eq!(code, Some(Code::CallEnded));
    stage.strike().await;
}
