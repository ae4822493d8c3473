//! What the app costs and how quick it is, with real windows, a private screen and a private sound
//! daemon, as in `tests/windows`; a table, and the figures merged into `target/bench.json`.
//!
//! Everything is measured from outside: processor time and memory by the kernel, sound at the monitors
//! of the sound daemon, clicks by their event in the page. The service runs in this process, and is
//! not counted.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot go on should say so"
)]
#![allow(
    dead_code,
    unused_imports,
    reason = "of what the tests of the windows have, a part is used"
)]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/windows/desk.rs"]
mod desk;
#[path = "../../src-tauri/bench/src/error.rs"]
mod error;
#[path = "../../src-tauri/bench/src/figure.rs"]
mod figure;
#[path = "../../src-tauri/sound/tests/pulse/mod.rs"]
mod pulse;
#[path = "../../src-tauri/bench/src/quantile.rs"]
mod quantile;
#[path = "../../tests/windows/room.rs"]
mod room;
#[path = "../../tests/windows/slow.rs"]
mod slow;
#[path = "../../tests/windows/story.rs"]
mod story;
#[path = "../../tests/windows/tones.rs"]
mod tones;
#[path = "../../src-tauri/media/tests/common/waits.rs"]
mod waits;
#[path = "../../tests/windows/window.rs"]
mod window;

mod processes;
mod sound;
mod tap;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::figure::Figure;
use crate::processes::App;
use crate::quantile::percentile;
use crate::story::{Stage, call, sign_in};
use crate::window::Window;

const STARTS: usize = 7;
const CPU_WINDOWS: usize = 3;
const CPU_WINDOW: Duration = Duration::from_secs(20);
const IDENTIFIER: &str = "com.callcoaching.desktop";

/// What is done to a voice on its way from the microphone.
#[derive(Clone, Copy, PartialEq)]
enum Processing {
    /// Echo, noise and gain, as people have it.
    On,
    /// None: tones go through as they are.
    Off,
}

#[tokio::main]
async fn main() {
    let desk = Desk::set(&["mic_riley", "mic_morgan"], &["spk_riley", "spk_morgan"]);
    let stage = Stage::set().await;
    let mut figures = Vec::new();

    println!("starts of the app…");
    let riley = open(&desk, &stage, "riley", Processing::On).await;
    sign_in(&riley, "riley@demo.example").await;
    let (riley, start) = starts(&desk, &stage, riley).await;
    keep(&mut figures, [start]);

    println!("a call with a listening coach…");
    let morgan = open(&desk, &stage, "morgan", Processing::On).await;
    sign_in(&morgan, "morgan@demo.example").await;
    listen(&riley, &morgan).await;
    let cost = cost(&desk).await;
    keep(&mut figures, cost);
    let processed = sound::mouth_to_ear(&desk).await;
    riley.click("call-hangup").await;
    morgan.gone("coaching-bar").await;
    riley.kill().await;
    morgan.kill().await;

    println!("sounds and clicks…");
    let riley = open(&desk, &stage, "riley", Processing::Off).await;
    let morgan = open(&desk, &stage, "morgan", Processing::Off).await;
    riley.see("nav-leads").await;
    morgan.see("nav-leads").await;
    listen(&riley, &morgan).await;
    let plain = sound::mouth_to_ear(&desk).await;
    keep(&mut figures, sound::mouth_to_ear_figure(&plain, &processed));
    keep(&mut figures, sound::whisper(&desk, &morgan).await);
    keep(&mut figures, sound::listen(&desk, &morgan).await);
    println!("{}", figure::table(&figures));
    println!("written to {}", file().display());
    stage.stop().await;
}

/// An app with these devices; who signed in before still is.
async fn open(desk: &Desk, stage: &Stage, name: &'static str, processing: Processing) -> Window {
    let profile = if name == "riley" { "default" } else { "second" };
    let identifier = match profile {
        "default" => IDENTIFIER.to_owned(),
        profile => format!("{IDENTIFIER}.{profile}"),
    };
    let is_on = processing == Processing::On;
    let settings = json!({ "settings": {
        "microphone": format!("pulseaudio:mic_{name}_source"),
        "loudspeaker": format!("pulseaudio:spk_{name}"),
        "echo_cancellation": is_on,
        "noise_suppression": is_on,
        "gain_control": is_on,
    }});
    let folder = desk.config(&identifier);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("settings.json"), settings.to_string()).expect("settings are kept");
    stage.window_again(desk, name, profile).await
}

/// Starts the app again and again, and returns the last with the figure.
async fn starts(desk: &Desk, stage: &Stage, mut riley: Window) -> (Window, Figure) {
    let mut values = Vec::new();
    for _ in 0..STARTS {
        riley.kill().await;
        riley = open(desk, stage, "riley", Processing::On).await;
        riley.see("lead-row-Globex").await;
        values.push(App::of("default").age().as_secs_f64() * 1_000.0);
    }
    let settings = json!({
        "from": "the kernel's start of the process, to 10 ms",
        "to": "the Leads page with its leads is seen, by looks 60 ms apart",
        "sign_in": "kept, taken up at start",
    });
    (riley, percentiles("app_start_ms", "ms", &values, settings))
}

/// Riley calls, and morgan listens.
async fn listen(riley: &Window, morgan: &Window) {
    call(riley, "Globex").await;
    riley.sees("call-bar", "data-status", "in-progress").await;
    morgan.click("nav-team").await;
    morgan.click("team-listen-riley").await;
    morgan.sees("coaching-bar", "data-mode", "listen").await;
}

/// Memory and processor time of both apps in a call.
async fn cost(desk: &Desk) -> [Figure; 3] {
    let speech = tones::speech(tones::RILEY_HZ);
    let _speaker = desk.pulse.play_into("mic_riley", &speech);
    let (rep, coach) = (App::of("default"), App::of("second"));
    let (mut rep_percent, mut coach_percent) = (Vec::new(), Vec::new());
    let (mut rep_mib, mut coach_mib) = (Vec::new(), Vec::new());
    for _ in 0..CPU_WINDOWS {
        let (before, at) = ((rep.spent(), coach.spent()), std::time::Instant::now());
        tokio::time::sleep(CPU_WINDOW).await;
        let window = at.elapsed();
        let percent = |now: Duration, before: Duration| {
            100.0 * now.saturating_sub(before).as_secs_f64() / window.as_secs_f64()
        };
        rep_percent.push(percent(rep.spent(), before.0));
        coach_percent.push(percent(coach.spent(), before.1));
        rep_mib.push(rep.memory_mib());
        coach_mib.push(coach.memory_mib());
    }
    let window = json!({
        "window_s": CPU_WINDOW.as_secs(), "of": "the app and its WebKit processes, one window on a screen without a graphics card",
        "voice_processing": true,
    });
    let memory = json!({
        "of": "a rep in a call: proportional set size of the app and its WebKit processes",
        "coach_p50": percentile(&coach_mib, 50.0),
    });
    [
        percentiles("app_call_mib", "MiB", &rep_mib, memory),
        percentiles(
            "app_rep_core_percent",
            "% of one core",
            &rep_percent,
            window.clone(),
        ),
        percentiles(
            "app_listen_core_percent",
            "% of one core",
            &coach_percent,
            window,
        ),
    ]
}

/// The median as the figure's value, and all there is to know of the others.
fn percentiles(name: &'static str, unit: &'static str, values: &[f64], settings: Value) -> Figure {
    let rounded = |value: f64| (value * 10.0).round() / 10.0;
    let of = |percent| percentile(values, percent).unwrap_or_else(|| panic!("{name}: no values"));
    let mut conditions = json!({
        "p50_of": values.len(), "max": rounded(of(100.0)), "min": rounded(of(0.0)),
        "load": load(), "optimized": !cfg!(debug_assertions),
    });
    if let (Some(all), Value::Object(more)) = (conditions.as_object_mut(), settings) {
        all.extend(more);
    }
    Figure {
        name,
        value: rounded(of(50.0)),
        unit,
        settings: conditions,
    }
}

/// How busy the machine was in the last minute, with this.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Takes figures in, and writes them among those that other programs wrote, in place of their last.
fn keep(figures: &mut Vec<Figure>, new: impl IntoIterator<Item = Figure>) {
    figures.extend(new);
    let written = std::fs::read(file()).unwrap_or_default();
    let mut all: Vec<Value> = serde_json::from_slice(&written).unwrap_or_default();
    all.retain(|one| figures.iter().all(|figure| one["name"] != figure.name));
    all.extend(figures.iter().map(|figure| json!(figure)));
    let text = serde_json::to_string_pretty(&all).expect("figures are JSON");
    std::fs::write(file(), text + "\n").expect("figures are kept");
}

fn file() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target.expect("a target folder").join("bench.json")
}
