//! Who hears whom, measured over real connections: every cell of the product's table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::common;

use common::sound::{HEARD_DB, Ring, SILENT_DB, on_track, silent, stamped, unstamped};
use common::{LEAD, REP, Stage, coach, until};
use media::{MediaError, MediaEvent};
use mix::{Mode, Role};

const REP_HZ: f64 = 400.0;
const LEAD_HZ: f64 = 730.0;
const ONE_HZ: f64 = 1_130.0;
const TWO_HZ: f64 = 1_610.0;
const THREE_HZ: f64 = 2_270.0;

/// The tracks of a coach who has one for each mode.
const WHISPERS: usize = 0;
const BARGES: usize = 1;
/// Frames in which a listener is watched: half a second.
const WATCHED: usize = 25;

fn assert_heard(who: &str, ring: &Ring, expected: &[(f64, bool)]) {
    for (tone, expected) in expected {
        let loudest = ring.loudest_db(*tone);
        if *expected {
            assert!(
                loudest > HEARD_DB,
                "{who} should hear {tone} Hz: {loudest:.0} dB"
            );
        } else {
            assert!(
                loudest < SILENT_DB,
                "{who} must not hear {tone} Hz: {loudest:.0} dB"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_of_the_table_is_as_the_product_says() {
    let stage = Stage::new(1).await;
    stage.lead(Some(LEAD_HZ)).await;
    let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    // One listens and lies about it, one whispers, one barges.
    let lying = stamped(ONE_HZ, Mode::Barge);
    let listens = stage.join(coach(1), Role::Coach, lying).await;
    let whispers = stage
        .join(coach(2), Role::Coach, stamped(TWO_HZ, Mode::Whisper))
        .await;
    let barges = stage
        .join(coach(3), Role::Coach, stamped(THREE_HZ, Mode::Barge))
        .await;
    stage.grant(coach(2), Mode::Whisper).await;
    stage.grant(coach(3), Mode::Barge).await;

    rep.ring.hears(TWO_HZ).await;
    stage.lead.hears(THREE_HZ).await;
    listens.ring.hears(THREE_HZ).await;
    let rings = [
        ("rep", &rep.ring, [false, true, false, true, true]),
        ("lead", &stage.lead, [true, false, false, false, true]),
        (
            "listening coach",
            &listens.ring,
            [true, true, false, false, true],
        ),
        (
            "whispering coach",
            &whispers.ring,
            [true, true, false, false, true],
        ),
        (
            "barging coach",
            &barges.ring,
            [true, true, false, false, false],
        ),
        (
            "recording",
            &stage.recording,
            [true, true, false, false, true],
        ),
    ];
    for (_, ring, _) in &rings {
        ring.clear();
    }
    for (who, ring, _) in &rings {
        until(&format!("{who} was watched"), || ring.frames() >= WATCHED).await;
    }
    for (who, ring, expected) in &rings {
        let tones = [REP_HZ, LEAD_HZ, ONE_HZ, TWO_HZ, THREE_HZ];
        let cells: Vec<_> = tones.into_iter().zip(*expected).collect();
        assert_heard(who, ring, &cells);
    }
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m1_a_coach_switches_modes_without_reconnecting() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, silent()).await;
    let other = stage.join(coach(2), Role::Coach, silent()).await;
    // The client stamps Barge whatever it was granted.
    let _liar = stage
        .join(coach(1), Role::Coach, stamped(ONE_HZ, Mode::Barge))
        .await;

    rep.ring.listen(WATCHED).await;
    assert_heard("rep", &rep.ring, &[(ONE_HZ, false)]);

    stage.grant(coach(1), Mode::Whisper).await;
    rep.ring.hears(ONE_HZ).await;
    rep.ring.listen(WATCHED).await;
    assert_heard("lead", &stage.lead, &[(ONE_HZ, false)]);
    assert_heard("other coach", &other.ring, &[(ONE_HZ, false)]);
    assert_heard("recording", &stage.recording, &[(ONE_HZ, false)]);

    stage.grant(coach(1), Mode::Barge).await;
    stage.lead.hears(ONE_HZ).await;
    other.ring.hears(ONE_HZ).await;
    stage.recording.hears(ONE_HZ).await;

    stage.grant(coach(1), Mode::Listen).await;
    for ring in [&rep.ring, &stage.lead, &other.ring, &stage.recording] {
        ring.hears_not(ONE_HZ).await;
    }
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_a_frame_stamped_whisper_never_reaches_the_lead() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, silent()).await;
    let speaker = stage
        .join(coach(1), Role::Coach, stamped(ONE_HZ, Mode::Whisper))
        .await;
    stage.grant(coach(1), Mode::Whisper).await;
    rep.ring.hears(ONE_HZ).await;
    stage.lead.clear();
    stage.recording.clear();
    // The grant is wide; the stamps are old for as long as the network pleases.
    stage.grant(coach(1), Mode::Barge).await;
    rep.ring.listen(2 * WATCHED).await;
    assert_heard("rep", &rep.ring, &[(ONE_HZ, true)]);
    assert_heard("lead", &stage.lead, &[(ONE_HZ, false)]);
    assert_heard("recording", &stage.recording, &[(ONE_HZ, false)]);
    // Another tone with the new stamp: that one is heard, and the old one stays unheard.
    speaker.say(stamped(TWO_HZ, Mode::Barge));
    stage.lead.hears(TWO_HZ).await;
    assert_heard("lead", &stage.lead, &[(ONE_HZ, false)]);
    assert_heard("recording", &stage.recording, &[(ONE_HZ, false)]);
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_without_stamps_or_tracks_only_the_rep_is_reached() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, silent()).await;
    let other = stage.join(coach(2), Role::Coach, silent()).await;
    let _speaker = stage.join(coach(1), Role::Coach, unstamped(ONE_HZ)).await;
    stage.grant(coach(1), Mode::Barge).await;
    rep.ring.hears(ONE_HZ).await;
    stage.lead.listen(2 * WATCHED).await;
    other.ring.listen(WATCHED).await;
    assert_heard("lead", &stage.lead, &[(ONE_HZ, false)]);
    assert_heard("coach", &other.ring, &[(ONE_HZ, false)]);
    assert_heard("recording", &stage.recording, &[(ONE_HZ, false)]);
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_a_track_reaches_no_further_than_its_mode_however_late() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, silent()).await;
    let other = stage.join(coach(2), Role::Coach, silent()).await;
    let speaker = stage.join_by_track(coach(1)).await;
    stage.grant(coach(1), Mode::Whisper).await;
    speaker.say(on_track(ONE_HZ, WHISPERS));
    rep.ring.hears(ONE_HZ).await;
    // The whisper is late: it goes on for longer than any window after the coach barged.
    stage.grant(coach(1), Mode::Barge).await;
    for listener in [&stage.lead, &stage.recording, &other.ring] {
        listener.clear();
    }
    stage.lead.listen(3 * WATCHED).await;
    rep.ring.hears(ONE_HZ).await;
    speaker.say(on_track(TWO_HZ, BARGES));
    stage.lead.hears(TWO_HZ).await;
    rep.ring.hears_not(ONE_HZ).await;
    // A barge from before a narrowing is public, whatever the other track says meanwhile.
    stage.grant(coach(1), Mode::Whisper).await;
    speaker.say(on_track(ONE_HZ, WHISPERS));
    rep.ring.hears(ONE_HZ).await;
    for (who, listener) in [
        ("lead", &stage.lead),
        ("recording", &stage.recording),
        ("coach", &other.ring),
    ] {
        assert_heard(who, listener, &[(ONE_HZ, false), (TWO_HZ, true)]);
    }
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_a_revoked_coach_who_keeps_sending_is_not_heard() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, silent()).await;
    let _coach = stage
        .join(coach(1), Role::Coach, stamped(ONE_HZ, Mode::Barge))
        .await;
    stage.grant(coach(1), Mode::Barge).await;
    stage.lead.hears(ONE_HZ).await;
    stage.revoke(coach(1), Mode::Listen).await;
    // What the lead's encoder and the tick in flight still held is over after two ticks.
    stage.lead.listen(2).await;
    stage.lead.listen(WATCHED).await;
    rep.ring.listen(WATCHED).await;
    assert_heard("lead", &stage.lead, &[(ONE_HZ, false)]);
    assert_heard("rep", &rep.ring, &[(ONE_HZ, false)]);
    let mode = stage
        .media
        .set_mode(&stage.call, REP, Mode::Barge, mix::GrantCause::Asked);
    assert_eq!(mode.await, Err(MediaError::NotACoach));
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mute_and_hold_silence_the_right_parties_only() {
    let stage = Stage::new(1).await;
    stage.lead(Some(LEAD_HZ)).await;
    let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    let listens = stage.join(coach(1), Role::Coach, silent()).await;
    rep.ring.hears(LEAD_HZ).await;
    stage.lead.hears(REP_HZ).await;
    stage.media.set_held(&stage.call, true).await.unwrap();
    for ring in [&rep.ring, &listens.ring, &stage.recording] {
        ring.hears_not(LEAD_HZ).await;
    }
    stage.lead.hears_not(REP_HZ).await;
    listens.ring.hears(REP_HZ).await;
    stage.media.set_held(&stage.call, false).await.unwrap();
    stage.lead.hears(REP_HZ).await;
    rep.ring.hears(LEAD_HZ).await;
    stage.media.set_muted(&stage.call, REP, true).await.unwrap();
    stage.lead.hears_not(REP_HZ).await;
    listens.ring.hears_not(REP_HZ).await;
    listens.ring.hears(LEAD_HZ).await;
    stage
        .media
        .set_muted(&stage.call, REP, false)
        .await
        .unwrap();
    stage.lead.hears(REP_HZ).await;
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_a_leg_that_left_neither_hears_nor_is_heard() {
    let mut stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    let guest = stage
        .join(coach(1), Role::Coach, stamped(ONE_HZ, Mode::Barge))
        .await;
    stage.grant(coach(1), Mode::Barge).await;
    stage.lead.hears(ONE_HZ).await;
    guest.ring.hears(REP_HZ).await;
    stage.media.remove_leg(&stage.call, coach(1)).await.unwrap();
    stage.lead.hears_not(ONE_HZ).await;
    until("the guest's connection is closed", || guest.is_closed()).await;
    guest.ring.clear();
    rep.ring.clear();
    stage.recording.listen(WATCHED).await;
    assert_eq!(guest.ring.frames(), 0);
    let connected = |leg| MediaEvent::Connected {
        call: wire::CallId::parse("acti_test").unwrap(),
        leg,
    };
    assert_eq!(stage.event().await, connected(REP));
    assert_eq!(stage.event().await, connected(coach(1)));
    let unknown = stage.media.remove_leg(&stage.call, coach(1)).await;
    assert_eq!(unknown, Err(MediaError::UnknownLeg));
    assert_eq!(
        stage.media.add_leg(&stage.call, LEAD, Role::Lead).await,
        Err(MediaError::Routes(mix::RoutesError::Duplicate))
    );
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_tell_who_is_speaking_and_how_far() {
    let mut stage = Stage::new(1).await;
    stage.lead(None).await;
    let _rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    let _one = stage
        .join(coach(1), Role::Coach, stamped(ONE_HZ, Mode::Barge))
        .await;
    let _two = stage
        .join(coach(2), Role::Coach, stamped(TWO_HZ, Mode::Barge))
        .await;
    stage.grant(coach(1), Mode::Whisper).await;
    let expected = [(REP, Mode::Barge), (coach(1), Mode::Whisper)];
    loop {
        let event = tokio::time::timeout(std::time::Duration::from_secs(20), stage.events.recv());
        let Some(MediaEvent::Levels { levels, .. }) = event.await.unwrap() else {
            continue;
        };
        let told: Vec<_> = levels
            .iter()
            .map(|level| (level.leg, level.reach))
            .collect();
        // A coach whom no one hears is never among them.
        assert!(told.iter().all(|(leg, _)| *leg != coach(2)), "{told:?}");
        if told == expected {
            assert!(
                levels
                    .iter()
                    .all(|level| (-30..=-15).contains(&level.level_dbov)),
                "{levels:?}"
            );
            break;
        }
    }
    stage.media.stop().await;
}
