//! A coach in Chromium, as the documented example has it: with a slow way from microphone to network, and
//! on a network that changes.

use super::common::sound::{HEARD_DB, Ring, SILENT_DB, silent};
use super::file::loudest_db;
use super::stage::{Stage, config};
use axum::Router;
use axum::response::Html;
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const WHISPER_HZ: f64 = 1_500.0;
const BARGE_HZ: f64 = 1_900.0;
const CYCLES: usize = 50;
const SAID_MS: u64 = 250;
/// Longer than any grace period that a service could give.
const DELAY_MS: u64 = 500;
/// All cycles on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(300);

const PAGE: &str = include_str!("browser.html");
const EXAMPLE: &str = include_str!("../../../../docs/examples/browser-coach.js");

#[tokio::test(flavor = "multi_thread")]
async fn m3_a_browser_with_a_slow_pipeline_leaks_no_whisper() {
    let mut stage = Stage::new(config(), None, &[]).await;
    let story = Story {
        cycles: CYCLES,
        ..Story::default()
    };
    let (_, [rep, other]) = coached(&mut stage, story).await;
    for (who, ring) in [("the lead", &stage.lead), ("the other coach", &other)] {
        let whisper = ring.loudest_db(WHISPER_HZ);
        assert!(whisper < SILENT_DB, "{who} heard a whisper: {whisper} dB");
    }
    // A starved browser may join or split what it says; it says it again and again all the same.
    for (who, ring, hz) in [
        ("the rep", &rep, WHISPER_HZ),
        ("the rep", &rep, BARGE_HZ),
        ("the other coach", &other, BARGE_HZ),
        ("the lead", &stage.lead, BARGE_HZ),
    ] {
        let heard = bursts(ring, hz);
        assert!(heard >= CYCLES / 2, "{who} heard {hz} Hz {heard} times");
    }
    stage.hang_up().await;
    let samples = stage.file().await;
    assert!(loudest_db(&samples, BARGE_HZ) > HEARD_DB);
    let whisper = loudest_db(&samples, WHISPER_HZ);
    assert!(
        whisper < SILENT_DB,
        "a whisper is in the file: {whisper} dB"
    );
    stage.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_pipeline_that_both_tracks_share_is_seen_to_leak() {
    let mut stage = Stage::new(config(), None, &[]).await;
    let story = Story {
        cycles: 3,
        shared: true,
        ..Story::default()
    };
    let (_, [_, other]) = coached(&mut stage, story).await;
    for ring in [&stage.lead, &other] {
        assert!(ring.loudest_db(WHISPER_HZ) > HEARD_DB);
    }
    stage.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_restarts_ice_misses_at_most_a_second() {
    let mut stage = Stage::new(config(), None, &[]).await;
    let story = Story {
        cycles: 3,
        restarts: 3,
        ..Story::default()
    };
    let (missing, [rep, other]) = coached(&mut stage, story).await;
    assert!(missing <= 50, "{missing} packets are missing");
    // The other way as well, on both tracks.
    for (ring, hz) in [
        (&rep, WHISPER_HZ),
        (&other, BARGE_HZ),
        (&stage.lead, BARGE_HZ),
    ] {
        assert!(ring.loudest_db(hz) > HEARD_DB, "{hz} Hz");
    }
    stage.service.stop().await;
}

/// What the page does.
#[derive(Default)]
struct Story {
    /// How often it switches to each mode.
    cycles: usize,
    /// How often it restarts ICE before.
    restarts: usize,
    /// Whether both tracks have the same way from the microphone.
    shared: bool,
}

/// A call whose coach is a browser. Returns how many packets it missed at most, and what the rep and
/// another coach heard.
async fn coached(stage: &mut Stage, story: Story) -> (i64, [Ring; 2]) {
    let rep = stage.connect(&stage.token, silent()).await;
    let other = stage.service.token_of("admin@demo.example").await;
    let path = stage.path("coach_leg/");
    let (status, leg) = stage.service.post(&path, Some(&other), json!({})).await;
    assert_eq!(status, 201, "{leg}");
    let other = stage.connect(&other, silent()).await;
    let chromium = in_chromium(json!({
        "service": stage.service.base,
        "token": stage.service.token_of("morgan@demo.example").await,
        "call": stage.call["id"],
        "tones_hz": {"whisper": WHISPER_HZ, "barge": BARGE_HZ},
        "cycles": story.cycles,
        "restarts": story.restarts,
        "said_ms": SAID_MS,
        "delay_ms": DELAY_MS,
        "shared": story.shared,
    }));
    tokio::pin!(chromium);
    let mut every = tokio::time::interval(Duration::from_secs(5));
    let told = loop {
        tokio::select! {
            told = &mut chromium => break told,
            // The rep lives on heartbeats meanwhile.
            _ = every.tick() => drop(stage.socket.heartbeat().await),
        }
    };
    assert_eq!(told["cycles"], story.cycles, "{told}");
    (told["missing"].as_i64().unwrap(), [rep.ring, other.ring])
}

/// How often a tone was heard, with a pause before each.
fn bursts(ring: &Ring, hz: f64) -> usize {
    let windows = ring.windows_db(hz);
    let begins = windows.windows(2);
    let begins = begins.filter(|pair| pair[0] < HEARD_DB && pair[1] > HEARD_DB);
    begins.count()
}

/// Opens the page in a Chromium of its own, and returns what it reports.
async fn in_chromium(given: Value) -> Value {
    let (reports, mut told) = mpsc::channel(1);
    let pages = Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route(
            "/browser-coach.js",
            get(|| async { ([("content-type", "text/javascript")], EXAMPLE) }),
        )
        .route("/given.json", get(|| async { axum::Json(given) }))
        .route(
            "/report",
            post(|body: String| async move {
                let report = serde_json::from_str(&body).unwrap_or(Value::String(body));
                let _ = reports.send(report).await;
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, pages).await });
    let profile = tempfile::tempdir().unwrap();
    let log = std::fs::File::create(profile.path().join("log")).unwrap();
    let chromium = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--autoplay-policy=no-user-gesture-required",
            "--disable-background-timer-throttling",
            // Service and page are on loopback, at two ports.
            "--allow-loopback-in-peer-connection",
            "--disable-web-security",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(&url)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the set-up installs Chromium");
    let _chromium = Killed(chromium);
    let report = tokio::time::timeout(PATIENCE, told.recv()).await;
    serving.abort();
    report.expect("a report in time").expect("a report")
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
