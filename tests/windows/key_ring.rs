//! A key ring that is locked or doesn't answer when the app starts.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::desk::Desk;
use crate::room::quiet_desk;
use crate::story::Stage;
use crate::window::Window;

/// The form is there after five seconds; a busy machine has some more.
const USABLE: Duration = Duration::from_secs(15);

/// Opens the app, and waits until it says what is wrong and the form can be used.
async fn start_in_trouble(desk: &Desk, stage: &Stage, trouble: &str) -> Window {
    let riley = stage.window_again(desk, "riley", "default").await;
    let began = Instant::now();
    riley
        .sees("sign-in-key-ring", "data-trouble", trouble)
        .await;
    riley.see("sign-in-email").await;
    assert!(began.elapsed() < USABLE, "after {:?}", began.elapsed());
    riley
}

fn signal(process: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ring_that_hangs_or_is_locked_is_said_and_the_sign_in_comes_once_it_answers() {
    let _place = quiet_desk().await;
    let desk = Desk::set(&["mic_riley"], &["spk_riley"]);
    let stage = Stage::set().await;
    let riley = stage.window(&desk, "riley", "default").await;
    riley.gone("sign-in-not-kept").await;
    riley.kill().await;

    // It stands still, and goes on by itself.
    let key_ring = desk.key_ring();
    signal(key_ring, "-STOP");
    let riley = start_in_trouble(&desk, &stage, "silent").await;
    riley.shots("key-ring-silent").await;
    riley.click("sign-in-key-ring-retry").await;
    riley
        .sees("sign-in-key-ring", "data-trouble", "silent")
        .await;
    signal(key_ring, "-CONT");
    riley.see("nav-leads").await;
    riley.gone("sign-in-not-kept").await;
    riley.kill().await;

    // It's locked, and asks for its password.
    let lock = [
        "--session",
        "--print-reply",
        "--dest=org.freedesktop.secrets",
        "/org/freedesktop/secrets",
        "org.freedesktop.Secret.Service.Lock",
        "array:objpath:/org/freedesktop/secrets/collection/login",
    ];
    let locked = desk.says("dbus-send", &lock);
    assert!(locked.contains("collection/login"), "{locked}");
    let riley = start_in_trouble(&desk, &stage, "locked").await;
    riley.shots("key-ring-locked").await;
    let prompt = ["search", "--onlyvisible", "--class", "gcr-prompter"];
    if desk.says("xdotool", &prompt).trim().is_empty() {
        println!("skipped: no program asks for the key ring's password here");
    } else {
        desk.keys("type", "pass");
        desk.keys("key", "Return");
        riley.see("nav-leads").await;
        riley.gone("sign-in-not-kept").await;
    }
    riley.kill().await;
    stage.stop().await;
}
