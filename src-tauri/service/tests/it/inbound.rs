//! Calls that come in, over HTTP and WebSocket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use serde_json::{Value, json};
use support::{Service, code, text};

/// The id of the number that is Riley's own, and of a lead.
async fn whom(service: &Service, token: &str) -> (Value, Value) {
    let numbers = service.get("/api/v1/phone_number/", token).await;
    let numbers = numbers["data"].as_array().unwrap().clone();
    let own = numbers
        .iter()
        .find(|number| number["number"] == "+15550004");
    let leads = service.get("/api/v1/lead/?query=Globex", token).await;
    (own.unwrap()["id"].clone(), leads["data"][0]["id"].clone())
}

#[tokio::test]
async fn j1_an_inbound_call_rings_its_rep_is_answered_and_says_why_it_cannot_be_joined() {
    let service = Service::start().await;
    let riley = service.token_of("riley@demo.example").await;
    let morgan = service.token_of("morgan@demo.example").await;
    let (number, lead) = whom(&service, &riley).await;
    let inbound = json!({"local_phone_id": number, "lead_id": lead});
    // Nobody would hear it ring.
    let (status, refused) = service
        .post("/api/v1/demo/inbound_call/", Some(&riley), inbound.clone())
        .await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "user_offline"));

    let (mut rep, _) = service.welcomed(&riley).await;
    let (mut manager, _) = service.welcomed(&morgan).await;
    let (status, call) = service
        .post("/api/v1/demo/inbound_call/", Some(&riley), inbound)
        .await;
    assert_eq!(status, 201, "{call}");
    assert_eq!(
        (&call["direction"], &call["status"]),
        (&json!("inbound"), &json!("ringing"))
    );
    let rings = |event: &Value| event["call"]["status"] == "ringing";
    rep.event_where("call_changed", rings).await;
    let seen = manager.event_where("call_changed", rings).await;
    assert_eq!(seen["event"]["call"]["joinability"]["code"], "inbound_call");
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    let (status, refused) = service
        .post(&format!("{path}answer/"), Some(&morgan), json!({}))
        .await;
    assert_eq!(
        (status.as_u16(), code(&refused)),
        (403, "permission_required")
    );
    let (status, call) = service
        .post(&format!("{path}answer/"), Some(&riley), json!({}))
        .await;
    assert_eq!(
        (status.as_u16(), &call["status"]),
        (200, &json!("in-progress"))
    );
    let (status, refused) = service
        .post(&format!("{path}answer/"), Some(&riley), json!({}))
        .await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "conflict"));
    // The Team page shows the call, and why there is no Listen.
    let on_call = |event: &Value| {
        let lines = event["user"]["availability"].as_array().unwrap();
        lines
            .iter()
            .any(|line| line["active_calls"][0]["id"] == call["id"])
    };
    manager.event_where("availability_changed", on_call).await;
    let (status, refused) = service
        .post(&format!("{path}coach_leg/"), Some(&morgan), json!({}))
        .await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "inbound_call"));
    let (status, _) = service
        .post(&format!("{path}hangup/"), Some(&riley), json!({}))
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn j1_a_number_that_is_nobodys_or_not_internal_takes_no_calls() {
    let service = Service::start().await;
    let riley = service.token_of("riley@demo.example").await;
    let (_rep, _) = service.welcomed(&riley).await;
    let (own, lead) = whom(&service, &riley).await;
    let numbers = service.get("/api/v1/phone_number/", &riley).await;
    for number in numbers["data"].as_array().unwrap() {
        if number["id"] == own {
            continue;
        }
        let inbound = json!({"local_phone_id": number["id"], "lead_id": lead});
        let (status, refused) = service
            .post("/api/v1/demo/inbound_call/", Some(&riley), inbound)
            .await;
        assert_eq!(
            (status.as_u16(), code(&refused)),
            (409, "conflict"),
            "{number}"
        );
    }
    // Another organization's number is none (A3).
    let other = service.token_of("other@other.example").await;
    let inbound = json!({"local_phone_id": own, "lead_id": lead});
    let (status, refused) = service
        .post("/api/v1/demo/inbound_call/", Some(&other), inbound)
        .await;
    assert_eq!((status.as_u16(), code(&refused)), (404, "not_found"));
}
