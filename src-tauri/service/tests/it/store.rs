//! A store that cannot be written: everything that only reads goes on, and nothing falls over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::Method;
use serde_json::json;
use service::Config;
use support::{Service, code, config, text};

async fn ready(service: &Service) -> (u16, serde_json::Value) {
    let (status, body) = service.ask(Method::GET, "/ready", None, None).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn with_a_store_that_is_for_reading_only_who_is_signed_in_can_look() {
    let mut service = Service::start().await;
    let tokens = service.sign_in_as("admin@demo.example", "native").await;
    let token = text(&tokens["access_token"]);
    service.restart_with(|config| config.read_only = true).await;

    let me = service.get("/api/v1/me/", &token).await;
    let (mut socket, _) = service.welcomed(&token).await;
    for (method, path, body) in [
        (
            Method::POST,
            "/api/v1/auth/sign_in/".to_owned(),
            json!({"email": "sam@demo.example", "password": "demo-password", "client_type": "web"}),
        ),
        (
            Method::POST,
            "/api/v1/auth/refresh/".to_owned(),
            json!({"refresh_token": tokens["refresh_token"]}),
        ),
        (
            Method::PATCH,
            format!("/api/v1/organization/{}/", text(&me["organization"]["id"])),
            json!({"plan": "startup"}),
        ),
    ] {
        let (status, answer) = service.ask(method, &path, Some(&token), Some(&body)).await;
        assert_eq!(status, 503, "{path}: {answer}");
        assert_eq!(code(&answer), "unavailable");
    }
    let (status, body) = ready(&service).await;
    assert_eq!(status, 503);
    assert_eq!(body["store"], "cannot be written");
    let (status, _) = service.ask(Method::GET, "/health", None, None).await;
    assert_eq!(status, 200);
    assert_eq!(service.get("/api/v1/me/", &token).await, me);
    socket.heartbeat().await;

    // The refresh token was not spent by what could not be written.
    service
        .restart_with(|config| config.read_only = false)
        .await;
    assert_eq!(ready(&service).await.0, 200);
    let (status, _) = service
        .post(
            "/api/v1/auth/refresh/",
            None,
            json!({"refresh_token": tokens["refresh_token"]}),
        )
        .await;
    assert_eq!(status, 200);
    service.stop().await;
}

#[tokio::test]
async fn a_file_that_is_no_store_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("call-coaching.sqlite"),
        "this is no database, whatever its name says".repeat(100),
    )
    .unwrap();
    let started = service::start(
        Config {
            data: folder.path().to_owned(),
            ..config()
        },
        service::Hooks::default(),
    )
    .await;
    assert!(started.is_err());
}

#[tokio::test]
async fn the_demonstration_is_made_once_and_only_when_asked_for() {
    let mut service = Service::start_with(Config {
        demo: false,
        ..config()
    })
    .await;
    let body =
        json!({"email": "riley@demo.example", "password": "demo-password", "client_type": "web"});
    let (status, _) = service.post("/api/v1/auth/sign_in/", None, body).await;
    assert_eq!(status, 401);
    service.restart_with(|config| config.demo = true).await;
    let token = service.token_of("riley@demo.example").await;
    let first = service.get("/api/v1/user/", &token).await;
    service.restart_with(|_| {}).await;
    assert_eq!(service.get("/api/v1/user/", &token).await, first);
    let numbers = service.get("/api/v1/phone_number/", &token).await;
    let shown: Vec<_> = numbers["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|number| (text(&number["number"]), text(&number["type"])))
        .collect();
    let expected = [
        ("+15550001", "internal"),
        ("+15550002", "external"),
        ("+15550003", "virtual"),
        ("+15550004", "internal"),
    ]
    .map(|(number, kind)| (number.to_owned(), kind.to_owned()));
    assert_eq!(shown, expected);
    service.stop().await;
}
