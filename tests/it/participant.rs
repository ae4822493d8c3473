//! The programs themselves: a service, a rep and a coach as processes, as a script would start them.
#![allow(clippy::expect_used, clippy::panic, reason = "so does a test fail")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const TONE_HZ: f64 = 3000.0;
/// Samples of 100 ms, in which the tone is searched for.
const WINDOW: usize = 4_800;
/// The coach's tone has 11 000; speech has far less in so narrow a band.
const AMPLITUDE_MIN: f64 = 3_000.0;
/// What is no trace of it.
const AMPLITUDE_MAX: f64 = 300.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// A program of this workspace. `cargo test --workspace` builds all of them before any test runs, into
/// the folder above the tests' own.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let profile = test.ancestors().nth(2).expect("target/<profile>");
    let path = profile.join(name);
    assert!(
        path.is_file(),
        "{} is not built: test with --workspace",
        path.display()
    );
    path
}

async fn start_service(folder: &Path) -> (Child, String) {
    let mut child = Command::new(program("service"))
        .args([
            "--listen",
            "127.0.0.1:0",
            "--workers",
            "1",
            "--demo",
            "--demo-password",
            "demo-password",
            "--log",
            "warn",
            "--data",
        ])
        .arg(folder)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the service starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    let line = line.expect("in time").expect("a pipe").expect("a line");
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    let address = ready["http"].as_str().expect("an address");
    (child, format!("http://{address}"))
}

fn participant(server: &str, email: &str) -> Command {
    let mut command = Command::new(program("participant"));
    command
        .args([
            "--server",
            server,
            "--email",
            email,
            "--password-env",
            "SECRET",
        ])
        .env("SECRET", "demo-password")
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Waits for the end of a participant, and gives its exit code and its events.
async fn events(child: Child) -> (Option<i32>, Vec<Value>) {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.expect("in time").expect("its output");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    (output.status.code(), text.lines().map(parse).collect())
}

/// The amplitude of the tone in some samples (Goertzel, 1958).
fn amplitude(samples: &[i16]) -> f64 {
    let coefficient = 2.0 * (std::f64::consts::TAU * TONE_HZ / 48_000.0).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for &sample in samples {
        (last, before) = (f64::from(sample) + coefficient * last - before, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    2.0 * power.max(0.0).sqrt() / samples.len() as f64
}

/// The values of one field of all events of a kind, without repetitions in a row.
fn course<'a>(events: &'a [Value], kind: &str, field: &str) -> Vec<&'a str> {
    let mut course: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == kind)
        .filter_map(|event| event[field].as_str())
        .collect();
    course.dedup();
    course
}

#[tokio::test]
async fn a_rep_and_a_coach_run_from_scripts_and_the_rep_hears_whisper_and_barge_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let (service, server) = start_service(folder.path()).await;
    let wav = folder.path().join("rep.wav");
    let rep = participant(&server, "riley@demo.example")
        .args(["call", "--lead", "Globex", "--hear"])
        .arg(&wav)
        .spawn()
        .expect("the rep starts");
    let timeline = "2s:whisper,4s:listen,6s:barge,8s:listen,10s:leave";
    let coach = participant(&server, "casey@demo.example")
        .args([
            "join",
            "--rep",
            "riley@demo.example",
            "--tone",
            "3000",
            "--timeline",
            timeline,
        ])
        .spawn()
        .expect("the coach starts");

    let (code, coach) = events(coach).await;
    assert_eq!(code, Some(0), "{coach:#?}");
    let modes = ["listen", "whisper", "listen", "barge", "listen"];
    assert_eq!(course(&coach, "coaching", "mode"), modes);
    let audiences = ["nobody", "rep", "nobody", "everybody", "nobody"];
    assert_eq!(course(&coach, "coaching", "audience"), audiences);
    let ended = coach
        .iter()
        .find(|event| event["event"] == "coaching_ended");
    assert_eq!(ended.expect("an end")["reason"], "left");
    assert!(
        coach
            .iter()
            .all(|event| event["at_ms"].is_u64() && event["event"].is_string())
    );

    // Ctrl-C ends the rep as it would in a terminal: hung up, and the file closed.
    let id = rep.id().expect("it runs").to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().await;
    assert!(sent.expect("kill").success());
    let (code, rep) = events(rep).await;
    assert_eq!(code, Some(0), "{rep:#?}");
    let mut seen: Vec<_> = rep
        .iter()
        .filter(|event| event["event"] == "my_call")
        .filter_map(|event| event["call"]["coach_legs"][0]["mode"].as_str())
        .collect();
    seen.dedup();
    assert_eq!(seen, modes, "the rep was shown each mode");

    let mut reader = hound::WavReader::open(&wav).expect("a WAV file");
    let spec = reader.spec();
    assert_eq!((spec.sample_rate, spec.channels), (48_000, 1));
    let samples: Result<Vec<i16>, _> = reader.samples().collect();
    let samples = samples.expect("samples");
    let windows: Vec<f64> = samples.chunks_exact(WINDOW).map(amplitude).collect();
    let heard: Vec<bool> = windows.iter().map(|level| *level > AMPLITUDE_MIN).collect();
    // One window amid the tone in which a slow machine had nothing to play ends no run.
    let skipped = |at: usize| at > 0 && heard[at - 1] && heard.get(at + 1) == Some(&true);
    let filled: Vec<bool> = (0..heard.len())
        .map(|at| heard[at] || skipped(at))
        .collect();
    let runs: Vec<&[bool]> = filled
        .chunk_by(|a, b| a == b)
        .filter(|run| run[0])
        .collect();
    println!(
        "tone in windows: {:?}",
        runs.iter().map(|run| run.len()).collect::<Vec<_>>()
    );
    assert_eq!(runs.len(), 2, "once whispered, once barged: {windows:.0?}");
    // Whole windows beside both, where the switch fell into one, say nothing; all others are clean.
    for (at, level) in windows.iter().enumerate() {
        let near = &heard[at.saturating_sub(1)..heard.len().min(at + 2)];
        let is_clean = *level < AMPLITUDE_MAX || near.contains(&true);
        assert!(is_clean, "{level} in window {at}: {windows:.0?}");
    }
    drop(service);
}

#[tokio::test]
async fn a_participant_with_a_wrong_password_says_so_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_service, server) = start_service(folder.path()).await;
    let output = participant(&server, "riley@demo.example")
        .env("SECRET", "wrong")
        .args(["call", "--lead", "Globex"])
        .stderr(Stdio::piped())
        .output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    let output = output.expect("in time").expect("its output");
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        words.starts_with("participant: ") && !words.contains("wrong\""),
        "{words}"
    );
}
