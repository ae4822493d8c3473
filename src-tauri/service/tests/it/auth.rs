//! Signing in and staying signed in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::Method;
use serde_json::{Value, json};
use service::Config;
use support::{Service, code, config, text};

async fn try_sign_in(service: &Service, email: &str, password: &str) -> (u16, Value) {
    let body = json!({"email": email, "password": password, "client_type": "native"});
    let (status, body) = service.post("/api/v1/auth/sign_in/", None, body).await;
    (status.as_u16(), body)
}

async fn refresh(service: &Service, token: &Value) -> (u16, Value) {
    let (status, body) = service
        .post(
            "/api/v1/auth/refresh/",
            None,
            json!({"refresh_token": token}),
        )
        .await;
    (status.as_u16(), body)
}

async fn me_status(service: &Service, token: &Value) -> u16 {
    let token = token.as_str().unwrap();
    let (status, _) = service
        .ask(Method::GET, "/api/v1/me/", Some(token), None)
        .await;
    status.as_u16()
}

#[tokio::test]
async fn who_signs_in_is_known_by_the_access_token() {
    let mut service = Service::start().await;
    let tokens = service.sign_in_as("Riley@Demo.example ", "native").await;
    let me = service
        .get("/api/v1/me/", tokens["access_token"].as_str().unwrap())
        .await;
    assert_eq!(me["user"]["id"], tokens["user_id"]);
    assert_eq!(me["user"]["email"], "riley@demo.example");
    assert_eq!(me["organization"]["name"], "Acme Sales");
    assert_eq!(me["role"]["permissions"], json!([]));
    let manager = service.token_of("morgan@demo.example").await;
    let me = service.get("/api/v1/me/", &manager).await;
    assert_eq!(
        me["role"]["permissions"],
        json!(["call_coach_listen", "call_coach_barge"])
    );
    service.stop().await;
}

#[tokio::test]
async fn a_wrong_email_and_a_wrong_password_are_answered_alike() {
    let mut service = Service::start().await;
    let wrong_password = try_sign_in(&service, "riley@demo.example", "wrong").await;
    let wrong_email = try_sign_in(&service, "nobody@demo.example", "demo-password").await;
    assert_eq!(wrong_password, wrong_email);
    assert_eq!(wrong_password.0, 401);
    assert_eq!(code(&wrong_password.1), "unauthenticated");
    service.stop().await;
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_the_sign_in() {
    let mut service = Service::start().await;
    let first = service.sign_in_as("riley@demo.example", "native").await;
    let other_device = service.sign_in_as("riley@demo.example", "web").await;
    let (status, second) = refresh(&service, &first["refresh_token"]).await;
    assert_eq!(status, 200);
    assert_eq!(second["device_id"], first["device_id"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(me_status(&service, &second["access_token"]).await, 200);
    // A request that was under way while the token was refreshed is not refused.
    assert_eq!(me_status(&service, &first["access_token"]).await, 200);

    let (mut socket, _) = service
        .welcomed(second["access_token"].as_str().unwrap())
        .await;
    let (status, refused) = refresh(&service, &first["refresh_token"]).await;
    assert_eq!((status, code(&refused)), (401, "unauthenticated"));
    let (status, _) = refresh(&service, &second["refresh_token"]).await;
    assert_eq!(status, 401, "the newest one of the sign-in is over, too");
    assert_eq!(me_status(&service, &second["access_token"]).await, 401);
    loop {
        let message = socket.next().await;
        if message["type"] == "error" {
            assert_eq!(message["code"], "unauthenticated");
            break;
        }
        assert_eq!(message["type"], "event", "{message}");
    }
    assert!(socket.next().await.is_null());
    assert_eq!(
        me_status(&service, &other_device["access_token"]).await,
        200
    );
    service.stop().await;
}

#[tokio::test]
async fn who_signs_out_is_out() {
    let mut service = Service::start().await;
    let tokens = service.sign_in_as("riley@demo.example", "native").await;
    let body = json!({"refresh_token": tokens["refresh_token"]});
    let (status, _) = service
        .post("/api/v1/auth/sign_out/", None, body.clone())
        .await;
    assert_eq!(status, 204);
    assert_eq!(me_status(&service, &tokens["access_token"]).await, 401);
    assert_eq!(refresh(&service, &tokens["refresh_token"]).await.0, 401);
    let (status, _) = service.post("/api/v1/auth/sign_out/", None, body).await;
    assert_eq!(status, 401);
    service.stop().await;
}

#[tokio::test]
async fn too_many_failures_are_limited_for_an_email_and_successes_are_not_counted() {
    let mut service = Service::start_with(Config {
        sign_in_failures_per_email: 3,
        ..config()
    })
    .await;
    for _ in 0..5 {
        service.sign_in_as("riley@demo.example", "native").await;
    }
    for _ in 0..3 {
        assert_eq!(
            try_sign_in(&service, "riley@demo.example", "wrong").await.0,
            401
        );
    }
    let (status, body) = try_sign_in(&service, "riley@demo.example", "demo-password").await;
    assert_eq!((status, code(&body)), (429, "rate_limited"));
    // Whether somebody has an account is not to be found out by it either.
    for expected in [401, 401, 401, 429] {
        assert_eq!(
            try_sign_in(&service, "nobody@demo.example", "wrong")
                .await
                .0,
            expected
        );
    }
    service.sign_in_as("sam@demo.example", "native").await;
    service.stop().await;
}

#[tokio::test]
async fn too_many_failures_are_limited_for_a_network_address() {
    let mut service = Service::start_with(Config {
        sign_in_failures_per_address: 4,
        ..config()
    })
    .await;
    for person in 0..4 {
        let email = format!("nobody{person}@demo.example");
        assert_eq!(try_sign_in(&service, &email, "wrong").await.0, 401);
    }
    let (status, body) = try_sign_in(&service, "sam@demo.example", "demo-password").await;
    assert_eq!((status, code(&body)), (429, "rate_limited"));
    service.stop().await;
}

#[tokio::test]
async fn tokens_outlive_a_restart_of_the_service_and_none_is_kept_as_it_is() {
    let mut service = Service::start().await;
    let tokens = service.sign_in_as("riley@demo.example", "native").await;
    service.restart_with(|_| {}).await;
    assert_eq!(me_status(&service, &tokens["access_token"]).await, 200);
    service.stop().await;
    // On PostgreSQL there is no file to look into; what is bound is the same.
    if store::testing::is_postgres() {
        return;
    }
    let file = std::fs::read(service.folder.path().join("call-coaching.sqlite")).unwrap();
    for token in ["access_token", "refresh_token"] {
        let token = text(&tokens[token]);
        let secret = token.rsplit('.').next().unwrap().as_bytes();
        assert!(
            !file.windows(secret.len()).any(|bytes| bytes == secret),
            "the store holds a token"
        );
    }
}

#[tokio::test]
async fn an_access_token_ends_by_itself_and_takes_its_socket_along() {
    let mut service = Service::start_with(Config {
        access_token_s: 1,
        ..config()
    })
    .await;
    let tokens = service.sign_in_as("riley@demo.example", "native").await;
    let (mut socket, _) = service
        .welcomed(tokens["access_token"].as_str().unwrap())
        .await;
    // The first token's socket lives on with the second token.
    let (_, second) = refresh(&service, &tokens["refresh_token"]).await;
    loop {
        let message = socket.next().await;
        if message["type"] == "error" {
            assert_eq!(message["code"], "unauthenticated");
            // The refresh token is good: nobody has to sign in again.
            let message = message["message"].as_str().unwrap();
            assert!(message.contains("Refresh it"), "{message}");
            assert!(!message.contains("ign in"), "{message}");
            break;
        }
        assert_eq!(message["type"], "event", "{message}");
    }
    assert_eq!(me_status(&service, &second["access_token"]).await, 401);
    assert_eq!(refresh(&service, &second["refresh_token"]).await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn a_member_who_is_deactivated_is_out_at_once() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let sam = service.sign_in_as("sam@demo.example", "native").await;
    let sam_token = text(&sam["access_token"]);
    let (mut socket, _) = service.welcomed(&sam_token).await;
    let membership = service.get("/api/v1/me/", &sam_token).await["membership"]["id"].clone();
    let path = format!("/api/v1/membership/{}/", membership.as_str().unwrap());
    let (status, body) = service
        .ask(
            Method::PATCH,
            &path,
            Some(&admin),
            Some(&json!({"active": false})),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(me_status(&service, &sam["access_token"]).await, 401);
    assert_eq!(refresh(&service, &sam["refresh_token"]).await.0, 401);
    assert_eq!(
        try_sign_in(&service, "sam@demo.example", "demo-password")
            .await
            .0,
        401
    );
    loop {
        let message = socket.next().await;
        if message["type"] == "error" {
            assert_eq!(message["code"], "unauthenticated");
            break;
        }
        assert_eq!(message["type"], "event", "{message}");
    }
    let (status, _) = service
        .ask(
            Method::PATCH,
            &path,
            Some(&admin),
            Some(&json!({"active": true})),
        )
        .await;
    assert_eq!(status, 200);
    service.sign_in_as("sam@demo.example", "native").await;
    service.stop().await;
}
