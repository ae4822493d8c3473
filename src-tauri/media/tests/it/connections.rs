//! Connections that come, go, move and lie; and what is left of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::common;

use common::peer::Offer;
use common::sound::{HEARD_DB, SILENT_DB, silent, stamped, unstamped};
use common::{LEAD, REP, Stage, coach, until};
use media::{MediaError, MediaEvent};
use mix::{Mode, Role, RoutesError};
use wire::{CallId, MediaOffer};

const REP_HZ: f64 = 400.0;
const ONE_HZ: f64 = 1_130.0;
const TWO_HZ: f64 = 1_610.0;

fn call() -> CallId {
    CallId::parse("acti_test").unwrap()
}

fn connected(leg: mix::LegNumber) -> MediaEvent {
    MediaEvent::Connected { call: call(), leg }
}

fn lost(leg: mix::LegNumber) -> MediaEvent {
    MediaEvent::Lost { call: call(), leg }
}

#[tokio::test(flavor = "multi_thread")]
async fn j4_a_second_offer_takes_the_leg_over_and_begins_in_listen() {
    let mut stage = Stage::new(1).await;
    stage.lead(None).await;
    let _rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    let old = stage
        .join(coach(1), Role::Coach, stamped(ONE_HZ, Mode::Barge))
        .await;
    stage.grant(coach(1), Mode::Barge).await;
    stage.lead.hears(ONE_HZ).await;

    let new = stage.connect(coach(1), stamped(TWO_HZ, Mode::Barge)).await;
    until("the old device is told good-bye", || old.is_closed()).await;
    new.ring.hears(REP_HZ).await;
    // Neither device is heard until a mode is granted again.
    stage.lead.hears_not(ONE_HZ).await;
    stage.lead.listen(25).await;
    assert!(stage.lead.loudest_db(TWO_HZ) < SILENT_DB);
    stage.grant(coach(1), Mode::Barge).await;
    stage.lead.hears(TWO_HZ).await;
    assert!(stage.lead.loudest_db(ONE_HZ) < SILENT_DB);

    assert_eq!(stage.event().await, connected(REP));
    assert_eq!(stage.event().await, connected(coach(1)));
    assert_eq!(stage.event().await, connected(coach(1)));
    assert_eq!(stage.metrics().await.connections, 2);
    stage.media.stop().await;
}

/// Ticks whose packet may be missing when a client changes its network: a second.
const SILENT_MAX: u64 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn an_ice_restart_keeps_the_connection_and_interrupts_nothing() {
    let mut stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    let listens = stage.join(coach(1), Role::Coach, silent()).await;
    stage.lead.hears(REP_HZ).await;
    assert_eq!(stage.event().await, connected(REP));
    assert_eq!(stage.event().await, connected(coach(1)));
    for (leg, peer) in [(REP, &rep), (coach(1), &listens)] {
        for _ in 0..3 {
            let (gaps, packets) = (peer.gaps(), peer.packets());
            let restart = stage.peers.restart_ice(peer);
            let answer = stage.answer(leg, &restart.sdp).await;
            stage.peers.accept(peer, restart, &answer);
            let heard = packets + SILENT_MAX;
            until("sound goes on", || peer.packets() > heard).await;
            assert_eq!(peer.gaps(), gaps, "nothing is missing");
            assert!(!peer.is_closed());
        }
    }
    stage.lead.listen(25).await;
    assert!(stage.lead.loudest_db(REP_HZ) > HEARD_DB);
    // Beyond what a client may be silent for: its checks reach it under their new name.
    listens.ring.listen(300).await;
    listens.ring.hears(REP_HZ).await;
    assert_eq!(stage.metrics().await.connections, 2);
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ice_restart_moves_a_client_to_another_network_within_a_second() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    stage.lead.hears(REP_HZ).await;
    let gaps = rep.gaps();
    stage.peers.change_network(&rep);
    let restart = stage.peers.restart_ice(&rep);
    let answer = stage.answer(REP, &restart.sdp).await;
    stage.peers.accept(&rep, restart, &answer);
    let packets = rep.packets();
    until("sound goes on", || rep.packets() > packets + 25).await;
    let missing = rep.gaps() - gaps;
    assert!(missing <= SILENT_MAX, "{missing}");
    stage.lead.listen(25).await;
    stage.lead.hears(REP_HZ).await;
    assert_eq!(stage.metrics().await.connections, 1);
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_offer_again_is_answered_by_the_same_connection() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    stage
        .media
        .add_leg(&stage.call, REP, Role::Rep)
        .await
        .unwrap();
    let offer = Offer::new();
    let sdp = offer.sdp();
    let first = stage.answer(REP, &sdp).await;
    // While it is being set up, and once it is up.
    let again = stage.answer(REP, &sdp).await;
    let line = |sdp: &str, prefix: &str| {
        let found = sdp.lines().find(|line| line.starts_with(prefix));
        found.unwrap().to_owned()
    };
    let same = |answer: &str| {
        for prefix in ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:"] {
            assert_eq!(line(answer, prefix), line(&first, prefix));
        }
    };
    same(&again);
    let rep = stage.peers.add(offer.accept(&first), unstamped(REP_HZ));
    stage.lead.hears(REP_HZ).await;
    let (gaps, packets) = (rep.gaps(), rep.packets());
    // A plain new offer counts the version up.
    let session = line(&sdp, "o=");
    let mut fields: Vec<&str> = session.split(' ').collect();
    fields[2] = "7";
    let plain = sdp.replace(&session, &fields.join(" "));
    same(&stage.answer(REP, &plain).await);
    until("sound goes on", || rep.packets() > packets + SILENT_MAX).await;
    assert_eq!(rep.gaps(), gaps, "nothing is missing");
    stage.lead.listen(25).await;
    assert!(stage.lead.loudest_db(REP_HZ) > HEARD_DB);
    assert_eq!(stage.metrics().await.connections, 1);
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m1_m3_a_coach_is_in_listen_after_an_ice_restart() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    let speaks = stage
        .join(coach(1), Role::Coach, stamped(ONE_HZ, Mode::Barge))
        .await;
    stage.grant(coach(1), Mode::Barge).await;
    stage.lead.hears(ONE_HZ).await;
    let restart = stage.peers.restart_ice(&speaks);
    let answer = stage.answer(coach(1), &restart.sdp).await;
    stage.peers.accept(&speaks, restart, &answer);
    // They go on speaking and stamping Barge, and are not heard until it is granted again.
    stage.lead.hears_not(ONE_HZ).await;
    stage.lead.listen(25).await;
    assert!(stage.lead.loudest_db(ONE_HZ) < SILENT_DB);
    stage.grant(coach(1), Mode::Barge).await;
    stage.lead.hears(ONE_HZ).await;
    assert!(!speaks.is_closed());
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_never_connects_leaves_the_old_connection_up() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    let guest = stage.join(coach(1), Role::Coach, silent()).await;
    for _ in 0..20 {
        let offer = Offer::new().offer();
        for leg in [coach(1), REP] {
            stage.media.connect(&stage.call, leg, &offer).await.unwrap();
        }
    }
    guest.ring.listen(25).await;
    assert!(guest.ring.loudest_db(REP_HZ) > HEARD_DB);
    assert!(rep.packets() > 10);
    // One beside each, however many were offered.
    assert_eq!(stage.metrics().await.connections, 4);
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_who_falls_silent_is_lost_and_comes_back() {
    let mut stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    assert_eq!(stage.event().await, connected(REP));
    rep.cut_off(true);
    assert_eq!(stage.event().await, lost(REP));
    rep.cut_off(false);
    assert_eq!(stage.event().await, connected(REP));
    stage.lead.hears(REP_HZ).await;
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_instead_of_an_offer_is_refused_with_its_reason() {
    let stage = Stage::new(1).await;
    let leg = coach(1);
    stage
        .media
        .add_leg(&stage.call, leg, Role::Coach)
        .await
        .unwrap();
    let good = Offer::new().sdp();
    let video = good.replace("m=audio", "m=video");
    let section = good.split_once("m=audio").unwrap();
    let two = format!("{good}m=audio{}", section.1);
    let header_only = section.0.to_owned();
    let no_fingerprint = without(&good, "a=fingerprint");
    let no_ice = without(&good, "a=ice-ufrag");
    let pcmu = good.replace("opus/48000/2", "PCMU/8000");
    let inactive = good.replace("a=sendrecv", "a=inactive");
    let send_only = good.replace("a=sendrecv", "a=sendonly");
    let long = format!("{good}{}", "a=x\r\n".repeat(16 * 1024));
    type Expected = fn(&MediaError) -> bool;
    let malformed: Expected = |e| matches!(e, MediaError::OfferMalformed(_));
    let no_audio: Expected = |e| *e == MediaError::NoAudio;
    let table: [(&str, String, Expected); 13] = [
        ("empty", String::new(), malformed),
        ("prose", "hello, is anybody there?".to_owned(), malformed),
        ("NUL", "\0\0\0".to_owned(), malformed),
        ("not ASCII", "v=0\r\no=é\r\n".to_owned(), malformed),
        ("cut off", good[..good.len() / 3].to_owned(), |_| true),
        ("header only", header_only, |_| true),
        ("video", video, no_audio),
        ("two sections", two, |_| true),
        ("no fingerprint", no_fingerprint, malformed),
        ("no ICE", no_ice, malformed),
        ("no Opus", pcmu, |e| *e == MediaError::NoOpus),
        ("inactive", inactive, no_audio),
        ("send only", send_only, no_audio),
    ];
    for (what, offer, expected) in table {
        let offer = MediaOffer::new(offer);
        let error = stage.media.connect(&stage.call, leg, &offer).await;
        let error = error.expect_err(what);
        assert!(expected(&error), "{what}: {error:?}");
        assert!(error.to_string().len() < 200, "{what}: {error}");
    }
    let error = stage
        .media
        .connect(&stage.call, leg, &MediaOffer::new(long))
        .await;
    assert_eq!(error, Err(MediaError::OfferTooLong));
    // Each truncation is refused or answered, and none panics.
    for len in (0..good.len()).step_by(7) {
        let cut = MediaOffer::new(&good[..len]);
        let _ = stage.media.connect(&stage.call, leg, &cut).await;
    }
    let good = MediaOffer::new(good);
    let error = stage.media.connect(&stage.call, coach(9), &good).await;
    assert_eq!(error, Err(MediaError::UnknownLeg));
    let nowhere = CallId::parse("acti_other").unwrap();
    let error = stage.media.connect(&nowhere, leg, &good).await;
    assert_eq!(error, Err(MediaError::UnknownCall));
    assert!(stage.metrics().await.connections <= 1);
    stage.media.stop().await;
}

fn without(sdp: &str, attribute: &str) -> String {
    let lines = sdp.lines().filter(|line| !line.starts_with(attribute));
    lines.map(|line| format!("{line}\r\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_says_opus_with_fec_ice_lite_and_both_extensions() {
    let stage = Stage::new(1).await;
    let leg = coach(1);
    stage
        .media
        .add_leg(&stage.call, leg, Role::Coach)
        .await
        .unwrap();
    let offer = Offer::new().offer();
    let answered = stage.media.connect(&stage.call, leg, &offer).await.unwrap();
    assert_eq!(answered.widest, Mode::Barge);
    let answer = answered.sdp;
    let candidate = stage.media.candidates()[0];
    let candidate = format!("{} {} typ host", candidate.ip(), candidate.port());
    for expected in [
        "a=ice-lite",
        "opus/48000/2",
        "useinbandfec=1",
        "a=sendrecv",
        wire::COACH_MODE_EXTENSION_URI,
        wire::AUDIO_LEVEL_EXTENSION_URI,
        &candidate,
    ] {
        assert!(answer.contains(expected), "no {expected} in {answer}");
    }
    assert!(!answer.contains("stereo=1"));
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn legs_and_calls_leave_nothing_behind() {
    let stage = Stage::new(2).await;
    for round in 0..3 {
        if round > 0 {
            stage.media.open_call(stage.call.clone()).await.unwrap();
        }
        stage.lead(None).await;
        let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
        let guest = stage.join(coach(1), Role::Coach, silent()).await;
        let now = stage.metrics().await;
        assert_eq!((now.calls, now.legs, now.connections), (1, 3, 2));
        stage.media.remove_leg(&stage.call, coach(1)).await.unwrap();
        let now = stage.metrics().await;
        assert_eq!((now.calls, now.legs, now.connections), (1, 2, 1));
        stage.media.close_call(&stage.call).await.unwrap();
        let now = stage.metrics().await;
        assert_eq!((now.calls, now.legs, now.connections), (0, 0, 0));
        let told = || rep.is_closed() && guest.is_closed();
        until("both are told good-bye", told).await;
    }
    let handle = stage.media.clone();
    stage.media.stop().await;
    let gone = handle.add_leg(&call(), LEAD, Role::Lead).await;
    assert_eq!(gone, Err(MediaError::UnknownCall));
    assert_eq!(handle.open_call(call()).await, Err(MediaError::Stopped));
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_calls_and_legs_are_refused() {
    let stage = Stage::new(1).await;
    let media = &stage.media;
    assert_eq!(
        media.open_call(call()).await,
        Err(MediaError::DuplicateCall)
    );
    let lead = || Box::new(common::sound::ToneLead::new(None, stage.lead.clone()));
    let attached = media.attach_lead(&stage.call, lead()).await;
    assert_eq!(attached, Err(MediaError::UnknownLeg));
    stage.lead(None).await;
    let attached = media.attach_lead(&stage.call, lead()).await;
    assert_eq!(attached, Err(MediaError::NotAttachable));
    let taken = media.add_leg(&stage.call, coach(1), Role::Lead).await;
    assert_eq!(taken, Err(RoutesError::RoleTaken.into()));
    for number in 0..mix::MAX_PARTIES as u32 - 1 {
        media
            .add_leg(&stage.call, coach(number), Role::Coach)
            .await
            .unwrap();
    }
    let full = media.add_leg(&stage.call, coach(500), Role::Coach).await;
    assert_eq!(full, Err(RoutesError::Full.into()));
    stage.media.stop().await;
}
