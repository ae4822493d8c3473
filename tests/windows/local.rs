//! What `make run` opens: the app with the bundled service beside it, and a second window.

use crate::desk::{Desk, free_port};
use crate::room::quiet_desk;
use crate::story::call;
use crate::window::{Start, Window};

pub fn service() -> String {
    let app = std::path::Path::new(env!("CARGO_BIN_EXE_call-coaching"));
    let service = app.with_file_name("service");
    assert!(
        service.is_file(),
        "`make test` builds the service beside the app"
    );
    service.display().to_string()
}

async fn open(desk: &Desk, name: &'static str, profile: &str, port: u16) -> Window {
    let (port, service) = (port.to_string(), service());
    let arguments = ["--demo", "--local-port", &port, "--service", &service];
    let start = Start {
        name,
        profile,
        arguments: &arguments,
    };
    Window::open(desk, start).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundled_service_is_there_and_one_click_signs_in() {
    let _place = quiet_desk().await;
    let desk = Desk::set(&["mic_riley", "mic_morgan"], &["spk_riley", "spk_morgan"]);
    let port = free_port();
    let riley = open(&desk, "riley", "default", port).await;
    let morgan = open(&desk, "morgan", "second", port).await;
    riley.see("sign-in-demo-riley@demo.example").await;
    riley.shots("sign-in-local").await;
    riley.click("sign-in-demo-riley@demo.example").await;
    morgan.click("sign-in-demo-morgan@demo.example").await;
    riley.see("nav-leads").await;
    morgan.see("nav-team").await;
    call(&riley, "Globex").await;
    riley.sees("call-bar", "data-status", "in-progress").await;
    // W2: from the lead's page.
    morgan.click("nav-leads").await;
    morgan.click("lead-row-Globex").await;
    morgan.click("lead-listen").await;
    morgan.sees("coaching-bar", "data-mode", "listen").await;
    riley.sees("call-coach-morgan", "data-mode", "listen").await;
    let ear = desk.ear("spk_morgan");
    ear.wait_for("the lead's voice in morgan's loudspeaker", |samples| {
        samples
            .iter()
            .filter(|sample| sample.unsigned_abs() > 300)
            .count()
            > 4_800
    });
    riley.click("call-hangup").await;
    morgan.gone("coaching-bar").await;
    // Either window may be closed first; the service goes after the last one.
    riley.kill().await;
    morgan.click("nav-team").await;
    morgan
        .sees("team-row-riley", "data-status", "offline")
        .await;
    morgan.kill().await;
    crate::pulse::until("the bundled service ends", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_sign_in_is_taken_up_and_no_file_holds_its_token() {
    let _place = quiet_desk().await;
    let desk = Desk::set(&["mic_riley"], &["spk_riley"]);
    let stage = crate::story::Stage::set().await;
    let riley = stage.window(&desk, "riley", "default").await;
    riley.gone("sign-in-not-kept").await;
    riley.kill().await;
    let riley = stage.window_again(&desk, "riley", "default").await;
    riley.see("nav-leads").await;
    assert!(holds_token(format!("x {}.", "0f".repeat(32)).as_bytes()));
    let files = desk.files();
    assert!(
        files
            .iter()
            .any(|path| path.extension().is_some_and(|end| end == "log"))
    );
    for path in files {
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(!holds_token(&bytes), "{} holds a token", path.display());
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains("demo-password"),
            "{} holds a password",
            path.display()
        );
    }
    stage.stop().await;
}

/// Whether there is a token of the service's: each ends with 64 hexadecimal digits.
fn holds_token(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        .any(|digits| digits.len() >= 64)
}
