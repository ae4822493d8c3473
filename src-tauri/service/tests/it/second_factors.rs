//! Signing in in two steps (O4). What an authenticator app shows is made by a library of codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::Method;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use support::members::{MEMBERS, refused};
use support::{Service, code, text};
use totp_rs::{Builder, Secret};

/// The app on somebody's phone.
struct Phone(String);

impl Phone {
    /// What it shows so many steps from now.
    fn code(&self, steps: i64) -> String {
        let secret = Secret::try_from_base32(&self.0).unwrap();
        let totp = Builder::new()
            .with_secret(secret)
            .with_account_name("test")
            .build()
            .unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let time = now.as_secs().checked_add_signed(steps * 30).unwrap();
        totp.generate(time).to_string()
    }
}

async fn post(service: &Service, path: &str, token: Option<&str>, body: Value) -> (u16, Value) {
    let path = format!("/api/v1/{path}");
    let (status, answer) = service.post(&path, token, body).await;
    (status.as_u16(), answer)
}

async fn sign_in(service: &Service, email: &str) -> (u16, Value) {
    let body = json!({"email": email, "password": "demo-password", "client_type": "native",
                      "device_name": "laptop"});
    post(service, "auth/sign_in/", None, body).await
}

/// The ticket of a first step that is refused with this.
async fn ticket(service: &Service, email: &str, expected: &str) -> String {
    let (status, answer) = sign_in(service, email).await;
    assert_eq!((status, code(&answer)), (403, expected), "{answer}");
    text(&answer["error"]["ticket"])
}

async fn second(service: &Service, ticket: &str, entered: &str) -> (u16, Value) {
    let body = json!({"ticket": ticket, "code": entered});
    post(service, "auth/second_factor/", None, body).await
}

fn is_refused(answer: &(u16, Value), status: u16, expected: &str) {
    assert_eq!(
        (answer.0, code(&answer.1)),
        (status, expected),
        "{}",
        answer.1
    );
}

/// Riley with a phone: the token of the device that set it up, and the recovery codes.
async fn riley(service: &Service) -> (Phone, String, Vec<String>) {
    let here = service.token_of("riley@demo.example").await;
    let body = json!({"password": "demo-password"});
    let (status, setup) = post(service, "me/second_factor/set_up/", Some(&here), body).await;
    assert_eq!(status, 200, "{setup}");
    assert!(text(&setup["uri"]).starts_with("otpauth://totp/Call%20Coaching"));
    assert!(text(&setup["qr_svg"]).contains("<svg"));
    let phone = Phone(text(&setup["secret"]));
    let body = json!({"code": phone.code(-1)});
    let (status, done) = post(service, "me/second_factor/confirm/", Some(&here), body).await;
    assert_eq!(status, 200, "{done}");
    let codes = done["recovery_codes"].as_array().unwrap();
    (phone, here, codes.iter().map(text).collect())
}

#[tokio::test]
async fn o4_who_has_a_second_factor_signs_in_in_two_steps() {
    let mut service = Service::start().await;
    let (phone, here, codes) = riley(&service).await;
    assert_eq!(codes.len(), 10);
    let status = service.get("/api/v1/me/second_factor/", &here).await;
    let expected = json!({"enabled": true, "recovery_codes_left": 10, "required": false});
    assert_eq!(status, expected);
    let ticket = ticket(&service, "riley@demo.example", "second_factor_required").await;
    is_refused(
        &second(&service, &ticket, "000000").await,
        403,
        "wrong_code",
    );
    let (status, tokens) = second(&service, &ticket, &phone.code(0)).await;
    assert_eq!(status, 200, "{tokens}");
    let token = text(&tokens["access_token"]);
    let places = service.get("/api/v1/me/sign_in/", &token).await;
    let own = places["data"].as_array().unwrap();
    let own = own.iter().find(|one| one["current"] == true).unwrap();
    assert_eq!(own["device_name"], "laptop", "as the first step said");
    // A ticket is good once.
    let again = second(&service, &ticket, &phone.code(1)).await;
    is_refused(&again, 401, "unauthenticated");
    // Nobody else has to.
    assert_eq!(sign_in(&service, "sam@demo.example").await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn o4_a_code_counts_once_and_not_far_from_its_time() {
    let mut service = Service::start().await;
    let (phone, ..) = riley(&service).await;
    let next = async || ticket(&service, "riley@demo.example", "second_factor_required").await;
    let used = phone.code(0);
    let first = next().await;
    assert_eq!(second(&service, &first, &used).await.0, 200);
    let ticket = next().await;
    for entered in [used, phone.code(-1), phone.code(-3), phone.code(4)] {
        is_refused(
            &second(&service, &ticket, &entered).await,
            403,
            "wrong_code",
        );
    }
    let spaced = phone.code(1);
    let spaced = format!("{} {}", &spaced[..3], &spaced[3..]);
    assert_eq!(second(&service, &ticket, &spaced).await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn o4_a_code_counts_once_also_for_two_at_the_same_moment() {
    let mut service = Service::start().await;
    let (phone, ..) = riley(&service).await;
    let entered = phone.code(0);
    let mut tickets = Vec::new();
    for _ in 0..4 {
        tickets.push(ticket(&service, "riley@demo.example", "second_factor_required").await);
    }
    let tries = tickets
        .iter()
        .map(|ticket| second(&service, ticket, &entered));
    let answers = futures_util::future::join_all(tries).await;
    let good = answers.iter().filter(|(status, _)| *status == 200);
    assert_eq!(good.count(), 1, "{answers:?}");
    service.stop().await;
}

#[tokio::test]
async fn o4_a_recovery_code_signs_in_once_and_new_ones_end_the_old() {
    let mut service = Service::start().await;
    let (_, here, codes) = riley(&service).await;
    let next = async || ticket(&service, "riley@demo.example", "second_factor_required").await;
    let shouted = codes[0].to_uppercase().replace('-', " ");
    assert_eq!(second(&service, &next().await, &shouted).await.0, 200);
    is_refused(
        &second(&service, &next().await, &codes[0]).await,
        403,
        "wrong_code",
    );
    let status = service.get("/api/v1/me/second_factor/", &here).await;
    assert_eq!(status["recovery_codes_left"], 9);
    let body = json!({"password": "demo-password"});
    let path = "me/second_factor/recovery_codes/";
    let (status, renewed) = post(&service, path, Some(&here), body).await;
    assert_eq!(status, 200, "{renewed}");
    is_refused(
        &second(&service, &next().await, &codes[1]).await,
        403,
        "wrong_code",
    );
    let new = text(&renewed["recovery_codes"][0]);
    assert_eq!(second(&service, &next().await, &new).await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn o4_guesses_are_counted_for_the_ticket_and_for_the_person() {
    let mut service = Service::start().await;
    let (phone, ..) = riley(&service).await;
    let ticket = ticket(&service, "riley@demo.example", "second_factor_required").await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(second(&service, &ticket, "000000").await.0);
    }
    assert_eq!(answers, [403; 5]);
    // The ticket is tried up, and so is the person, with another ticket and the right code.
    is_refused(
        &second(&service, &ticket, &phone.code(0)).await,
        401,
        "unauthenticated",
    );
    let another = self::ticket(&service, "riley@demo.example", "second_factor_required").await;
    is_refused(
        &second(&service, &another, &phone.code(0)).await,
        429,
        "rate_limited",
    );
    for bad in ["", "x", &"0".repeat(64)] {
        let answer = second(&service, bad, "000000").await;
        is_refused(&answer, 401, "unauthenticated");
    }
    service.stop().await;
}

#[tokio::test]
async fn o4_a_second_factor_takes_the_password_to_set_up_and_to_remove() {
    let mut service = Service::start().await;
    let here = service.token_of("riley@demo.example").await;
    let wrong = json!({"password": "wrong"});
    let right = json!({"password": "demo-password"});
    let ask = async |path: &str, body: &Value| {
        let path = format!("me/second_factor/{path}/");
        post(&service, &path, Some(&here), body.clone()).await
    };
    is_refused(&ask("set_up", &wrong).await, 403, "wrong_password");
    is_refused(&ask("remove", &right).await, 409, "conflict");
    is_refused(&ask("recovery_codes", &right).await, 409, "conflict");
    is_refused(
        &ask("confirm", &json!({"code": "123456"})).await,
        403,
        "wrong_code",
    );
    // What was begun and not confirmed changes nothing.
    let (_, setup) = ask("set_up", &right).await;
    assert_eq!(sign_in(&service, "riley@demo.example").await.0, 200);
    // Begun again, the first secret is over.
    let (_, again) = ask("set_up", &right).await;
    assert_ne!(setup["secret"], again["secret"]);
    let old = json!({"code": Phone(text(&setup["secret"])).code(0)});
    is_refused(&ask("confirm", &old).await, 403, "wrong_code");
    let new = json!({"code": Phone(text(&again["secret"])).code(0)});
    assert_eq!(ask("confirm", &new).await.0, 200);
    is_refused(&ask("set_up", &right).await, 409, "conflict");
    is_refused(&ask("remove", &wrong).await, 403, "wrong_password");
    assert_eq!(ask("remove", &right).await.0, 204);
    assert_eq!(sign_in(&service, "riley@demo.example").await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn o4_an_organization_requires_it_and_who_has_none_sets_it_up_at_the_next_sign_in() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let before = service.token_of("riley@demo.example").await;
    let me = service.get("/api/v1/me/", &admin).await;
    assert_eq!(me["organization"]["second_factor_required"], false);
    let path = format!("/api/v1/organization/{}/", text(&me["organization"]["id"]));
    let change = json!({"second_factor_required": true});
    let asked = service.ask(Method::PATCH, &path, Some(&admin), Some(&change));
    let (status, changed) = asked.await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["second_factor_required"], true);
    // Who is signed in works on; another organization is its own.
    service.get("/api/v1/me/", &before).await;
    assert_eq!(sign_in(&service, "other@other.example").await.0, 200);

    let email = "riley@demo.example";
    let ticket = ticket(&service, email, "second_factor_setup_required").await;
    is_refused(
        &second(&service, &ticket, "123456").await,
        403,
        "wrong_code",
    );
    let body = json!({"ticket": ticket});
    let (status, setup) = post(&service, "auth/second_factor/set_up/", None, body).await;
    assert_eq!(status, 200, "{setup}");
    let phone = Phone(text(&setup["secret"]));
    let body = json!({"ticket": ticket, "code": phone.code(0)});
    let path = "auth/second_factor/confirm/";
    let (status, done) = post(&service, path, None, body).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(done["recovery_codes"].as_array().unwrap().len(), 10);
    let token = text(&done["tokens"]["access_token"]);
    // It can't be turned off again.
    let body = json!({"password": "demo-password"});
    let answer = post(&service, "me/second_factor/remove/", Some(&token), body).await;
    is_refused(&answer, 409, "conflict");
    // The next time, a code is enough, and nothing can be set up in its place.
    let ticket = self::ticket(&service, email, "second_factor_required").await;
    let body = json!({"ticket": ticket});
    let answer = post(&service, "auth/second_factor/set_up/", None, body).await;
    is_refused(&answer, 409, "conflict");
    assert_eq!(second(&service, &ticket, &phone.code(1)).await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn o4_an_admin_removes_the_second_factor_of_who_lost_it() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    riley(&service).await;
    let members = service.get(MEMBERS, &admin).await;
    let members = members["data"].as_array().unwrap();
    let member = |email: &str| {
        let found = members.iter().find(|one| one["user"]["email"] == email);
        found.unwrap().clone()
    };
    assert_eq!(member("riley@demo.example")["second_factor"], true);
    assert_eq!(member("sam@demo.example")["second_factor"], false);
    let path = |email: &str| {
        let id = text(&member(email)["membership_id"]);
        format!("{MEMBERS}{id}/second_factor/")
    };
    let remove = async |email: &str| {
        refused(&service, Method::DELETE, &path(email), Some(&admin), None).await
    };
    assert_eq!(remove("sam@demo.example").await, (409, "conflict".into()));
    assert_eq!(remove("riley@demo.example").await.0, 204);
    assert_eq!(sign_in(&service, "riley@demo.example").await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn o4_a4_neither_secrets_nor_codes_are_in_the_log_the_export_or_the_lists() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let (phone, here, codes) = riley(&service).await;
    let ticket = ticket(&service, "riley@demo.example", "second_factor_required").await;
    let entered = phone.code(0);
    assert_eq!(second(&service, &ticket, &entered).await.0, 200);
    let log = tokio::time::timeout(support::PATIENCE, async {
        loop {
            let log = service.get("/api/v1/audit/?_limit=200", &admin).await;
            let text = log.to_string();
            if text.contains("second_factor_set_up") && text.contains("second_factor_required") {
                break text;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("both steps are in the log");
    let export = service.get("/api/v1/organization/export/", &admin).await;
    let members = service.get(MEMBERS, &admin).await;
    let own = service.get("/api/v1/me/second_factor/", &here).await;
    for place in [
        log,
        export.to_string(),
        members.to_string(),
        own.to_string(),
    ] {
        for secret in [&phone.0, &ticket, &codes[0]] {
            assert!(!place.contains(secret.as_str()), "{secret}");
        }
    }
    service.stop().await;
}
