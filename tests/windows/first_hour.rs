//! The first hour: an app in which nothing was chosen, the team that is set up with it, a teammate who
//! joins, and the demo data beside it, which has nothing to do with the team.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::desk::{Desk, free_port};
use crate::local::service;
use crate::room::quiet_desk;
use crate::window::{Start, Window};

const IDENTIFIER: &str = "com.callcoaching.desktop";
const PASSWORD: &str = "five-otters-juggle";
const TRIES: usize = 20;

/// An app in which nothing was chosen.
async fn open(desk: &Desk, name: &'static str, profile: &str, port: u16) -> Window {
    let (port, service) = (port.to_string(), service());
    let start = Start {
        name,
        profile,
        arguments: &["--local-port", &port, "--service", &service],
    };
    Window::open(desk, start).await
}

/// A port that nobody has just now, and nobody has the next one.
fn free_ports() -> u16 {
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let found = (0..TRIES).map(|_| free_port());
    let mut found = found.filter(|port| port.checked_add(1).is_some_and(free));
    found.next().expect("two ports side by side")
}

async fn set_up(window: &Window) {
    window.see("set-up").await;
    window.shots("first-set-up").await;
    window.types("set-up-company", "Ada & Co").await;
    window.click("set-up-country").await;
    window.see("set-up-country-DE").await;
    window.shot("first-set-up-country-light").await;
    window.click("set-up-country-DE").await;
    window.sees("set-up-country", "data-value", "DE").await;
    window.types("set-up-first-name", "Ada").await;
    window.types("set-up-last-name", "Lo").await;
    window.types("set-up-email", "ada@co.example").await;
    window.types("set-up-password", PASSWORD).await;
    window.shots("first-set-up-filled").await;
    window.click("set-up-submit").await;
    window.see("me").await;
}

/// The link by which somebody can join the team.
async fn invite(admin: &Window) -> String {
    admin.click("nav-members").await;
    admin.click("member-invite").await;
    admin.click("member-invite-role").await;
    admin.click("member-invite-role-user").await;
    admin.click("dialog-save").await;
    let link = admin.see("member-invite-link").await;
    let link = link.prop("value").await.expect("a field").expect("a link");
    admin.click("dialog-cancel").await;
    link
}

/// Who else can get at a file or a folder.
fn others(path: &Path) -> u32 {
    let known = std::fs::metadata(path).expect("it's there");
    known.permissions().mode() & 0o077
}

/// The members that the page shows.
async fn members(window: &Window) -> Value {
    let rows = "return document.querySelectorAll('[data-testid^=member-row-]').length";
    window.script(rows).await
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_o2_a_team_is_set_up_a_rep_joins_and_the_demo_data_is_apart() {
    let _place = quiet_desk().await;
    let desk = Desk::set(&["mic_riley", "mic_morgan"], &["spk_riley", "spk_morgan"]);
    let port = free_ports();

    // Nothing was chosen: three ways, and no service yet.
    let ada = open(&desk, "riley", "default", port).await;
    for way in ["first-team", "first-demo", "first-server", "join-open"] {
        ada.see(way).await;
    }
    ada.shots("first").await;
    let data = desk.path("data").join(IDENTIFIER).join("service");
    assert!(!data.exists(), "nothing was started before it was chosen");

    // A company of one's own.
    ada.click("first-team").await;
    set_up(&ada).await;
    ada.reads("me", "Ada Lo").await;
    ada.reads("me", "Admin").await;
    ada.reads("me", "Ada & Co").await;
    ada.click("nav-leads").await;
    ada.see("page-leads").await;
    ada.shots("first-leads").await;
    ada.click("nav-organization").await;
    ada.sees("organization-country", "data-value", "DE").await;
    ada.shots("first-organization").await;
    ada.click("nav-plan").await;
    ada.see("plan-operator").await;
    ada.shots("first-plan").await;
    ada.click("nav-numbers").await;
    ada.see("numbers-note").await;
    ada.shots("first-numbers").await;

    // A rep joins by a link, in a window in which nothing was chosen either.
    let link = invite(&ada).await;
    assert!(link.starts_with("callcoaching://invite/"), "an invite link");
    let rep = open(&desk, "morgan", "second", port).await;
    rep.click("join-open").await;
    rep.types("join-link", &link).await;
    rep.click("join-look-up").await;
    rep.reads("join-offer", "Ada & Co").await;
    rep.types("join-first-name", "Bo").await;
    rep.types("join-last-name", "Berg").await;
    rep.types("join-email", "bo@co.example").await;
    rep.types("join-password", PASSWORD).await;
    rep.click("join-accept").await;
    rep.reads("me", "Bo Berg").await;
    rep.shots("first-joined").await;
    ada.click("nav-members").await;
    ada.see("member-row-bo").await;
    assert_eq!(members(&ada).await, 2);

    // The demo data knows nothing of the team, and is in a folder of its own.
    ada.click("sign-out").await;
    ada.see("sign-in-email").await;
    ada.shots("first-team-sign-in").await;
    ada.click("sign-in-choices").await;
    ada.click("first-demo").await;
    ada.click("sign-in-demo-admin@demo.example").await;
    ada.reads("me", "Alex Ash").await;
    ada.click("nav-members").await;
    ada.see("member-row-riley").await;
    ada.gone("member-row-bo").await;
    ada.shots("first-demo").await;
    for place in ["team", "demo"] {
        let folder = data.join(place);
        assert_eq!(others(&folder), 0, "{} is open to others", folder.display());
        let secret = folder.join("local-secret");
        assert_eq!(others(&secret), 0, "{} is open to others", secret.display());
    }
    let secret = |place: &str| std::fs::read(data.join(place).join("local-secret")).ok();
    assert_ne!(secret("team"), secret("demo"));
    assert!(data.join("demo/demo-password").is_file());
    assert!(!data.join("team/demo-password").exists());

    // Nobody gets into either without its secret, with or without a password.
    for port in [port, port + 1] {
        let url = format!("http://127.0.0.1:{port}");
        let api = client::Api::new(&url).expect("an address");
        let request = wire::SignInRequest {
            email: "ada@co.example".into(),
            password: PASSWORD.into(),
            client_type: wire::ClientType::Web,
            device_name: None,
        };
        let refused = api.sign_in(&request).await;
        let code = refused.expect_err("a stranger is refused").code();
        assert_eq!(code, Some(wire::Code::PermissionRequired));
    }

    // And back: the team is as it was, and there is nothing more to set up.
    ada.click("sign-out").await;
    ada.click("sign-in-choices").await;
    ada.click("first-team").await;
    ada.types("sign-in-email", "ada@co.example").await;
    ada.types("sign-in-password", PASSWORD).await;
    ada.click("sign-in-submit").await;
    ada.reads("me", "Ada Lo").await;
    ada.click("nav-members").await;
    ada.see("member-row-bo").await;
    ada.gone("member-row-riley").await;

    // It's remembered, with the sign-in.
    ada.kill().await;
    let (port_text, service) = (port.to_string(), service());
    let start = Start {
        name: "riley",
        profile: "default",
        arguments: &["--demo", "--local-port", &port_text, "--service", &service],
    };
    let ada = Window::reopen(&desk, start).await;
    ada.reads("me", "Ada Lo").await;
    ada.kill().await;
    rep.kill().await;
    crate::pulse::until("both services end", || {
        let is_free = |port| std::net::TcpStream::connect(("127.0.0.1", port)).is_err();
        is_free(port) && is_free(port + 1)
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn o2_a_stranger_on_the_port_is_said_and_told_nothing() {
    let _place = quiet_desk().await;
    let desk = Desk::set(&["mic_riley"], &["spk_riley"]);
    let port = free_ports();
    let stranger = tokio::net::TcpListener::bind(("127.0.0.1", port + 1)).await;
    let stranger = stranger.expect("the team's port");
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = asked.clone();
    let answering = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
        while let Ok((mut stream, _)) = stranger.accept().await {
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&request[..count]).into_owned();
            seen.lock().expect("no one panicked").push(text);
            let _ = stream.write_all(answer).await;
        }
    });
    let ada = open(&desk, "riley", "default", port).await;
    ada.click("first-team").await;
    ada.see("sign-in-retry").await;
    ada.reads(
        "sign-in",
        &format!("Another program is using port {}", port + 1),
    )
    .await;
    ada.shots("first-stranger").await;
    for request in asked.lock().expect("no one panicked").iter() {
        assert!(request.starts_with("GET /local/proof?nonce="), "{request}");
        assert!(!request.to_lowercase().contains("x-call-coaching-local"));
    }

    // Once it has gone, the service starts by itself.
    answering.abort();
    set_up(&ada).await;
    ada.reads("me", "Ada Lo").await;
    ada.kill().await;
    crate::pulse::until("the service ends", || {
        std::net::TcpStream::connect(("127.0.0.1", port + 1)).is_err()
    });
}
