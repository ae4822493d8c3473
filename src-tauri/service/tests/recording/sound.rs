//! What is in a recording, and who gets it.

use super::common::peer::Offer;
use super::common::sound::{HEARD_DB, silent, stamped, unstamped};
use super::common::until;
use super::file::{ABSENT_DB, loudest_db, seconds};
use super::stage::{Stage, change, config};
use super::support::{PATIENCE, code, text};
use mix::Mode;
use reqwest::Method;
use serde_json::{Value, json};
use std::f64::consts::TAU;

const WHISPER_HZ: f64 = 1_500.0;
const BARGE_HZ: f64 = 1_900.0;
const REP_HZ: f64 = 700.0;
const SECRET_HZ: f64 = 1_100.0;
const NOTICE_HZ: f64 = 900.0;
/// Ticks that a tone is let sound: a second.
const SECOND: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_whisper_is_not_in_the_file_and_a_barge_is() {
    let mut stage = Stage::new(config(), None, &[]).await;
    let rep = stage.connect(&stage.token, silent()).await;
    let coach = stage.service.token_of("morgan@demo.example").await;
    let path = stage.path("coach_leg/");
    let (status, leg) = stage.service.post(&path, Some(&coach), json!({})).await;
    assert_eq!(status, 201, "{leg}");
    let morgan = stage.connect(&coach, silent()).await;
    let mut switched = Vec::new();
    for (mode, tone, stamp) in [
        ("whisper", WHISPER_HZ, Mode::Whisper),
        ("barge", BARGE_HZ, Mode::Barge),
    ] {
        switched.push(now_ms());
        let body = json!({ "mode": mode });
        let (status, leg) = stage.put(&coach, "coach_leg/mode/", body).await;
        assert_eq!(status, 200, "{leg}");
        morgan.say(stamped(tone, stamp));
        rep.ring.hears(tone).await;
        rep.ring.listen(SECOND).await;
        // The tone ends before the next one begins.
        morgan.say(silent());
        rep.ring.hears_not(tone).await;
    }
    let call = stage.hang_up().await;
    let samples = stage.file().await;
    assert!(loudest_db(&samples, BARGE_HZ) > HEARD_DB);
    // Up to the switch to Barge: a tone that begins sounds a little of every frequency.
    let started = moment_ms(&call["recording"]["date_started"]);
    let (whispered, barged) = (switched[0], switched[1]);
    assert!(whispered > started && barged > whispered + 1_000);
    let until_barge = usize::try_from(barged - started).unwrap() * 48;
    let whisper = loudest_db(&samples[..until_barge], WHISPER_HZ);
    assert!(whisper < ABSENT_DB, "the whisper is in it: {whisper} dB");

    // R3: the waveform tells the same, and how long it is.
    let peaks: Value = stage
        .get("recording/peaks/", &[])
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(peaks["interval_ms"], 100);
    let values = peaks["peaks"].as_array().unwrap();
    let length_ms = call["recording"]["duration_ms"].as_u64().unwrap();
    assert!((values.len() as u64 * 100).abs_diff(length_ms) <= 120);
    assert!((seconds(&samples) * 1000.0 - length_ms as f64).abs() < 2.0);
    let loud = values.iter().filter(|peak| peak.as_u64().unwrap() > 15);
    assert!((8..values.len() / 2).contains(&loud.count()), "{values:?}");
    stage.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m1_the_answer_to_an_offer_says_that_the_leg_came_back_in_listen() {
    let stage = Stage::new(config(), None, &[]).await;
    let coach = stage.service.token_of("morgan@demo.example").await;
    let path = stage.path("coach_leg/");
    let (status, leg) = stage.service.post(&path, Some(&coach), json!({})).await;
    assert_eq!(status, 201, "{leg}");
    stage.connect(&coach, silent()).await;
    let barge = json!({"mode": "barge"});
    let (status, leg) = stage.put(&coach, "coach_leg/mode/", barge).await;
    assert_eq!((status.as_u16(), &leg["mode"]), (200, &json!("barge")));
    let media = stage.path("media/");
    for (token, expected) in [(&coach, json!("listen")), (&stage.token, Value::Null)] {
        let body = json!({ "sdp": Offer::new().sdp() });
        let (status, answer) = stage.service.post(&media, Some(token), body).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["coach_leg"]["mode"], expected, "{answer}");
    }
    let mut service = stage.service;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_what_is_said_in_a_pause_is_not_in_the_file_nor_after_it() {
    let mut stage = Stage::new(config(), None, &[]).await;
    let rep = stage.connect(&stage.token, unstamped(REP_HZ)).await;
    stage.lead.hears(REP_HZ).await;
    // Around the pause nobody says anything else: a tone that begins sounds a little of every
    // frequency.
    rep.say(silent());
    stage.lead.hears_not(REP_HZ).await;
    stage.lead.listen(SECOND / 2).await;
    let coach = stage.service.token_of("morgan@demo.example").await;
    let (status, refused) = stage
        .put(&coach, "recording/", json!({"paused": true}))
        .await;
    assert_eq!(
        (status.as_u16(), code(&refused)),
        (403, "permission_required")
    );
    let (status, call) = stage
        .put(&stage.token, "recording/", json!({"paused": true}))
        .await;
    assert_eq!(
        (status.as_u16(), &call["recording"]["status"]),
        (200, &json!("paused"))
    );
    rep.say(unstamped(SECRET_HZ));
    stage.lead.hears(SECRET_HZ).await;
    stage.lead.listen(SECOND).await;
    // The last of it is on its way yet when the rep lets it go on.
    rep.say(silent());
    let (status, call) = stage
        .put(&stage.token, "recording/", json!({"paused": false}))
        .await;
    assert_eq!(
        (status.as_u16(), &call["recording"]["status"]),
        (200, &json!("recording"))
    );
    stage.lead.hears_not(SECRET_HZ).await;
    stage.lead.listen(SECOND).await;
    rep.say(unstamped(REP_HZ));
    stage.lead.hears(REP_HZ).await;
    stage.lead.listen(SECOND).await;
    let call = stage.hang_up().await;

    let samples = stage.file().await;
    let gaps = long_gaps(&call);
    let [gap] = gaps.as_slice() else {
        panic!("{gaps:?}");
    };
    let at = |name: &str| gap[name].as_u64().unwrap() as usize * 48;
    let (from, to) = (at("from_ms"), at("to_ms"));
    assert!(to - from > 48_000, "{gap}");
    // In the gap, and just before and after it.
    let around = &samples[from - 9_600..to + 24_000];
    let secret = loudest_db(around, SECRET_HZ);
    assert!(
        secret < ABSENT_DB,
        "what was said in the pause is in it: {secret} dB"
    );
    // Before and after it everything is there.
    assert!(loudest_db(&samples[..from], REP_HZ) > HEARD_DB);
    assert!(loudest_db(&samples[to..], REP_HZ) > HEARD_DB);
    assert!(
        samples[from + 4_800..to]
            .iter()
            .all(|sample| sample.abs() < 3)
    );
    stage.service.stop().await;
}

/// The gaps of a recording, but for the ticks that a busy machine skipped.
fn long_gaps(call: &Value) -> Vec<&Value> {
    let gaps = call["recording"]["gaps"].as_array().unwrap();
    let is_long = |gap: &&Value| {
        let at = |name: &str| gap[name].as_u64().unwrap();
        at("to_ms") - at("from_ms") >= 500
    };
    gaps.iter().filter(is_long).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_the_time_on_hold_is_a_gap_in_the_recording() {
    let mut stage = Stage::new(config(), None, &[]).await;
    let rep = stage.connect(&stage.token, unstamped(REP_HZ)).await;
    let coach = stage.service.token_of("morgan@demo.example").await;
    let path = stage.path("coach_leg/");
    let (status, leg) = stage.service.post(&path, Some(&coach), json!({})).await;
    assert_eq!(status, 201, "{leg}");
    let morgan = stage.connect(&coach, silent()).await;
    stage.lead.hears(REP_HZ).await;
    rep.say(silent());
    stage.lead.hears_not(REP_HZ).await;
    stage.lead.listen(SECOND / 2).await;
    let token = stage.token.clone();
    let hold = |held| stage.put(&token, "hold/", json!({ "held": held }));
    assert_eq!(hold(true).await.0, 200);
    // Rep and coach talk about the lead.
    rep.say(unstamped(SECRET_HZ));
    morgan.ring.hears(SECRET_HZ).await;
    stage.lead.listen(SECOND).await;
    rep.say(silent());
    morgan.ring.hears_not(SECRET_HZ).await;
    assert_eq!(hold(false).await.0, 200);
    stage.lead.listen(SECOND / 2).await;
    rep.say(unstamped(REP_HZ));
    stage.lead.hears(REP_HZ).await;
    stage.lead.listen(SECOND).await;
    // On hold when the call ends: the recording is as long as the call all the same.
    assert_eq!(hold(true).await.0, 200);
    stage.lead.listen(SECOND).await;
    let call = stage.hang_up().await;

    let samples = stage.file().await;
    let gaps = long_gaps(&call);
    let [first, last] = gaps.as_slice() else {
        panic!("{gaps:?}");
    };
    let at = |gap: &Value, name: &str| gap[name].as_u64().unwrap() as usize * 48;
    let (from, to) = (at(first, "from_ms"), at(first, "to_ms"));
    assert!(to - from > 48_000, "{first}");
    assert!(at(last, "to_ms") - at(last, "from_ms") > 43_000, "{last}");
    assert!(at(last, "to_ms") >= samples.len(), "{last}");
    let secret = loudest_db(&samples[from - 9_600..to + 19_200], SECRET_HZ);
    assert!(
        secret < ABSENT_DB,
        "what was said on hold is in it: {secret} dB"
    );
    assert!(loudest_db(&samples[..from], REP_HZ) > HEARD_DB);
    assert!(loudest_db(&samples[to..at(last, "from_ms")], REP_HZ) > HEARD_DB);
    let silence = &samples[from + 4_800..to];
    assert!(silence.iter().all(|sample| sample.abs() < 3));
    stage.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_recorded_call_is_announced_to_the_lead_first_when_the_organization_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    let notice = folder.path().join("notice.wav");
    std::fs::write(&notice, wav(NOTICE_HZ, 72_000)).unwrap();
    let config = service::Config {
        announcement: Some(notice),
        ..config()
    };
    let announced = "UPDATE organization SET recording_announced = 1 WHERE recording_enabled = 1";
    let mut stage = Stage::new(config, None, &[announced]).await;
    stage.lead.hears(NOTICE_HZ).await;
    stage.lead.hears_not(NOTICE_HZ).await;
    stage.hang_up().await;
    let samples = stage.file().await;
    assert!(loudest_db(&samples[..48_000], NOTICE_HZ) > HEARD_DB);
    stage.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_member_overrides_what_the_organization_does() {
    for (sql, recorded) in [
        ("UPDATE membership SET recording = 'off'", false),
        ("UPDATE organization SET recording_enabled = 0", false),
        (
            "UPDATE membership SET recording = 'on' WHERE (SELECT recording_enabled FROM organization
             WHERE id = organization_id) >= 0",
            true,
        ),
    ] {
        let off = "UPDATE organization SET recording_enabled = 0";
        let both = [off, sql];
        let sql = if recorded { &both[..] } else { &both[1..] };
        let mut stage = Stage::new(config(), Some(REP_HZ), sql).await;
        if recorded {
            stage.recording("recording").await;
            stage.lead.listen(SECOND).await;
            stage.hang_up().await;
            assert!(loudest_db(&stage.file().await, REP_HZ) > HEARD_DB);
        } else {
            let rep = stage.connect(&stage.token, silent()).await;
            rep.ring.listen(SECOND).await;
            let (status, refused) = stage
                .put(&stage.token, "recording/", json!({"paused": true}))
                .await;
            assert_eq!((status.as_u16(), code(&refused)), (404, "not_found"));
            let path = stage.path("hangup/");
            let token = stage.token.clone();
            stage.service.post(&path, Some(&token), json!({})).await;
            let call = stage.service.get(&stage.path(""), &token).await;
            assert_eq!(call["recording"], Value::Null);
            assert_eq!(stage.get("recording/", &[]).await.status(), 404);
        }
        stage.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a4_a_recording_is_played_from_anywhere_by_the_organization_alone_and_deleted_by_who_may()
 {
    let mut stage = Stage::new(config(), Some(REP_HZ), &[]).await;
    stage.recording("recording").await;
    // It cannot be played before it is whole.
    let early = stage.get("recording/", &[]).await;
    assert_eq!(early.status(), 409);
    stage.lead.listen(SECOND).await;
    let call = stage.hang_up().await;
    let url = stage.path("recording/");
    assert_eq!(call["recording_url"], url.as_str());
    let whole = stage.get("recording/?download=true", &[]).await;
    let header = |response: &reqwest::Response, name: &str| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(whole.status(), 200);
    assert_eq!(header(&whole, "content-type").unwrap(), "audio/ogg");
    assert!(
        header(&whole, "content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    let tag = header(&whole, "etag").unwrap();
    let bytes = whole.bytes().await.unwrap();
    assert_eq!(call["recording"]["bytes"], bytes.len());

    let total = bytes.len();
    let part = stage.get("recording/", &[("range", "bytes=100-299")]).await;
    assert_eq!(part.status(), 206);
    assert_eq!(
        header(&part, "content-range").unwrap(),
        format!("bytes 100-299/{total}")
    );
    assert_eq!(part.bytes().await.unwrap(), bytes[100..300]);
    let part = stage
        .get("recording/", &[("range", "bytes=-50"), ("if-range", &tag)])
        .await;
    assert_eq!(part.bytes().await.unwrap(), bytes[total - 50..]);
    let changed = stage
        .get(
            "recording/",
            &[("range", "bytes=-50"), ("if-range", "\"x\"")],
        )
        .await;
    assert_eq!(changed.status(), 200);
    let outside = stage
        .get("recording/", &[("range", "bytes=99999999-")])
        .await;
    assert_eq!(outside.status(), 416);
    assert_eq!(
        header(&outside, "content-range").unwrap(),
        format!("bytes */{total}")
    );
    let known = stage.get("recording/", &[("if-none-match", &tag)]).await;
    assert_eq!(known.status(), 304);

    // A4: who listened to it is in the audit log, where the line comes shortly after the answer.
    let admin = stage.service.token_of("admin@demo.example").await;
    for action in ["recording_downloaded", "recording_played"] {
        let path = format!(
            "/api/v1/audit/?action={action}&allowed=true&call_id={}",
            text(&call["id"])
        );
        let written = async {
            loop {
                let lines = stage.service.get(&path, &admin).await;
                if lines["data"][0].is_object() {
                    return lines;
                }
            }
        };
        let lines = tokio::time::timeout(PATIENCE, written).await.expect(action);
        assert_eq!(lines["data"][0]["user_id"], call["user_id"], "{action}");
        assert!(lines["data"][0]["address"].is_string(), "{action}");
    }

    // A3: for another organization there is nothing; for nobody even less.
    let other = stage.service.token_of("other@other.example").await;
    for (method, rest) in [
        (Method::GET, "recording/"),
        (Method::GET, "recording/peaks/"),
        (Method::DELETE, "recording/"),
    ] {
        let path = stage.path(rest);
        let asked = stage.service.ask(method.clone(), &path, Some(&other), None);
        let (status, refused) = asked.await;
        assert_eq!(
            (status.as_u16(), code(&refused)),
            (404, "not_found"),
            "{path}"
        );
        let (status, _) = stage.service.ask(method, &path, None, None).await;
        assert_eq!(status, 401);
    }
    let asked = stage
        .service
        .ask(Method::DELETE, &url, Some(&stage.token), None);
    let (status, refused) = asked.await;
    assert_eq!(
        (status.as_u16(), code(&refused)),
        (403, "permission_required")
    );
    let admin = stage.service.token_of("admin@demo.example").await;
    let (status, _) = stage
        .service
        .ask(Method::DELETE, &url, Some(&admin), None)
        .await;
    assert_eq!(status, 204);
    let call = stage.recording("deleted").await;
    assert_eq!(call["recording_url"], Value::Null);
    assert_eq!(stage.get("recording/", &[]).await.status(), 404);
    assert_eq!(stage.get("recording/peaks/", &[]).await.status(), 404);
    until("the file is gone", || files(&stage) == Some(0)).await;
    stage.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_recording_is_deleted_when_its_days_are_over() {
    let mut stage = Stage::new(config(), Some(REP_HZ), &[]).await;
    stage.recording("recording").await;
    stage.hang_up().await;
    until("it is in the store alone", || files(&stage) == Some(1)).await;
    stage.service.stop().await;
    change(
        &stage.service,
        "UPDATE organization SET recording_retention_days = 2",
    )
    .await;
    change(
        &stage.service,
        "UPDATE recording SET date_started = date_started - 86400000",
    )
    .await;
    let path = stage.path("");
    stage.service.restart_with(|_| {}).await;
    let token = stage.service.token_of("riley@demo.example").await;
    let kept = stage.service.get(&path, &token).await;
    assert_eq!(
        kept["recording"]["status"], "stored",
        "one of its two days is over"
    );
    stage.service.stop().await;
    change(
        &stage.service,
        "UPDATE recording SET date_started = date_started - 86400000",
    )
    .await;
    stage.service.restart_with(|_| {}).await;
    until("its days are over", || files(&stage) == Some(0)).await;
    let token = stage.service.token_of("riley@demo.example").await;
    let kept = stage.service.get(&path, &token).await;
    assert_eq!(kept["recording"]["status"], "deleted");
    // A4: it is in the audit log, done by nobody.
    let admin = stage.service.token_of("admin@demo.example").await;
    let log = "/api/v1/audit/?action=recording_deleted";
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let line = loop {
        let lines = stage.service.get(log, &admin).await;
        if let Some(line) = lines["data"].as_array().unwrap().first() {
            break line.clone();
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "it is not in the audit log"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(
        (&line["user_id"], &line["detail"]),
        (&Value::Null, &json!("retention"))
    );
    assert_eq!(line["call_id"], stage.call["id"]);
    stage.service.stop().await;
}

/// Files in the local store of recordings; none while there is anything in the spool.
fn files(stage: &Stage) -> Option<usize> {
    let folder = stage.service.folder.path().join("recordings");
    let count = |folder: &std::path::Path| std::fs::read_dir(folder).unwrap().count();
    let organizations = std::fs::read_dir(folder.join("store")).unwrap();
    let stored = organizations.map(|organization| count(&organization.unwrap().path()));
    (count(&folder.join("spool")) == 0).then(|| stored.sum())
}

fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    since.as_millis() as i64
}

/// Milliseconds since 1970 of a date as the API writes it.
pub fn moment_ms(date: &Value) -> i64 {
    let date: wire::Timestamp = serde_json::from_value(date.clone()).unwrap();
    date.0
}

/// A tone as a WAV file at 48 kHz.
fn wav(frequency: f64, samples: u32) -> Vec<u8> {
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    bytes.extend(48_000_u32.to_le_bytes());
    bytes.extend(96_000_u32.to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend((2 * samples).to_le_bytes());
    for at in 0..samples {
        let sample = (TAU * frequency * f64::from(at) / 48_000.0).sin() * 9_000.0;
        bytes.extend((sample as i16).to_le_bytes());
    }
    bytes
}
