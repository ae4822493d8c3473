//! Plan, roles and organizations (J3, A1–A3).

use crate::common::{
    Listening, Stage, answered, call_request, ends, fresh_stats, is_heard, leg_of, rep_sees, sees,
    switch, until, words,
};
use client::{EndReason, Notice, Session, SessionEvent, Settings};
use demo::actor::{Actor, in_time};
use wire::{
    CallId, CallQuery, CallStatus, CoachMode, Code, JoinRequest, LeadQuery, LegEndReason,
    ListQuery, MembershipId, MembershipPatch, OrganizationPatch, ParticipationAction,
    PhoneNumberKind, Plan, route,
};

/// Changes a member as the organization's admin does.
async fn patch(admin: &Actor, id: &MembershipId, role: Option<&str>, active: Option<bool>) {
    let api = admin.session.api();
    let roles = api
        .list(&route::LIST_ROLES, &ListQuery::default())
        .await
        .expect("roles");
    let role_id = role.map(|name| {
        let role = roles.iter().find(|role| role.name == name);
        role.expect("the role").id.clone()
    });
    let patch = MembershipPatch {
        role_id,
        active,
        ..MembershipPatch::default()
    };
    let patched = api.call(&route::CHANGE_MEMBER, id, &patch).await;
    patched.expect("the admin changes a member");
}

fn membership_of(actor: &Actor) -> MembershipId {
    let view = actor.session.view();
    view.me.as_ref().expect("me").membership.id.clone()
}

/// What the rep says now reaches the lead: the call is untouched.
async fn rep_and_lead_go_on(stage: &Stage, rep: &Actor, seed: u64) {
    let said = words(seed, 3);
    let traces = Listening::to(&[&stage.lead_heard])
        .while_saying(rep, &said)
        .await;
    assert!(traces[0].heard_well(), "{traces:?}");
    let call = rep.session.view().my_call.clone().expect("the call").call;
    assert_eq!(call.status, CallStatus::InProgress);
}

#[tokio::test(flavor = "multi_thread")]
async fn j3_a_downgraded_plan_puts_coaches_out_and_leaves_the_rep_alone() {
    let stage = Stage::set().await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let coach = stage.coach_on("casey", &call_id).await;
    let admin = stage.actor("admin").await;
    let mut told = coach.session.events();
    let organization = coach.session.view().me.clone().expect("me").organization.id;
    let change_plan = async |plan| {
        let patch = OrganizationPatch {
            plan: Some(plan),
            ..OrganizationPatch::default()
        };
        let api = admin.session.api();
        let patched = api
            .call(&route::CHANGE_ORGANIZATION, &organization, &patch)
            .await;
        patched.expect("the admin changes the plan");
    };
    change_plan(Plan::Professional).await;
    until(&coach, "the coach to be out", |view| {
        view.coaching.is_none()
    })
    .await;
    assert_eq!(
        ends(&mut told).await,
        [EndReason::Leg(LegEndReason::PlanChanged)]
    );
    until(&coach, "the call to be shown locked", |view| {
        let call = view.calls.get(&call_id);
        call.is_some_and(|call| call.joinability.code == Some(Code::PlanRequired))
    })
    .await;
    let refused = coach.session.join(call_id.clone(), None, coach.devices());
    let code = refused.await.err().and_then(|error| error.code());
    assert_eq!(code, Some(Code::PlanRequired));
    rep_and_lead_go_on(&stage, &rep, 31).await;

    change_plan(Plan::BusinessLegacy).await;
    let again = coach.session.join(call_id, None, coach.devices()).await;
    assert_eq!(again.expect("let in again").mode, CoachMode::Listen);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a_trainee_listens_and_may_not_whisper_and_a_user_may_not_listen() {
    let stage = Stage::set().await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let trainee = stage.coach_on("taylor", &call_id).await;
    let user = stage.actor("sam").await;
    for mode in [CoachMode::Whisper, CoachMode::Barge] {
        let refused = trainee.session.set_mode(mode).await;
        let code = refused.err().and_then(|error| error.code());
        assert_eq!(code, Some(Code::PermissionRequired), "{mode:?}");
    }
    sees(&user, &call_id).await;
    let refused = user
        .session
        .join(call_id.clone(), None, user.devices())
        .await;
    let code = refused.err().and_then(|error| error.code());
    assert_eq!(code, Some(Code::PermissionRequired));
    let view = user.session.view();
    assert!(
        view.calls[&call_id].coach_legs.is_empty(),
        "who listens is not for all"
    );

    rep_sees(&rep, &trainee, CoachMode::Listen).await;
    let said = words(11, 3);
    let traces = Listening::to(&[&trainee.heard])
        .while_saying(&rep, &said)
        .await;
    assert!(traces[0].heard_well(), "{traces:?}");
    assert_eq!(trainee.mouth.captured_frames(), 0);
    assert_eq!(fresh_stats(&trainee).await.packets_sent, 0);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_a_permission_taken_away_silences_the_coach_at_once_and_nobody_else() {
    let stage = Stage::set().await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let coach = stage.coach_on("casey", &call_id).await;
    let other = stage.coach_on("jordan", &call_id).await;
    let admin = stage.actor("admin").await;
    switch(&coach, CoachMode::Whisper).await;
    let whisper = words(21, 3);
    let traces = Listening::to(&[&rep.heard, &stage.lead_heard, &stage.recording])
        .while_saying(&coach, &whisper)
        .await;
    assert!(
        traces[0].heard_well(),
        "the rep hears the whisper: {traces:?}"
    );
    assert!(!is_heard(&traces[1]) && !is_heard(&traces[2]), "{traces:?}");

    patch(&admin, &membership_of(&coach), Some("Trainee"), None).await;
    rep_sees(&rep, &coach, CoachMode::Listen).await;
    let view = until(&coach, "the coach to be told why", |view| {
        let role = view.me.as_ref().map(|me| me.role.name.as_str());
        let coaching = view.coaching.as_ref();
        role == Some("Trainee") && coaching.is_some_and(|c| c.mode() == CoachMode::Listen)
    })
    .await;
    let coaching = view.coaching.as_ref().expect("still on the call");
    let last = coaching.leg.participation_history.last().expect("history");
    assert_eq!(last.action, ParticipationAction::MovedToListen);

    // The coach talks on, into a closed microphone; nobody hears any of it.
    let after = words(22, 3);
    let everybody = [
        &rep.heard,
        &stage.lead_heard,
        &stage.recording,
        &other.heard,
    ];
    let traces = Listening::to(&everybody).while_saying(&coach, &after).await;
    assert!(traces.iter().all(|trace| !is_heard(trace)), "{traces:?}");
    coach.mouth.hush();
    rep_and_lead_go_on(&stage, &rep, 23).await;

    let mut told = coach.session.events();
    patch(&admin, &membership_of(&coach), Some("User"), None).await;
    until(&coach, "the coach to be out", |view| {
        view.coaching.is_none()
    })
    .await;
    let wanted = [EndReason::Leg(LegEndReason::PermissionRevoked)];
    assert_eq!(ends(&mut told).await, wanted);
    patch(&admin, &membership_of(&other), None, Some(false)).await;
    until(&rep, "the deactivated coach to be out", |view| {
        leg_of(view, &other.user_id)
            .is_some_and(|leg| leg.end_reason == Some(LegEndReason::Deactivated))
    })
    .await;
    rep_and_lead_go_on(&stage, &rep, 24).await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_another_organization_sees_nothing_and_hears_of_nothing() {
    let stage = Stage::set().await;
    let stranger = stranger(&stage).await;
    let mut told = stranger.session.events();
    let (_rep, call_id) = stage.rep_on_a_call().await;
    let _coach = stage.coach_on("casey", &call_id).await;

    let api = stranger.session.api();
    let none = |code: Option<Code>| assert_eq!(code, Some(Code::NotFound));
    none(
        api.call(&route::GET_CALL, &call_id, &())
            .await
            .err()
            .and_then(|e| e.code()),
    );
    none(
        api.call(&route::HANG_UP, &call_id, &())
            .await
            .err()
            .and_then(|e| e.code()),
    );
    let joined = api
        .call(&route::JOIN, &call_id, &JoinRequest::default())
        .await;
    none(joined.err().and_then(|e| e.code()));
    let targets = api
        .call(&route::LIST_INVITATION_TARGETS, &call_id, &())
        .await;
    none(targets.err().and_then(|e| e.code()));
    let calls = api.list(&route::LIST_CALLS, &CallQuery::default()).await;
    assert!(calls.expect("calls").is_empty());
    let users = api
        .list(&route::LIST_USERS, &ListQuery::default())
        .await
        .expect("users");
    assert!(users.iter().all(|user| user.id == stranger.user_id));
    let leads = api
        .list(&route::LIST_LEADS, &LeadQuery::named("Globex"))
        .await
        .expect("leads");
    assert!(leads.is_empty());

    // A call of their own comes after all that was told of the other: so there was nothing.
    let request = call_request(&stranger, PhoneNumberKind::Internal, "Umbrella", None).await;
    let own = stranger.session.place_call(request, stranger.devices());
    let own: CallId = own.await.expect("a call of their own").id;
    answered(&stranger).await;
    while let Ok(event) = told.try_recv() {
        match event {
            SessionEvent::Notice(Notice::Call(call)) => assert_eq!(call.id, own),
            SessionEvent::Notice(Notice::Availability(line)) => {
                assert_eq!(line.user_id, stranger.user_id);
            }
            SessionEvent::Notice(Notice::Levels(call_id, _)) => assert_eq!(call_id, own),
            SessionEvent::Notice(Notice::Invited(_) | Notice::Coaching(_)) => {
                panic!("{event:?}");
            }
            _ => {}
        }
    }
    let view = stranger.session.view();
    assert!(view.calls.keys().all(|id| *id == own));
    assert!(view.availability.keys().all(|id| *id == stranger.user_id));
    stage.strike().await;
}

/// The admin of the demonstration's second organization.
async fn stranger(stage: &Stage) -> Actor {
    let session = Session::start(Settings::new(&stage.server)).expect("an address");
    let signed_in = session.sign_in("other@other.example", "demo-password");
    let user_id = signed_in.await.expect("the other organization signs in");
    let online = session
        .wait_until(|view| view.connection == client::Connection::Online && view.me.is_some());
    in_time("the stranger to come online", online)
        .await
        .expect("in time")
        .expect("online");
    Actor {
        name: "other",
        user_id,
        session,
        mouth: demo::actor::Mouth::default(),
        heard: demo::tape::Track::default(),
    }
}
