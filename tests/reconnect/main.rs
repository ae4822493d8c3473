//! A connection that is lost during a call and comes back: it is shown, the leg is the same, the mode
//! is the narrowest until it is confirmed again, and the call goes on.
#![allow(clippy::expect_used, clippy::panic, reason = "so does a test fail")]

#[path = "../common/mod.rs"]
mod common;

mod relay;
mod restart;

use client::{Audience, Connection, EndReason, MediaStatus, View};
use common::{Listening, Stage, answered, is_heard, join, leg_of, place, switch, until, words};
use demo::actor::{Actor, in_time};
use relay::{SoundRelay, WireRelay};
use std::time::Duration;
use wire::{
    CallId, CallStatus, CoachLegStatus, CoachMode, HangupCause, LegId, ParticipationAction,
    PhoneNumberKind, route,
};

/// A leg is held for 30 s from when its loss is noticed.
const OUTAGE: Duration = Duration::from_secs(28);

/// A rep and a coach on a call, each behind relays.
struct Scene {
    stage: Stage,
    sound: SoundRelay,
    rep_wire: WireRelay,
    coach_wire: WireRelay,
    rep: Actor,
    coach: Actor,
    call_id: CallId,
    leg_id: LegId,
}

impl Scene {
    async fn set() -> Self {
        let sound = SoundRelay::bind().await;
        let stage = Stage::set_with(|config| {
            config.media_port_base = sound.service.port();
            config.media_advertise = Some(sound.address.ip());
        })
        .await;
        let rep_wire = WireRelay::to(stage.service.http_addr).await;
        let coach_wire = WireRelay::to(stage.service.http_addr).await;
        let rep = Actor::sign_in(&rep_wire.url, "riley")
            .await
            .expect("online");
        let call_id = place(&rep, PhoneNumberKind::Internal, "Globex", None).await;
        answered(&rep).await;
        rep.connected().await.expect("the rep's sound");
        let coach = Actor::sign_in(&coach_wire.url, "casey")
            .await
            .expect("online");
        let leg_id = join(&coach, &call_id).await.id;
        coach.connected().await.expect("the coach's sound");
        assert_eq!(sound.clients(), 2, "everybody's sound is relayed");
        Self {
            stage,
            sound,
            rep_wire,
            coach_wire,
            rep,
            coach,
            call_id,
            leg_id,
        }
    }

    /// Who hears the coach say words of this voice: the rep, and the lead.
    async fn heard(&self, seed: u64) -> (bool, bool) {
        let tracks = [&self.rep.heard, &self.stage.lead_heard];
        let traces = Listening::to(&tracks)
            .while_saying(&self.coach, &words(seed, 4))
            .await;
        self.coach.mouth.hush();
        (traces[0].heard_well(), is_heard(&traces[1]))
    }

    /// The rep and the lead hear each other; said by what the lead hears of the rep.
    async fn the_call_goes_on(&self, seed: u64) {
        let tracks = [&self.stage.lead_heard];
        let traces = Listening::to(&tracks)
            .while_saying(&self.rep, &words(seed, 4))
            .await;
        assert!(traces[0].heard_well(), "{traces:?}");
    }

    /// The coach is on the same leg, and it is the only one; the call was never touched.
    async fn same_leg(&self) -> Vec<ParticipationAction> {
        let call = self
            .coach
            .session
            .api()
            .call(&route::GET_CALL, &self.call_id, &())
            .await
            .expect("the call");
        assert_eq!(call.status, CallStatus::InProgress);
        let legs: Vec<_> = call.coach_legs.iter().map(|leg| &leg.id).collect();
        assert_eq!(legs, [&self.leg_id], "one leg, and the same");
        let coaching = self.coach.session.coaching().expect("coaching");
        assert_eq!(coaching.leg.id, self.leg_id);
        let view = self.rep.session.view();
        let mine = view.my_call.as_ref().expect("the rep's call");
        assert_eq!((&mine.call.id, mine.ending), (&self.call_id, false));
        let history = &call.coach_legs[0].participation_history;
        history.iter().map(|entry| entry.action).collect()
    }

    async fn coach_is_back(&self, mode: CoachMode) {
        until(&self.coach, "the coach to be back", |view| {
            let coaching = view.coaching.as_ref();
            view.connection == Connection::Online
                && view.media == MediaStatus::Connected
                && coaching.is_some_and(|c| c.connected && c.mode() == mode)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whispering_coach_whose_websocket_breaks_listens_until_the_mode_is_confirmed() {
    let scene = Scene::set().await;
    switch(&scene.coach, CoachMode::Whisper).await;
    assert_eq!(scene.heard(201).await, (true, false));

    scene.coach_wire.break_off();
    let view = until(&scene.coach, "the break to be shown", |view| {
        matches!(view.connection, Connection::Offline | Connection::Resuming)
    })
    .await;
    let coaching = view.coaching.as_ref().expect("still coaching");
    assert_eq!(
        (coaching.mode(), coaching.connected),
        (CoachMode::Listen, false)
    );
    assert_eq!(coaching.audience(), Audience::Nobody);
    assert_eq!(
        scene.heard(202).await,
        (false, false),
        "in doubt nobody hears the coach"
    );

    scene.coach_wire.mend();
    // The service kept the grant, for the sound was never lost: confirmed, it holds again.
    scene.coach_is_back(CoachMode::Whisper).await;
    assert_eq!(scene.heard(203).await, (true, false));
    let history = scene.same_leg().await;
    assert!(
        !history.contains(&ParticipationAction::ConnectionLost),
        "{history:?}"
    );
    scene.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rep_whose_websocket_breaks_goes_on_speaking_and_sees_what_was_missed() {
    let scene = Scene::set().await;
    scene.rep_wire.break_off();
    until(&scene.rep, "the break to be shown", |view| {
        matches!(view.connection, Connection::Offline | Connection::Resuming)
    })
    .await;
    scene.the_call_goes_on(211).await;
    switch(&scene.coach, CoachMode::Whisper).await;
    assert_eq!(scene.heard(212).await, (true, false));

    scene.rep_wire.mend();
    until(
        &scene.rep,
        "the rep to see the mode that was missed",
        |view| {
            let leg = leg_of(view, &scene.coach.user_id);
            view.connection == Connection::Online
                && leg.is_some_and(|leg| leg.mode == CoachMode::Whisper)
        },
    )
    .await;
    scene.the_call_goes_on(213).await;
    scene.same_leg().await;
    scene.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coach_whose_sound_is_lost_comes_back_on_the_same_leg_in_listen() {
    let scene = Scene::set().await;
    switch(&scene.coach, CoachMode::Barge).await;
    scene.sound.cut_after(1);
    let view = until(&scene.coach, "the loss to be shown", |view| {
        view.media == MediaStatus::Reconnecting
    })
    .await;
    let coaching = view.coaching.as_ref().expect("still coaching");
    assert_eq!(
        (coaching.mode(), coaching.connected),
        (CoachMode::Listen, false)
    );
    until(&scene.rep, "the rep to be shown the loss", |view| {
        let leg = leg_of(view, &scene.coach.user_id);
        leg.is_some_and(|leg| leg.status == CoachLegStatus::Reconnecting)
    })
    .await;
    scene.the_call_goes_on(221).await;
    assert_eq!(scene.coach.session.view().media, MediaStatus::Reconnecting);

    scene.sound.mend();
    scene.coach_is_back(CoachMode::Listen).await;
    assert_eq!(scene.heard(222).await, (false, false));
    switch(&scene.coach, CoachMode::Whisper).await;
    assert_eq!(scene.heard(223).await, (true, false));
    let history = scene.same_leg().await;
    for action in [
        ParticipationAction::ConnectionLost,
        ParticipationAction::Reconnected,
    ] {
        assert!(history.contains(&action), "{history:?}");
    }
    scene.stage.strike().await;
}

/// The cable is pulled, or the laptop slept: nothing passes and nobody is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_every_connection_is_dead_for_half_a_minute_goes_on() {
    let scene = Scene::set().await;
    switch(&scene.coach, CoachMode::Whisper).await;
    let mended_at = tokio::time::Instant::now() + OUTAGE;
    scene.sound.cut_after(0);
    scene.rep_wire.silence();
    scene.coach_wire.silence();
    for actor in [&scene.rep, &scene.coach] {
        until(actor, "the loss to be shown", |view| {
            view.media == MediaStatus::Reconnecting && view.connection != Connection::Online
        })
        .await;
    }
    let coaching = scene.coach.session.coaching().expect("still coaching");
    assert_eq!(coaching.mode(), CoachMode::Listen);
    // The outage itself has a length; nothing else here waits for a time.
    tokio::time::sleep_until(mended_at).await;
    scene.sound.mend();
    scene.rep_wire.mend();
    scene.coach_wire.mend();
    scene.coach_is_back(CoachMode::Listen).await;
    until(&scene.rep, "the rep to be back", |view| {
        let mine = view.my_call.as_ref().map(|mine| mine.call.status);
        view.connection == Connection::Online
            && view.media == MediaStatus::Connected
            && mine == Some(CallStatus::InProgress)
    })
    .await;
    scene.the_call_goes_on(231).await;
    assert_eq!(scene.heard(232).await, (false, false));
    switch(&scene.coach, CoachMode::Whisper).await;
    assert_eq!(scene.heard(233).await, (true, false));
    scene.same_leg().await;
    let stopping = scene.stage.strike();
    in_time("the end", stopping)
        .await
        .expect("the service stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn j5_a_hang_up_in_an_outage_ends_the_call_as_soon_as_the_connection_is_back() {
    let scene = Scene::set().await;
    // Nothing passes and nobody is told: the worst that a network does.
    scene.rep_wire.silence();
    let session = scene.rep.session.clone();
    let hung_up = tokio::spawn(async move { session.hang_up().await });
    until(&scene.rep, "the call to be over here", |view| {
        view.my_call.is_none()
    })
    .await;
    until(&scene.rep, "the break to be shown", |view| {
        view.connection != Connection::Online
    })
    .await;
    assert!(scene.coach.session.coaching().is_some(), "nobody knows yet");
    scene.rep_wire.mend();
    let done = in_time("the hang-up to be done", hung_up).await;
    done.expect("in time").expect("a task").expect("it is done");
    until(&scene.coach, "the end of the coaching", |view| {
        view.coaching.is_none()
    })
    .await;
    let call = scene
        .coach
        .session
        .api()
        .call(&route::GET_CALL, &scene.call_id, &())
        .await
        .expect("the call");
    assert_eq!(call.hangup_cause, Some(HangupCause::Rep));
    scene.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_a_mode_asked_for_in_an_outage_is_granted_when_the_connection_is_back() {
    let scene = Scene::set().await;
    scene.coach_wire.silence();
    let session = scene.coach.session.clone();
    let switched = tokio::spawn(async move { session.set_mode(CoachMode::Whisper).await });
    until(&scene.coach, "the break to be shown", |view| {
        let coaching = view.coaching.as_ref();
        view.connection != Connection::Online
            && coaching.is_some_and(|c| c.mode_under_way() == Some(CoachMode::Whisper))
    })
    .await;
    assert_eq!(scene.heard(241).await, (false, false));
    scene.coach_wire.mend();
    scene.coach_is_back(CoachMode::Whisper).await;
    let done = in_time("the switch to be done", switched).await;
    done.expect("in time").expect("a task").expect("it is done");
    assert_eq!(scene.heard(242).await, (true, false));
    scene.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j5_a_coach_sees_that_the_rep_is_lost_and_learns_why_the_call_ended() {
    let scene = Scene::set().await;
    let mut events = scene.coach.session.events();
    let lost_at = tokio::time::Instant::now();
    // The coach's sound came second.
    scene.sound.cut_all_but(1);
    scene.rep_wire.silence();
    let reconnecting = |is: bool| {
        move |view: &View| {
            let call = view.calls.values().next();
            call.is_some_and(|call| call.rep_reconnecting == is)
        }
    };
    until(
        &scene.coach,
        "the rep's loss to be shown",
        reconnecting(true),
    )
    .await;
    println!("seen after {:?}", lost_at.elapsed());
    // The service waits for half a minute, and so does the rep.
    let lost = |view: &View| view.media == MediaStatus::Lost;
    let told = tokio::time::timeout(2 * OUTAGE, scene.rep.session.wait_until(lost)).await;
    told.expect("the rep to be told that it was too long")
        .expect("a view");
    let reason = EndReason::Call(Some(HangupCause::RepLost));
    assert_eq!(common::ends(&mut events).await, [reason]);
    scene.rep_wire.mend();
    until(&scene.rep, "the rep to be told the end", |view| {
        view.my_call.is_none()
    })
    .await;
    scene.stage.strike().await;
}
