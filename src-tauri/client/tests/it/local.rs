//! The app's own service: it proves itself before it's told anything, and a stranger on its port is told
//! nothing (O2).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::fake::{Connected, Fake};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use client::{Api, ClientError, LocalAnswer, LocalDoor, LocalSecret, Session, Settings};
use client::{Socket, SocketEvent};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use wire::{ClientType, ListQuery, SignInRequest, route};

const LIMIT: Duration = Duration::from_secs(30);
const HEADER: &str = "x-call-coaching-local";

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// What the service computes.
fn over(secret: &str, purpose: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(purpose.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A secret, also as it's in its file.
fn secret(folder: &tempfile::TempDir) -> (LocalSecret, String) {
    let file = folder.path().join("local-secret");
    let secret = LocalSecret::read_or_make(&file).unwrap();
    (secret, std::fs::read_to_string(&file).unwrap())
}

fn sign_in() -> SignInRequest {
    SignInRequest {
        email: "me@demo.example".into(),
        password: "right".into(),
        client_type: ClientType::Native,
        device_name: None,
    }
}

/// A program that happens to be on the port: what it was asked, and where it is. It answers everything
/// in this way.
async fn stranger(answer: String) -> (Arc<Mutex<Vec<String>>>, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (seen, answer) = (seen.clone(), answer.clone());
            tokio::spawn(async move {
                let mut buffer = vec![0; 16 * 1024];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                    seen.lock().unwrap().push(text);
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
    (asked, url)
}

fn http(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn o2_a_stranger_on_the_port_is_asked_for_a_proof_and_told_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, text) = secret(&folder);
    for answer in [
        http("200 OK", &"0".repeat(64)),
        http("200 OK", &over(&text, "app")),
        http("200 OK", &"0".repeat(100_000)),
        http("404 Not Found", "nothing here"),
        // Nothing that leads elsewhere is followed.
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
            .into(),
        "220 mail.example ESMTP\r\n".into(),
    ] {
        let (asked, url) = stranger(answer.clone()).await;
        let api = Api::with(&url, None, Some(secret.clone())).unwrap();
        let refused = within("a refusal", api.sign_in(&sign_in())).await;
        assert!(
            matches!(refused, Err(ClientError::Unreachable(_))),
            "{refused:?}"
        );
        let mut socket = Socket::connect(&api, None).unwrap();
        let closed = within("the end of the socket", socket.next()).await;
        assert!(matches!(closed, SocketEvent::Closed));
        let door = LocalDoor::new(&url, secret.clone()).unwrap();
        let seen = within("a look", door.look()).await;
        let is_http = answer.starts_with("HTTP/");
        let expected = [LocalAnswer::Silent, LocalAnswer::Stranger][usize::from(is_http)];
        assert_eq!(seen, expected, "{answer:.40}");

        let asked = asked.lock().unwrap().clone();
        assert!(asked.len() >= 3, "{asked:?}");
        for request in &asked {
            assert!(request.starts_with("GET /local/proof?nonce="), "{request}");
            assert!(!request.to_lowercase().contains(HEADER), "{request}");
            assert!(
                !request.contains(&text) && !request.contains("right"),
                "{request}"
            );
        }
    }
}

#[tokio::test]
async fn o2_no_one_on_the_port_is_no_stranger() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, _) = secret(&folder);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let door = LocalDoor::new(&url, secret.clone()).unwrap();
    assert_eq!(within("a look", door.look()).await, LocalAnswer::Silent);
    let api = Api::with(&url, None, Some(secret)).unwrap();
    let refused = within("a refusal", api.sign_in(&sign_in())).await;
    assert!(
        matches!(refused, Err(ClientError::Unreachable(_))),
        "{refused:?}"
    );
}

/// What the app's own service was asked.
#[derive(Default)]
struct Guard {
    /// Another program has taken its place.
    is_gone: AtomicBool,
    proofs: Mutex<usize>,
    /// Paths, and whether the app showed that it knows the secret.
    others: Mutex<Vec<(String, bool)>>,
}

impl Guard {
    async fn pass(&self, secret: &str, request: Request, next: Next) -> Response {
        let uri = request.uri().clone();
        if uri.path() == "/local/proof" {
            *self.proofs.lock().unwrap() += 1;
            let nonce = uri.query().unwrap().strip_prefix("nonce=").unwrap();
            assert!((16..=128).contains(&nonce.len()), "{nonce}");
            let known =
                ["another secret", secret][usize::from(!self.is_gone.load(Ordering::SeqCst))];
            let host = request.headers()["host"].to_str().unwrap();
            let (_, port) = host.rsplit_once(':').unwrap();
            return over(known, &format!("service {port} {nonce}")).into_response();
        }
        let shown = request.headers().get(HEADER).map(|value| value.as_bytes());
        let is_shown = shown == Some(over(secret, "app").as_bytes());
        self.others
            .lock()
            .unwrap()
            .push((uri.path().to_owned(), is_shown));
        next.run(request).await
    }
}

/// The app's own service, with what it was asked.
async fn own(text: &str) -> (Fake, Arc<Guard>, mpsc::Receiver<Connected>) {
    let guard = Arc::new(Guard::default());
    let (seen, text) = (guard.clone(), text.to_owned());
    let (fake, sockets) = Fake::start_behind(move |router| {
        let router = router.route("/local/proof", get(|| async {}));
        router.route("/ready", get(|| async {})).layer(from_fn(
            move |request: Request, next: Next| {
                let (seen, text) = (seen.clone(), text.clone());
                async move { seen.pass(&text, request, next).await }
            },
        ))
    })
    .await;
    (fake, guard, sockets)
}

#[tokio::test]
async fn o2_the_apps_own_service_proves_itself_and_is_shown_that_the_app_knows_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, text) = secret(&folder);
    let (fake, guard, mut sockets) = own(&text).await;
    let door = LocalDoor::new(&fake.url, secret.clone()).unwrap();
    assert_eq!(within("a look", door.look()).await, LocalAnswer::Ready);

    let settings = Settings {
        local_secret: Some(secret.clone()),
        ..Settings::new(&fake.url)
    };
    let session = Session::start(settings).unwrap();
    within("the sign-in", session.sign_in("me@demo.example", "right"))
        .await
        .unwrap();
    let socket = within("a socket", sockets.recv()).await.unwrap();
    assert_eq!(socket.hello.access_token, "access-1");
    let api = session.api();
    within(
        "a list",
        api.list(&route::LIST_USERS, &ListQuery::default()),
    )
    .await
    .unwrap();
    let others = guard.others.lock().unwrap().clone();
    let paths: Vec<&str> = others.iter().map(|(path, _)| path.as_str()).collect();
    for path in [
        "/ready",
        "/api/v1/auth/sign_in/",
        "/api/v1/socket/",
        "/api/v1/user/",
    ] {
        assert!(paths.contains(&path), "{path} is not in {paths:?}");
    }
    assert!(others.iter().all(|(_, is_shown)| *is_shown), "{others:?}");
    let proofs = *guard.proofs.lock().unwrap();
    assert!(
        proofs >= 3,
        "the look, the requests and the socket: {proofs}"
    );

    // Each new connection has a proof of its own: another program may have taken the port.
    guard.is_gone.store(true, Ordering::SeqCst);
    let before = guard.others.lock().unwrap().len();
    let api = Api::with(&fake.url, None, Some(secret)).unwrap();
    let mut socket = Socket::connect(&api, None).unwrap();
    let closed = within("the end of the socket", socket.next()).await;
    assert!(matches!(closed, SocketEvent::Closed));
    let refused = within("a refusal", api.sign_in(&sign_in())).await;
    let Err(ClientError::Unreachable(why)) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("another program is using port"), "{why}");
    let after = guard.others.lock().unwrap().clone();
    let new: Vec<_> = after[before..].iter().map(|(path, _)| path).collect();
    assert!(!new.iter().any(|path| path.contains("sign_in")), "{new:?}");
}
