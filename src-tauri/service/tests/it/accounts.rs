//! What people do with their own accounts (O3).
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
use support::members::{MEMBERS, refused};
use support::{Service, Socket, code, config, text};

const STRONG: &str = "correct horse battery staple";

async fn sign_in(service: &Service, email: &str, password: &str) -> (u16, Value) {
    let body = json!({"email": email, "password": password, "client_type": "native",
                      "device_name": "laptop"});
    let (status, body) = service.post("/api/v1/auth/sign_in/", None, body).await;
    (status.as_u16(), body)
}

async fn token(service: &Service, email: &str, password: &str) -> String {
    let (status, tokens) = sign_in(service, email, password).await;
    assert_eq!(status, 200, "{tokens}");
    text(&tokens["access_token"])
}

async fn refresh(service: &Service, token: &Value) -> (u16, Value) {
    let body = json!({"refresh_token": token});
    let (status, body) = service.post("/api/v1/auth/refresh/", None, body).await;
    (status.as_u16(), body)
}

async fn is_in(service: &Service, token: &str) -> bool {
    let (status, _) = service
        .ask(Method::GET, "/api/v1/me/", Some(token), None)
        .await;
    status == 200
}

async fn change(service: &Service, token: &str, path: &str, body: Value) -> (u16, String) {
    refused(service, Method::POST, path, Some(token), Some(&body)).await
}

async fn to_the_end(mut socket: Socket) {
    loop {
        let message = socket.next().await;
        if message["type"] == "error" {
            assert_eq!(message["code"], "unauthenticated");
            break;
        }
        assert_eq!(message["type"], "event", "{message}");
    }
    assert!(socket.next().await.is_null());
}

async fn membership_of(service: &Service, admin: &str, email: &str) -> String {
    let members = service.get(MEMBERS, admin).await;
    let members = members["data"].as_array().unwrap().clone();
    let found = members.iter().find(|one| one["user"]["email"] == email);
    text(&found.unwrap()["membership_id"])
}

async fn reset_link(service: &Service, admin: &str, email: &str) -> String {
    let member = membership_of(service, admin, email).await;
    let path = format!("{MEMBERS}{member}/password_reset/");
    let (status, made) = service.post(&path, Some(admin), json!({})).await;
    assert_eq!(status, 201, "{made}");
    text(&made["token"])
}

async fn look(service: &Service, token: &str) -> (u16, Value) {
    let path = "/api/v1/auth/reset/";
    let (status, answer) = service.post(path, None, json!({"token": token})).await;
    (status.as_u16(), answer)
}

async fn reset(service: &Service, token: &str, password: &str) -> (u16, Value) {
    let body = json!({"token": token, "password": password});
    let path = "/api/v1/auth/reset_password/";
    let (status, answer) = service.post(path, None, body).await;
    (status.as_u16(), answer)
}

#[tokio::test]
async fn o3_a_member_changes_their_own_name_and_everybody_sees_it() {
    let mut service = Service::start().await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut socket, _) = service
        .welcomed(&service.token_of("morgan@demo.example").await)
        .await;
    let change = json!({"first_name": " Rye\u{301}ly ", "last_name": ""});
    let (status, me) = service
        .ask(Method::PATCH, "/api/v1/me/", Some(&riley), Some(&change))
        .await;
    assert_eq!(status, 200, "{me}");
    assert_eq!(me["user"]["first_name"], "Ry\u{e9}ly");
    assert_eq!(me["user"]["last_name"], "");
    socket.event("directory_changed").await;
    let kept = service.get("/api/v1/me/", &riley).await;
    assert_eq!(kept, me);
    for bad in [json!({"first_name": " "}), json!({"last_name": "a\nb"})] {
        let answer = refused(
            &service,
            Method::PATCH,
            "/api/v1/me/",
            Some(&riley),
            Some(&bad),
        )
        .await;
        assert_eq!(answer, (400, "invalid_request".into()), "{bad}");
    }
    service.stop().await;
}

#[tokio::test]
async fn o3_changing_the_password_takes_the_old_one_and_ends_every_other_session() {
    let mut service = Service::start().await;
    let here = service.token_of("riley@demo.example").await;
    let there = service.sign_in_as("riley@demo.example", "native").await;
    let there_token = text(&there["access_token"]);
    let sam = service.token_of("sam@demo.example").await;
    let (socket, _) = service.welcomed(&there_token).await;
    let path = "/api/v1/me/password/";
    let wrong = json!({"old_password": "not it", "new_password": STRONG});
    assert_eq!(
        change(&service, &here, path, wrong).await,
        (403, "wrong_password".into())
    );
    assert!(is_in(&service, &there_token).await);
    let right = json!({"old_password": "demo-password", "new_password": STRONG});
    assert_eq!(change(&service, &here, path, right).await.0, 204);
    to_the_end(socket).await;
    assert!(!is_in(&service, &there_token).await);
    assert_eq!(refresh(&service, &there["refresh_token"]).await.0, 401);
    assert!(is_in(&service, &here).await, "this one goes on");
    assert!(is_in(&service, &sam).await, "and everyone else's");
    let old = sign_in(&service, "riley@demo.example", "demo-password").await;
    assert_eq!(old.0, 401);
    token(&service, "riley@demo.example", STRONG).await;
    service.stop().await;
}

#[tokio::test]
async fn o3_a_password_that_is_easy_to_guess_is_refused_with_what_to_do() {
    let mut service = Service::start().await;
    let riley = service.token_of("riley@demo.example").await;
    for weak in ["password123", "qwertyuiop", "rileyreed1", "aaaaaaaaaaaa"] {
        let body = json!({"old_password": "demo-password", "new_password": weak});
        let (status, answer) = service
            .post("/api/v1/me/password/", Some(&riley), body)
            .await;
        assert_eq!((status.as_u16(), code(&answer)), (400, "invalid_request"));
        let message = text(&answer["error"]["message"]);
        assert!(message.contains("too easy to guess"), "{weak}: {message}");
        assert!(message.ends_with('.'), "{message}");
    }
    for size in [9, 1025] {
        let body = json!({"old_password": "demo-password", "new_password": "x".repeat(size)});
        let answer = change(&service, &riley, "/api/v1/me/password/", body).await;
        assert_eq!(answer, (400, "invalid_request".into()));
    }
    token(&service, "riley@demo.example", "demo-password").await;
    service.stop().await;
}

#[tokio::test]
async fn o3_who_has_a_session_guesses_the_password_no_faster_than_a_stranger() {
    let mut service = Service::start_with(Config {
        sign_in_failures_per_email: 3,
        ..config()
    })
    .await;
    let riley = service.token_of("riley@demo.example").await;
    let body = json!({"old_password": "wrong", "new_password": STRONG});
    let mail = json!({"email": "new@demo.example", "password": "wrong"});
    let mut answers = Vec::new();
    for (path, body) in [
        ("/api/v1/me/password/", &body),
        ("/api/v1/me/email/", &mail),
        ("/api/v1/me/password/", &body),
        ("/api/v1/me/email/", &mail),
    ] {
        answers.push(change(&service, &riley, path, body.clone()).await.0);
    }
    assert_eq!(answers, [403, 403, 403, 429]);
    let also = sign_in(&service, "riley@demo.example", "demo-password").await;
    assert_eq!(also.0, 429);
    service.stop().await;
}

#[tokio::test]
async fn o3_an_email_address_is_changed_with_the_password_and_tells_of_no_one_elses() {
    let mut service = Service::start().await;
    let riley = service.token_of("riley@demo.example").await;
    let path = "/api/v1/me/email/";
    let body = json!({"email": " Riley.New@Demo.example", "password": "demo-password"});
    let (status, answer) = service.post(path, Some(&riley), body).await;
    assert_eq!(
        (status.as_u16(), &answer),
        (200, &json!({"confirmation_sent": false}))
    );
    let me = service.get("/api/v1/me/", &riley).await;
    assert_eq!(me["user"]["email"], "riley.new@demo.example");
    token(&service, "riley.new@demo.example", "demo-password").await;
    assert_eq!(
        sign_in(&service, "riley@demo.example", "demo-password")
            .await
            .0,
        401
    );
    // A teammate's and a stranger's are refused alike.
    let mut refusals = Vec::new();
    for taken in ["sam@demo.example", "other@other.example"] {
        let body = json!({"email": taken, "password": "demo-password"});
        let (status, answer) = service.post(path, Some(&riley), body).await;
        assert_eq!((status.as_u16(), code(&answer)), (409, "conflict"));
        refusals.push(answer);
    }
    assert_eq!(refusals[0], refusals[1]);
    let body = json!({"email": "nobody", "password": "demo-password"});
    assert_eq!(
        change(&service, &riley, path, body).await,
        (400, "invalid_request".into())
    );
    service.stop().await;
}

#[tokio::test]
async fn o3_people_see_where_they_are_signed_in_and_sign_out_one_or_all_others() {
    let mut service = Service::start().await;
    let here = token(&service, "riley@demo.example", "demo-password").await;
    let phone = service.sign_in_as("riley@demo.example", "mobile").await;
    let web = service.sign_in_as("riley@demo.example", "web").await;
    let sam = service.sign_in_as("sam@demo.example", "native").await;
    let path = "/api/v1/me/sign_in/";
    let list = service.get(path, &here).await;
    let places = list["data"].as_array().unwrap();
    assert_eq!(places.len(), 3, "{list}");
    let own = places.iter().find(|one| one["current"] == true).unwrap();
    assert_eq!(own["device_name"], "laptop");
    assert_eq!(own["client_type"], "native");
    assert_eq!(own["address"], "127.0.0.1");
    assert!(own["date_created"].is_string() && own["date_used"].is_string());
    assert!(!list.to_string().contains(&text(&sam["device_id"])));

    let (socket, _) = service.welcomed(&text(&phone["access_token"])).await;
    let end = async |device: &Value| {
        let one = format!("{path}{}/", text(device));
        let asked = service.ask(Method::DELETE, &one, Some(&here), None);
        asked.await.0.as_u16()
    };
    assert_eq!(end(&phone["device_id"]).await, 204);
    to_the_end(socket).await;
    assert!(!is_in(&service, &text(&phone["access_token"])).await);
    // Another person's is not there, and one that has ended is neither.
    assert_eq!(end(&sam["device_id"]).await, 404);
    assert_eq!(end(&phone["device_id"]).await, 404);
    assert!(is_in(&service, &text(&sam["access_token"])).await);

    let out = "/api/v1/me/sign_out/";
    assert_eq!(change(&service, &here, out, json!({})).await.0, 204);
    assert!(!is_in(&service, &text(&web["access_token"])).await);
    assert!(is_in(&service, &here).await);
    let all = json!({"also_here": true});
    assert_eq!(change(&service, &here, out, all).await.0, 204);
    assert!(!is_in(&service, &here).await);
    service.stop().await;
}

#[tokio::test]
async fn o3_an_admin_makes_a_link_and_who_has_it_chooses_a_password_once() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (socket, _) = service.welcomed(&riley).await;
    let link = reset_link(&service, &admin, "riley@demo.example").await;
    assert_eq!(link.len(), 64, "256 bits");
    assert!(is_in(&service, &riley).await, "nothing ends before its use");
    let (status, offer) = look(&service, &link).await;
    assert_eq!(status, 200, "{offer}");
    assert_eq!(offer["email"], "riley@demo.example");
    assert_eq!(offer["organization_name"], "Acme Sales");
    // What is wrong with the password is told, and leaves the link open.
    for weak in ["short", "password123", "rileyreed1"] {
        let (status, answer) = reset(&service, &link, weak).await;
        assert_eq!((status, code(&answer)), (400, "invalid_request"), "{weak}");
    }
    let tries = (0..4).map(|_| reset(&service, &link, STRONG));
    let answers = futures_util::future::join_all(tries).await;
    let good = answers.iter().filter(|(status, _)| *status == 204);
    assert_eq!(good.count(), 1, "{answers:?}");
    to_the_end(socket).await;
    assert!(!is_in(&service, &riley).await);
    token(&service, "riley@demo.example", STRONG).await;
    for (status, answer) in [
        look(&service, &link).await,
        reset(&service, &link, STRONG).await,
        look(&service, "").await,
        reset(&service, "x", STRONG).await,
    ] {
        assert_eq!((status, code(&answer)), (410, "invite_expired"));
    }
    service.stop().await;
}

#[tokio::test]
async fn o3_a_link_is_made_for_members_of_the_own_organization_only_and_not_for_oneself() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let other = service.token_of("other@other.example").await;
    let riley = membership_of(&service, &admin, "riley@demo.example").await;
    let own = membership_of(&service, &admin, "admin@demo.example").await;
    let path = |member: &str| format!("{MEMBERS}{member}/password_reset/");
    for (who, member, expected) in [
        (&other, &riley, (404, "not_found")),
        (&admin, &own, (409, "conflict")),
        (&admin, &"memb_none".to_owned(), (404, "not_found")),
    ] {
        let answer = refused(&service, Method::POST, &path(member), Some(who), None).await;
        assert_eq!((answer.0, answer.1.as_str()), expected, "{member}");
    }
    service.stop().await;
}

#[tokio::test]
async fn o3_whoever_guesses_reset_links_is_stopped() {
    let mut service = Service::start_with(Config {
        sign_in_failures_per_address: 3,
        ..config()
    })
    .await;
    let admin = service.token_of("admin@demo.example").await;
    let link = reset_link(&service, &admin, "riley@demo.example").await;
    for _ in 0..6 {
        assert_eq!(look(&service, &link).await.0, 200);
    }
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(look(&service, "wrong").await.0);
    }
    statuses.push(look(&service, &link).await.0);
    statuses.push(reset(&service, &link, STRONG).await.0);
    assert_eq!(statuses, [410, 410, 410, 429, 429]);
    service.stop().await;
}

#[tokio::test]
async fn o3_a_refresh_whose_answer_was_lost_is_repeated_with_the_same_result() {
    let mut service = Service::start().await;
    let first = service.sign_in_as("riley@demo.example", "native").await;
    let (status, lost) = refresh(&service, &first["refresh_token"]).await;
    assert_eq!(status, 200);
    for _ in 0..3 {
        let (status, again) = refresh(&service, &first["refresh_token"]).await;
        assert_eq!((status, &again), (200, &lost));
    }
    // Also by another process on the same store.
    service.restart_with(|_| {}).await;
    assert_eq!(refresh(&service, &first["refresh_token"]).await.1, lost);
    assert!(is_in(&service, &text(&lost["access_token"])).await);
    // Now the answer has arrived: whoever shows the old token is somebody else.
    assert_eq!(refresh(&service, &first["refresh_token"]).await.0, 401);
    assert!(!is_in(&service, &text(&lost["access_token"])).await);
    service.stop().await;
}

#[tokio::test]
async fn o3_a_sign_in_has_an_end_however_often_it_is_refreshed() {
    let mut service = Service::start_with(Config {
        access_token_s: 1,
        sign_in_s: 1,
        ..config()
    })
    .await;
    let tokens = service.sign_in_as("riley@demo.example", "native").await;
    let (socket, _) = service.welcomed(&text(&tokens["access_token"])).await;
    to_the_end(socket).await;
    assert_eq!(refresh(&service, &tokens["refresh_token"]).await.0, 401);
    service.stop().await;
}

#[tokio::test]
async fn o3_a4_what_was_done_to_accounts_is_in_the_log_without_a_secret() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.sign_in_as("riley@demo.example", "native").await;
    let here = text(&riley["access_token"]);
    let name = json!({"first_name": "Rye"});
    let asked = service.ask(Method::PATCH, "/api/v1/me/", Some(&here), Some(&name));
    assert_eq!(asked.await.0, 200);
    let mail = json!({"email": "rye@demo.example", "password": "demo-password"});
    assert_eq!(
        change(&service, &here, "/api/v1/me/email/", mail).await.0,
        200
    );
    let wrong = json!({"old_password": "a wrong secret", "new_password": STRONG});
    let path = "/api/v1/me/password/";
    assert_eq!(change(&service, &here, path, wrong).await.0, 403);
    let right = json!({"old_password": "demo-password", "new_password": STRONG});
    assert_eq!(change(&service, &here, path, right).await.0, 204);
    let out = "/api/v1/me/sign_out/";
    assert_eq!(change(&service, &here, out, json!({})).await.0, 204);
    let link = reset_link(&service, &admin, "rye@demo.example").await;
    let another = "staple battery horse correct";
    assert_eq!(reset(&service, &link, another).await.0, 204);
    let log = tokio::time::timeout(support::PATIENCE, async {
        loop {
            let log = service.get("/api/v1/audit/?_limit=200", &admin).await;
            if log.to_string().contains("\"password_reset\"") {
                break log;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the reset is in the log");
    for secret in [STRONG, another, "a wrong secret", "demo-password", &link] {
        assert!(!log.to_string().contains(secret), "{secret}");
    }
    let lines = log["data"].as_array().unwrap();
    let find = |action: &str, allowed: bool| {
        let found = lines
            .iter()
            .find(|line| line["action"] == action && line["allowed"] == allowed);
        found.unwrap_or_else(|| panic!("no {action} in {log}"))
    };
    for action in [
        "profile_changed",
        "email_changed",
        "password_changed",
        "signed_out_elsewhere",
        "password_reset",
    ] {
        assert_eq!(find(action, true)["user_id"], riley["user_id"], "{action}");
    }
    assert_eq!(find("email_changed", true)["detail"], "rye@demo.example");
    assert_eq!(find("password_changed", false)["code"], "wrong_password");
    let made = find("password_reset_created", true);
    assert_eq!(made["target"], riley["user_id"]);
    service.stop().await;
}
