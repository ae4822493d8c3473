//! Modes, and what rep and coach see and hear of them (M1, M2, M4, W5), also after a broken connection.

use crate::common::{
    Listening, Stage, fresh_stats, is_heard, join, leg_of, rep_sees, switch, until, words,
};
use client::{MediaStatus, Notice, SessionEvent};
use wire::{CoachLegStatus, CoachMode, ParticipationAction};

#[tokio::test(flavor = "multi_thread")]
async fn m1_w5_a_coach_enters_in_listen_switches_at_will_and_the_rep_sees_it() {
    let stage = Stage::set().await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let coach = stage.coach_on("casey", &call_id).await;
    let leg_id = coach.session.coaching().expect("a leg").leg.id;
    rep_sees(&rep, &coach, CoachMode::Listen).await;
    let view = rep.session.view();
    let user = &view.users[&coach.user_id];
    assert_eq!(user.first_name, "Casey", "the rep has a name to show");
    let mut events = coach.session.events();
    let (listen, whisper, barge) = (CoachMode::Listen, CoachMode::Whisper, CoachMode::Barge);
    let course = [whisper, barge, listen, barge, whisper, listen, whisper];
    for mode in course {
        switch(&coach, mode).await;
        rep_sees(&rep, &coach, mode).await;
    }
    while let Ok(event) = events.try_recv() {
        // The notice of the first connection may still be under way; a new one begins otherwise.
        let begins = matches!(
            event,
            SessionEvent::Notice(Notice::Media(status)) if status != MediaStatus::Connected
        );
        assert!(!begins, "no switch makes a new connection: {event:?}");
    }
    let leg = coach.session.coaching().expect("a leg").leg;
    assert_eq!(leg.id, leg_id);
    let history: Vec<_> = leg.participation_history.iter().map(|e| e.action).collect();
    let mut wanted = vec![ParticipationAction::Listen];
    wanted.extend(course.map(|mode| match mode {
        CoachMode::Listen => ParticipationAction::Listen,
        CoachMode::Whisper => ParticipationAction::Whisper,
        CoachMode::Barge => ParticipationAction::Barge,
    }));
    assert_eq!(history, wanted);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_m4_nothing_leaves_a_listening_coach_and_a_whisper_stays_with_the_rep() {
    let stage = Stage::set().await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let coach = stage.coach_on("casey", &call_id).await;
    let other = stage.coach_on("morgan", &call_id).await;
    let tracks = [
        &rep.heard,
        &stage.lead_heard,
        &stage.recording,
        &other.heard,
    ];
    let said = words(61, 3);
    let traces = Listening::to(&tracks).while_saying(&coach, &said).await;
    assert!(traces.iter().all(|trace| !is_heard(trace)), "{traces:?}");
    assert_eq!(coach.mouth.captured_frames(), 0, "a closed microphone");
    let stats = fresh_stats(&coach).await;
    assert_eq!((stats.packets_sent, stats.microphone_open), (0, false));
    coach.mouth.hush();

    for (mode, seed) in [(CoachMode::Whisper, 62), (CoachMode::Barge, 63)] {
        switch(&coach, mode).await;
        let said = words(seed, 3);
        let traces = Listening::to(&tracks).while_saying(&coach, &said).await;
        assert!(traces[0].heard_well(), "{mode:?}: {traces:?}");
        for trace in &traces[1..] {
            assert_eq!(
                is_heard(trace),
                mode == CoachMode::Barge,
                "{mode:?}: {traces:?}"
            );
        }
    }

    switch(&coach, CoachMode::Listen).await;
    let sent = fresh_stats(&coach).await.packets_sent;
    let said = words(64, 3);
    let traces = Listening::to(&tracks).while_saying(&coach, &said).await;
    assert!(traces.iter().all(|trace| !is_heard(trace)), "{traces:?}");
    assert_eq!(fresh_stats(&coach).await.packets_sent, sent);
    assert_eq!(fresh_stats(&other).await.packets_sent, 0);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coach_whose_client_dies_comes_back_on_the_same_leg_in_listen() {
    let stage = Stage::set().await;
    let (rep, call_id) = stage.rep_on_a_call().await;
    let coach = stage.coach_on("casey", &call_id).await;
    switch(&coach, CoachMode::Barge).await;
    rep_sees(&rep, &coach, CoachMode::Barge).await;
    let leg_id = coach.session.coaching().expect("a leg").leg.id;
    let user_id = coach.user_id.clone();
    drop(coach); // As when its machine loses power: nothing is said to the service.

    let coach = stage.actor("casey").await;
    let leg = join(&coach, &call_id).await;
    assert_eq!(leg.id, leg_id, "a reconnect goes on with the same leg");
    assert_eq!(leg.mode, CoachMode::Listen, "in doubt the narrower");
    coach.connected().await.expect("sound again");
    until(&rep, "the rep to see the coach back", |view| {
        leg_of(view, &user_id).is_some_and(|leg| leg.status == CoachLegStatus::Connected)
    })
    .await;
    let said = words(71, 3);
    let traces = Listening::to(&[&coach.heard, &stage.lead_heard])
        .while_saying(&rep, &said)
        .await;
    assert!(traces.iter().all(|trace| trace.heard_well()), "{traces:?}");
    assert_eq!(coach.session.view().media, MediaStatus::Connected);
    stage.strike().await;
}
