//! The audit log (A4): who, what, which call, from where, allowed or refused and why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on is a test that failed"
)]

use crate::support;

use reqwest::Method;
use serde_json::{Value, json};
use support::{PATIENCE, Service, code, text};

/// The log, once it has this many lines that the query finds: what was done is there when it is
/// written, which no answer waits for.
async fn log(service: &Service, admin: &str, query: &str, lines: usize) -> Vec<Value> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let page = service.get(&format!("/api/v1/audit/?{query}"), admin).await;
        let data = page["data"].as_array().unwrap().clone();
        if data.len() >= lines {
            return data;
        }
        assert!(tokio::time::Instant::now() < deadline, "{query}: {page}");
        tokio::task::yield_now().await;
    }
}

/// A call in progress of Riley's, and its path.
async fn call(service: &Service, rep: &str) -> (String, String) {
    let (mut socket, _) = service.welcomed(rep).await;
    let leads = service.get("/api/v1/lead/?query=Globex", rep).await;
    let numbers = service.get("/api/v1/phone_number/", rep).await;
    let body =
        json!({"local_phone_id": numbers["data"][0]["id"], "lead_id": leads["data"][0]["id"]});
    let (status, call) = service
        .post("/api/v1/activity/call/", Some(rep), body)
        .await;
    assert_eq!(status, 201, "{call}");
    socket
        .event_where("call_changed", |event| {
            event["call"]["status"] == "in-progress"
        })
        .await;
    let id = text(&call["id"]);
    let path = format!("/api/v1/activity/call/{id}/");
    (id, path)
}

/// The same once this coach has joined it.
async fn coached_call(service: &Service, rep: &str, coach: &str) -> (String, String) {
    let (id, path) = call(service, rep).await;
    let leg = format!("{path}coach_leg/");
    let (status, _) = service.post(&leg, Some(coach), json!({})).await;
    assert_eq!(status, 201);
    (id, path)
}

#[tokio::test]
async fn a4_joins_modes_leaves_and_refusals_are_in_the_log_in_their_order_also_after_a_restart() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let sam = service.token_of("sam@demo.example").await;
    let signed_in = service.sign_in_as("taylor@demo.example", "native").await;
    let trainee = text(&signed_in["access_token"]);
    let (id, path) = call(&service, &rep).await;
    let leg = format!("{path}coach_leg/");
    let (status, _) = service.post(&leg, Some(&sam), json!({})).await;
    assert_eq!(status, 403);
    let (status, _) = service.post(&leg, Some(&trainee), json!({})).await;
    assert_eq!(status, 201);
    let mode = json!({"mode": "whisper"});
    let (status, refused) = service
        .ask(
            Method::PUT,
            &format!("{leg}mode/"),
            Some(&trainee),
            Some(&mode),
        )
        .await;
    assert_eq!(
        (status.as_u16(), code(&refused)),
        (403, "permission_required")
    );
    let (status, _) = service
        .ask(Method::DELETE, &leg, Some(&trainee), None)
        .await;
    assert_eq!(status, 204);

    let query = format!("call_id={id}");
    let lines = log(&service, &admin, &query, 4).await;
    let told: Vec<_> = lines
        .iter()
        .rev()
        .map(|line| {
            (
                line["action"].as_str().unwrap(),
                line["allowed"].as_bool().unwrap(),
                line["code"].as_str(),
                line["detail"].as_str(),
            )
        })
        .collect();
    let refused = Some("permission_required");
    assert_eq!(
        told,
        [
            ("coach_join", false, refused, None),
            ("coach_join", true, None, None),
            ("coach_mode", false, refused, Some("whisper")),
            ("coach_leave", true, None, None),
        ]
    );
    assert_eq!(lines[0]["user_id"], signed_in["user_id"]);
    assert_eq!(lines[0]["device_id"], signed_in["device_id"]);
    assert_eq!(lines[0]["address"], "127.0.0.1");
    let only_refused = log(&service, &admin, &format!("{query}&allowed=false"), 2).await;
    assert_eq!(only_refused.len(), 2);
    let by = format!("{query}&user_id={}", text(&signed_in["user_id"]));
    assert_eq!(log(&service, &admin, &by, 3).await.len(), 3);
    let from = text(&lines[0]["date"]);
    let later = log(&service, &admin, &format!("{query}&from={from}"), 1).await;
    assert_eq!(later[0], lines[0]);

    service.restart_with(|_| {}).await;
    assert_eq!(log(&service, &admin, &query, 4).await, lines);
    service.stop().await;
}

#[tokio::test]
async fn a4_who_is_put_out_of_a_call_is_in_the_log_with_the_reason() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let coach = service.token_of("morgan@demo.example").await;
    let (id, _) = coached_call(&service, &rep, &coach).await;
    let me = service.get("/api/v1/me/", &coach).await;
    let roles = service.get("/api/v1/role/", &admin).await;
    let mut roles = roles["data"].as_array().unwrap().iter();
    let user = roles.find(|role| role["name"] == "User").unwrap();
    let place = format!("/api/v1/membership/{}/", text(&me["membership"]["id"]));
    let change = json!({"role_id": user["id"]});
    let (status, _) = service
        .ask(Method::PATCH, &place, Some(&admin), Some(&change))
        .await;
    assert_eq!(status, 200);
    let lines = log(&service, &admin, &format!("call_id={id}"), 2).await;
    assert_eq!(lines[0]["action"], "coach_removed", "{lines:?}");
    assert_eq!(lines[0]["detail"], "permission_revoked");
    assert_eq!(lines[0]["user_id"], me["user"]["id"]);
    let changed = log(&service, &admin, "action=member_changed", 1).await;
    assert_eq!(changed[0]["target"], me["user"]["id"]);
    service.stop().await;
}

#[tokio::test]
async fn a4_a_coach_leaves_when_the_call_ends_and_is_put_out_by_no_one() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let coach = service.token_of("morgan@demo.example").await;
    let (id, path) = coached_call(&service, &rep, &coach).await;
    let (status, _) = service
        .post(&format!("{path}hangup/"), Some(&rep), json!({}))
        .await;
    assert!(status.is_success(), "{status}");
    let lines = log(&service, &admin, &format!("call_id={id}"), 2).await;
    assert_eq!(lines[0]["action"], "coach_leave", "{lines:?}");
    assert_eq!(lines[0]["detail"], "call_ended");
    service.stop().await;
}

#[tokio::test]
async fn a4_sign_ins_are_in_the_log_of_their_organization_and_hold_no_password() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    for email in ["riley@demo.example", "stranger@demo.example"] {
        let body = json!({"email": email, "password": "wrong-secret", "client_type": "web"});
        let (status, _) = service.post("/api/v1/auth/sign_in/", None, body).await;
        assert_eq!(status, 401);
    }
    let refused = log(&service, &admin, "action=sign_in&allowed=false", 1).await;
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0]["user_id"], Value::Null);
    assert_eq!(refused[0]["target"], "riley@demo.example");
    assert_eq!(refused[0]["code"], "unauthenticated");
    let all = service.get("/api/v1/audit/", &admin).await.to_string();
    assert!(
        !all.contains("wrong-secret") && !all.contains("stranger"),
        "{all}"
    );
    // A3: of another organization's there is nothing.
    let other = service.token_of("other@other.example").await;
    let theirs = log(&service, &other, "", 1).await;
    let of_ours = |line: &Value| line["target"] == "riley@demo.example";
    assert!(!theirs.iter().any(of_ours), "{theirs:?}");
    service.stop().await;
}

#[tokio::test]
async fn a4_the_csv_has_the_same_lines_and_getting_it_is_a_line_too() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    log(&service, &admin, "action=sign_in", 1).await;
    let text = service.get("/api/v1/audit/csv/", &admin).await;
    let text = text.as_str().unwrap().to_owned();
    let mut lines = text.lines();
    let columns = lines.next().unwrap();
    assert!(
        columns.starts_with("date,action,allowed,code,user_id"),
        "{columns}"
    );
    assert!(lines.any(|line| line.contains(",sign_in,true,")), "{text}");
    let exported = log(&service, &admin, "action=data_exported", 1).await;
    assert_eq!(exported[0]["detail"], "audit");
    service.stop().await;
}
