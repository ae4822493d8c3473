//! What came of a call (L5): the list of outcomes, and who sets outcome and note of which call.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::Method;
use serde_json::{Value, json};
use support::{Service, code, text};

const OUTCOME: &str = "/api/v1/outcome/";

async fn outcomes(service: &Service, token: &str) -> Vec<Value> {
    let page = service.get(OUTCOME, token).await;
    page["data"].as_array().unwrap().clone()
}

fn names(outcomes: &[Value]) -> Vec<&str> {
    let names = outcomes.iter().map(|outcome| outcome["name"].as_str());
    names.map(Option::unwrap).collect()
}

async fn put(service: &Service, token: &str, path: &str, body: Value) -> (u16, Value) {
    let asked = service.ask(Method::PUT, path, Some(token), Some(&body));
    let (status, answer) = asked.await;
    (status.as_u16(), answer)
}

/// A call in progress with Globex of whose token that is: its path.
async fn called(service: &Service, rep: &str) -> String {
    let leads = service.get("/api/v1/lead/?query=Globex", rep).await;
    let numbers = service.get("/api/v1/phone_number/", rep).await;
    let body = json!({
        "local_phone_id": numbers["data"][0]["id"], "lead_id": leads["data"][0]["id"],
    });
    let placed = service.post("/api/v1/activity/call/", Some(rep), body);
    let (status, call) = placed.await;
    assert_eq!(status, 201, "{call}");
    assert_eq!(
        (&call["outcome_id"], &call["disposition"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(call["note"], "");
    format!("/api/v1/activity/call/{}/", text(&call["id"]))
}

async fn hang_up(service: &Service, rep: &str, call: &str) {
    let path = format!("{call}hangup/");
    let (status, over) = service.post(&path, Some(rep), json!({})).await;
    assert_eq!(status, 200, "{over}");
}

#[tokio::test]
async fn l5_admins_edit_the_list_of_outcomes_and_everyone_reads_it() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let first = outcomes(&service, &rep).await;
    assert_eq!(names(&first), store::FIRST_OUTCOMES);

    let demo = json!({"name": "  Demo booked "});
    let (status, made) = service.post(OUTCOME, Some(&admin), demo.clone()).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["name"], "Demo booked");
    let (status, refused) = service.post(OUTCOME, Some(&admin), demo).await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "conflict"));
    for name in ["", "   ", "two\nlines", &"x".repeat(65)] {
        let body = json!({ "name": name });
        let (status, refused) = service.post(OUTCOME, Some(&admin), body).await;
        assert_eq!(status, 400, "{name:?}: {refused}");
    }
    let path = format!("{OUTCOME}{}/", text(&made["id"]));
    let (status, renamed) = put(&service, &admin, &path, json!({"name": "Demo"})).await;
    assert_eq!((status, &renamed["name"]), (200, &json!("Demo")));
    assert_eq!(names(&outcomes(&service, &rep).await)[5], "Demo");
    for (status, answer) in [(204, ""), (404, "not_found")] {
        let asked = service.ask(Method::DELETE, &path, Some(&admin), None);
        let (met, body) = asked.await;
        assert_eq!(met, status);
        assert_eq!(answer.is_empty(), body == "", "{body}");
    }
    assert_eq!(outcomes(&service, &rep).await, first);
    service.stop().await;
}

#[tokio::test]
async fn l5_the_rep_sets_outcome_and_note_during_and_after_the_call_and_everyone_is_told() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    let coach = service.token_of("morgan@demo.example").await;
    let admin = service.token_of("admin@demo.example").await;
    let (mut socket, _) = service.welcomed(&coach).await;
    let all = outcomes(&service, &rep).await;
    let call = called(&service, &rep).await;

    // During the call.
    let (status, noted) = put(
        &service,
        &rep,
        &call,
        json!({"note": " Asks for\nPRICES\u{7} "}),
    )
    .await;
    assert_eq!(status, 200, "{noted}");
    assert_eq!(noted["note"], "Asks for\nPRICES");
    socket
        .event_where("call_changed", |event| {
            event["call"]["note"] == noted["note"]
        })
        .await;
    hang_up(&service, &rep, &call).await;

    // After it, and without taking away what is not named.
    let chosen = json!({"outcome_id": all[1]["id"]});
    let (status, done) = put(&service, &rep, &call, chosen).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(done["outcome_id"], all[1]["id"]);
    assert_eq!(done["disposition"], "Left voicemail");
    assert_eq!(done["note"], "Asks for\nPRICES");
    assert!(["completed", "cancel"].contains(&done["status"].as_str().unwrap()));
    let told = socket
        .event_where("call_changed", |event| {
            event["call"]["disposition"] == "Left voicemail"
        })
        .await;
    assert_eq!(told["event"]["call"]["status"], done["status"]);

    // It is kept, and stays when the outcome goes.
    service.restart_with(|_| {}).await;
    let path = format!("{OUTCOME}{}/", text(&all[1]["id"]));
    let (status, _) = service.ask(Method::DELETE, &path, Some(&admin), None).await;
    assert_eq!(status, 204);
    let kept = service.get(&call, &coach).await;
    assert_eq!(kept["disposition"], "Left voicemail");
    assert_eq!(kept["note"], "Asks for\nPRICES");
    // Long after it, when the service remembers the call no longer.
    let (status, taken) = put(&service, &rep, &call, json!({"outcome_id": null})).await;
    assert_eq!(status, 200, "{taken}");
    assert_eq!(
        (&taken["outcome_id"], &taken["disposition"]),
        (&Value::Null, &Value::Null)
    );
    let (status, other) = put(
        &service,
        &admin,
        &call,
        json!({"outcome_id": all[0]["id"], "note": ""}),
    )
    .await;
    assert_eq!(status, 200, "{other}");
    assert_eq!(
        (&other["disposition"], &other["note"]),
        (&json!("Connected"), &json!(""))
    );
    let page = service.get("/api/v1/activity/call/", &rep).await;
    assert_eq!(page["data"][0]["disposition"], "Connected");
    service.stop().await;
}

#[tokio::test]
async fn l5_outcome_and_note_are_in_the_export() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    let admin = service.token_of("admin@demo.example").await;
    let all = outcomes(&service, &rep).await;
    let call = called(&service, &rep).await;
    hang_up(&service, &rep, &call).await;
    let said = json!({"outcome_id": all[4]["id"], "note": "No budget"});
    let (status, answer) = put(&service, &rep, &call, said).await;
    assert_eq!(status, 200, "{answer}");
    let export = service.get("/api/v1/organization/export/", &admin).await;
    let exported = &export["calls"][0];
    assert_eq!(exported["disposition"], "Not interested");
    assert_eq!(exported["note"], "No budget");
    let listed = export["outcomes"].as_array().unwrap();
    assert!(listed.iter().any(|outcome| outcome["id"] == all[4]["id"]));
    service.stop().await;
}

#[tokio::test]
async fn l5_what_no_call_can_have_is_refused() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    let sam = service.token_of("sam@demo.example").await;
    let other = service.token_of("other@other.example").await;
    let theirs = outcomes(&service, &other).await;
    let call = called(&service, &rep).await;
    let long = "é".repeat(4_001);
    for (token, body, status, told) in [
        (&rep, json!({"note": long}), 400, "invalid_request"),
        (&rep, json!({"disposition": "Mine"}), 400, "invalid_request"),
        (
            &rep,
            json!({"outcome_id": "role_1"}),
            400,
            "invalid_request",
        ),
        (
            &rep,
            json!({"outcome_id": "outcome_none"}),
            404,
            "not_found",
        ),
        (
            &rep,
            json!({"outcome_id": theirs[0]["id"]}),
            404,
            "not_found",
        ),
        (
            &sam,
            json!({"note": "Not mine"}),
            403,
            "permission_required",
        ),
        (&other, json!({"note": "Not ours"}), 404, "not_found"),
    ] {
        let (met, answer) = put(&service, token, &call, body.clone()).await;
        assert_eq!((met, code(&answer)), (status, told), "{body}");
    }
    let longest = json!({"note": "é".repeat(4_000)});
    let (status, answer) = put(&service, &rep, &call, longest).await;
    assert_eq!(status, 200, "{answer}");
    // A call that isn't there, and one of another organization, can't be told apart.
    let (status, _) = put(
        &service,
        &rep,
        "/api/v1/activity/call/acti_none/",
        json!({}),
    )
    .await;
    assert_eq!(status, 404);
    service.stop().await;
}
