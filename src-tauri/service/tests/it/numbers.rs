//! Phone numbers: who manages them, and who may call from which.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::Method;
use serde_json::{Value, json};
use support::{Service, code, text};

const NUMBER: &str = "/api/v1/phone_number/";
const CALL: &str = "/api/v1/activity/call/";

async fn refused(
    service: &Service,
    method: Method,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> (u16, String) {
    let (status, answer) = service.ask(method, path, Some(token), body).await;
    (status.as_u16(), code(&answer).to_owned())
}

async fn numbers(service: &Service, token: &str) -> Vec<String> {
    let page = service.get(NUMBER, token).await;
    let items = page["data"].as_array().unwrap();
    items.iter().map(|item| text(&item["number"])).collect()
}

async fn numbered(service: &Service, token: &str, number: &str) -> Value {
    let page = service.get(NUMBER, token).await;
    let items = page["data"].as_array().unwrap().clone();
    items
        .into_iter()
        .find(|item| item["number"] == number)
        .unwrap()
}

async fn my_id(service: &Service, token: &str) -> Value {
    service.get("/api/v1/me/", token).await["user"]["id"].clone()
}

fn path_of(number: &Value) -> String {
    format!("{NUMBER}{}/", text(&number["id"]))
}

#[tokio::test]
async fn j1_a_number_is_called_from_by_those_who_may_and_by_nobody_else() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let sam = service.token_of("sam@demo.example").await;
    let everybodys = ["+15550001", "+15550002", "+15550003"];
    let with_rileys = ["+15550001", "+15550002", "+15550003", "+15550004"];
    assert_eq!(numbers(&service, &riley).await, with_rileys);
    assert_eq!(numbers(&service, &admin).await, with_rileys);
    assert_eq!(numbers(&service, &sam).await, everybodys);
    let line = numbered(&service, &riley, "+15550004").await;
    let rileys_id = my_id(&service, &riley).await;
    assert_eq!(line["user_id"], rileys_id);
    assert_eq!(line["user_ids"], json!([rileys_id]));

    let leads = service.get("/api/v1/lead/?query=Globex", &sam).await;
    let call = json!({"local_phone_id": line["id"], "lead_id": leads["data"][0]["id"]});
    // Sam knows its id, and may not; nor may the admin, who sees it.
    for token in [&sam, &admin] {
        assert_eq!(
            refused(&service, Method::POST, CALL, token, Some(&call)).await,
            (403, "permission_required".into())
        );
    }
    let (status, placed) = service.post(CALL, Some(&riley), call.clone()).await;
    assert_eq!(status, 201, "{placed}");
    let body = json!({
        "number": "+15550004", "label": "Riley's and Sam's", "type": "internal",
        "user_id": rileys_id, "user_ids": [rileys_id, my_id(&service, &sam).await],
    });
    let (status, changed) = service
        .ask(Method::PUT, &path_of(&line), Some(&admin), Some(&body))
        .await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(numbers(&service, &sam).await, with_rileys);
    let (status, placed) = service.post(CALL, Some(&sam), call).await;
    assert_eq!(status, 201, "{placed}");
    service.stop().await;
}

#[tokio::test]
async fn j1_numbers_are_added_changed_and_removed_by_who_manages_the_organization() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let manager = service.token_of("morgan@demo.example").await;
    let (mut socket, _) = service.welcomed(&manager).await;
    service.assign(&admin, &["+4930123456"]).await;
    let body = json!({"number": "+4930123456", "label": " Berlin ", "type": "external"});
    let (status, number) = service.post(NUMBER, Some(&admin), body.clone()).await;
    assert_eq!(status, 201, "{number}");
    assert_eq!(
        (&number["label"], &number["type"], &number["user_id"]),
        (&json!("Berlin"), &json!("external"), &Value::Null)
    );
    assert_eq!(number["user_ids"], json!([]));
    socket.event("directory_changed").await;
    let path = path_of(&number);
    for (method, path, body) in [
        (Method::POST, NUMBER, Some(&body)),
        (Method::PUT, path.as_str(), Some(&body)),
        (Method::DELETE, path.as_str(), None),
    ] {
        assert_eq!(
            refused(&service, method, path, &manager, body).await,
            (403, "permission_required".into())
        );
    }
    for (field, value) in [
        ("number", json!("4930123456")),
        ("number", json!("+12")),
        ("number", json!("+1234567890123456")),
        ("number", json!("+49 30 123")),
        ("label", json!("")),
        ("type", json!("carrier_pigeon")),
        ("user_id", json!("role_1")),
    ] {
        let mut bad = body.clone();
        bad["number"] = json!("+4930999");
        bad[field] = value;
        assert_eq!(
            refused(&service, Method::POST, NUMBER, &admin, Some(&bad)).await,
            (400, "invalid_request".into()),
            "{bad}"
        );
    }
    let mut other_number = body.clone();
    other_number["number"] = json!("+4930123457");
    assert_eq!(
        refused(&service, Method::PUT, &path, &admin, Some(&other_number)).await,
        (400, "invalid_request".into()),
        "the number itself stays"
    );
    let mut internal = body;
    internal["type"] = json!("internal");
    let (status, changed) = service
        .ask(Method::PUT, &path, Some(&admin), Some(&internal))
        .await;
    assert_eq!(
        (status.as_u16(), &changed["type"]),
        (200, &json!("internal"))
    );
    let (status, _) = service.ask(Method::DELETE, &path, Some(&admin), None).await;
    assert_eq!(status, 204);
    assert_eq!(
        refused(&service, Method::DELETE, &path, &admin, None).await,
        (404, "not_found".into())
    );
    service.stop().await;
}

#[tokio::test]
async fn a3_a_number_is_there_once_and_it_is_not_told_whose() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let other = service.token_of("other@other.example").await;
    let foreign = numbered(&service, &other, "+15550009").await;
    let take = |number: &str| json!({"number": number, "label": "Ours", "type": "internal"});
    let taken = service.post(NUMBER, Some(&admin), take("+15550001")).await;
    assert_eq!((taken.0.as_u16(), code(&taken.1)), (409, "conflict"));
    // Another's, and one that is nobody's, are told alike.
    let mut answers = Vec::new();
    for number in ["+15550009", "+15550777"] {
        let (status, answer) = service.post(NUMBER, Some(&admin), take(number)).await;
        assert_eq!(
            (status.as_u16(), code(&answer)),
            (403, "permission_required")
        );
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
    service.assign(&admin, &["+15550010"]).await;
    let stranger = my_id(&service, &other).await;
    for field in ["user_id", "user_ids"] {
        let mut body = take("+15550010");
        body[field] = if field == "user_id" {
            stranger.clone()
        } else {
            json!([stranger])
        };
        assert_eq!(
            refused(&service, Method::POST, NUMBER, &admin, Some(&body)).await,
            (404, "not_found".into())
        );
    }
    let path = path_of(&foreign);
    assert_eq!(
        refused(
            &service,
            Method::PUT,
            &path,
            &admin,
            Some(&take("+15550009"))
        )
        .await,
        (404, "not_found".into())
    );
    assert_eq!(
        refused(&service, Method::DELETE, &path, &admin, None).await,
        (404, "not_found".into())
    );
    assert_eq!(numbered(&service, &other, "+15550009").await, foreign);
    assert!(
        !numbers(&service, &admin)
            .await
            .contains(&"+15550010".into())
    );
    service.stop().await;
}
