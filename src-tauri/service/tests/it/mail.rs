//! What is sent by mail (O3), to a real mail server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support::{self, Service, code, config, text};

use reqwest::Method;
use serde_json::{Value, json};
use service::{Config, MailSettings};
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const STRONG: &str = "correct horse battery staple";

struct Server {
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
    folder: TempDir,
    // Ends with it.
    _child: Child,
}

impl Server {
    /// A server that refuses so many mails first; none where the set-up of the tests has installed none.
    async fn start(refused: u32) -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = here.join("../../target/venv-s3/bin/python");
        if !python.exists() {
            eprintln!("not tested: no {}; make test installs it", python.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(python)
            .arg(here.join("tests/mail/server.py"))
            .arg(folder.path())
            .arg(refused.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready: Value = next(&mut lines).await;
        let port = u16::try_from(ready["port"].as_u64().unwrap()).unwrap();
        Some(Self {
            lines,
            port,
            folder,
            _child: child,
        })
    }

    fn settings(&self) -> MailSettings {
        MailSettings {
            server: Some("localhost".into()),
            port: Some(self.port),
            username: Some("calls".into()),
            password: Some("mail-secret".into()),
            ca: Some(self.folder.path().join("authority.pem")),
            from: "Call Coaching <calls@example.com>".into(),
            ..MailSettings::default()
        }
    }

    async fn service(&self) -> Service {
        Service::start_with(Config {
            mail: self.settings(),
            public_url: Some("https://coaching.example.com".into()),
            ..config()
        })
        .await
    }

    async fn mail(&mut self) -> Value {
        next(&mut self.lines).await
    }
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = tokio::time::timeout(support::PATIENCE, lines.next_line());
    let line = line.await.expect("a line in time").unwrap();
    serde_json::from_str(&line.expect("the server runs")).unwrap()
}

/// The secret in the only link of a mail.
fn token(mail: &Value, page: &str) -> String {
    let text = text(&mail["text"]);
    let start = format!("https://coaching.example.com/{page}/#");
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("{text}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

async fn post(service: &Service, path: &str, body: Value) -> (u16, Value) {
    let (status, answer) = service.post(path, None, body).await;
    (status.as_u16(), answer)
}

async fn forgot(service: &Service, email: &str) -> u16 {
    post(service, "/api/v1/auth/forgot/", json!({"email": email}))
        .await
        .0
}

async fn sign_in(service: &Service, email: &str, password: &str) -> u16 {
    let body = json!({"email": email, "password": password, "client_type": "native"});
    post(service, "/api/v1/auth/sign_in/", body).await.0
}

#[tokio::test]
async fn o3_a_forgotten_password_is_reset_by_mail_and_no_address_is_told_of() {
    let Some(mut server) = Server::start(0).await else {
        return;
    };
    let mut service = server.service().await;
    let (_, options) = service
        .ask(Method::GET, "/api/v1/auth/options/", None, None)
        .await;
    assert_eq!(options, json!({"reset_by_mail": true}));
    // A stranger's address, a member's, and that of another organization: the answers are the same.
    for email in ["nobody@nowhere.example", " Riley@demo.example"] {
        assert_eq!(forgot(&service, email).await, 204, "{email}");
    }
    let mail = server.mail().await;
    assert_eq!(mail["to"], json!(["riley@demo.example"]));
    assert_eq!(mail["from"], "calls@example.com");
    assert_eq!(mail["is_encrypted"], true);
    let link = token(&mail, "reset");
    // Asked again at once, the mail that was sent is the one that counts.
    assert_eq!(forgot(&service, "riley@demo.example").await, 204);
    let body = json!({"token": link, "password": STRONG});
    let path = "/api/v1/auth/reset_password/";
    assert_eq!(post(&service, path, body.clone()).await.0, 204);
    assert_eq!(post(&service, path, body).await.0, 410);
    assert_eq!(sign_in(&service, "riley@demo.example", STRONG).await, 200);
    // The next mail is that of somebody else: the second try of before sent none.
    assert_eq!(forgot(&service, "sam@demo.example").await, 204);
    assert_eq!(server.mail().await["to"], json!(["sam@demo.example"]));
    service.stop().await;
}

#[tokio::test]
async fn o3_a_new_address_is_confirmed_by_a_link_and_the_old_one_is_told() {
    let Some(mut server) = Server::start(0).await else {
        return;
    };
    let mut service = server.service().await;
    let riley = service.token_of("riley@demo.example").await;
    let path = "/api/v1/me/email/";
    // Another person's address: the answer is that of any, and nothing is sent.
    for email in [
        "sam@demo.example",
        "other@other.example",
        "new@demo.example",
    ] {
        let body = json!({"email": email, "password": "demo-password"});
        let (status, answer) = service.post(path, Some(&riley), body).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer, json!({"confirmation_sent": true}));
    }
    let me = service.get("/api/v1/me/", &riley).await;
    assert_eq!(me["user"]["email"], "riley@demo.example", "not before");
    let mail = server.mail().await;
    assert_eq!(mail["to"], json!(["new@demo.example"]));
    let link = token(&mail, "confirm-email");
    let confirm = json!({"token": link});
    let path = "/api/v1/auth/confirm_email/";
    assert_eq!(post(&service, path, confirm.clone()).await.0, 204);
    let me = service.get("/api/v1/me/", &riley).await;
    assert_eq!(me["user"]["email"], "new@demo.example");
    let told = server.mail().await;
    assert_eq!(told["to"], json!(["riley@demo.example"]));
    assert!(text(&told["text"]).contains("new@demo.example"));
    let (status, answer) = post(&service, path, confirm).await;
    assert_eq!((status, code(&answer)), (410, "invite_expired"));
    service.stop().await;
}

#[tokio::test]
async fn o3_a_name_with_newlines_adds_nothing_to_a_mail() {
    let Some(mut server) = Server::start(0).await else {
        return;
    };
    let mut service = server.service().await;
    // Whatever checks names at the door, the store may hold any.
    let store = service.store().await;
    let riley = store.credentials("riley@demo.example").await.unwrap();
    let user = riley.unwrap().user_id;
    let name = "Riley\r\nBcc: thief@evil.example\r\n\r\nA body";
    store.rename(&user, Some(name), Some("")).await.unwrap();
    store.close().await;
    assert_eq!(forgot(&service, "riley@demo.example").await, 204);
    let mail = server.mail().await;
    assert_eq!(mail["to"], json!(["riley@demo.example"]));
    let headers = mail["headers"].as_array().unwrap();
    assert!(headers.iter().all(|header| header[0] != "Bcc"), "{mail}");
    assert!(text(&mail["text"]).starts_with("Hello Riley"), "{mail}");
    service.stop().await;
}

#[tokio::test]
async fn o3_a_mail_that_the_server_takes_later_is_sent_again() {
    let Some(mut server) = Server::start(1).await else {
        return;
    };
    let mut service = server.service().await;
    assert_eq!(forgot(&service, "riley@demo.example").await, 204);
    assert_eq!(server.mail().await["to"], json!(["riley@demo.example"]));
    service.stop().await;
}

#[tokio::test]
async fn o3_a_mail_server_that_is_not_trusted_gets_nothing() {
    let Some(mut server) = Server::start(0).await else {
        return;
    };
    let mut service = Service::start_with(Config {
        mail: MailSettings {
            ca: None,
            ..server.settings()
        },
        public_url: Some("https://coaching.example.com".into()),
        ..config()
    })
    .await;
    assert_eq!(forgot(&service, "riley@demo.example").await, 204);
    let mail = server.lines.next_line();
    let mail = tokio::time::timeout(std::time::Duration::from_secs(5), mail);
    assert!(mail.await.is_err(), "it is given neither password nor mail");
    service.stop().await;
}

#[tokio::test]
async fn o3_without_a_mail_server_who_forgot_is_told_to_ask_an_admin() {
    let mut service = Service::start().await;
    let body = json!({"email": "riley@demo.example"});
    let (status, answer) = post(&service, "/api/v1/auth/forgot/", body).await;
    assert_eq!((status, code(&answer)), (409, "conflict"));
    assert!(text(&answer["error"]["message"]).contains("Ask an admin"));
    service.stop().await;
}

#[tokio::test]
async fn o3_the_pages_of_mails_run_no_script_but_their_own() {
    let mut service = Service::start().await;
    for path in ["/reset/", "/confirm-email/", "/account.js"] {
        let page = service.http.get(format!("{}{path}", service.base)).send();
        let page = page.await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(page.headers()["referrer-policy"], "no-referrer");
        assert_eq!(page.headers()["cache-control"], "no-store");
        let text = page.text().await.unwrap();
        assert!(
            !text.contains("<script>") && !text.contains("onclick"),
            "{path}"
        );
    }
    service.stop().await;
}
