//! Leads over HTTP: entered, changed, merged, deleted and found.
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
use support::{Service, code, text};

fn globex(phone: &str) -> Value {
    json!({"name": "Wonka", "contacts": [{
        "name": "Willy", "phones": [{"phone": phone, "type": "direct"}],
        "emails": [{"email": "willy@wonka.example", "type": "home"}]}]})
}

async fn one(service: &Service, token: &str, query: &str) -> Value {
    let path = format!("/api/v1/lead/?query={query}");
    let found = service.get(&path, token).await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1, "{found}");
    found["data"][0].clone()
}

#[tokio::test]
async fn l1_any_member_enters_and_changes_leads_and_numbers_are_read_in_the_country() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    let me = service.get("/api/v1/me/", &rep).await;
    let statuses = service.get("/api/v1/status/lead/", &rep).await;
    let labels: Vec<&str> = statuses["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|status| status["label"].as_str().unwrap())
        .collect();
    assert_eq!(
        labels,
        ["Potential", "Qualified", "Customer", "Not interested"]
    );
    let body = globex("212.555.0100 ext. 9");
    let (status, lead) = service.post("/api/v1/lead/", Some(&rep), body).await;
    assert_eq!(status, 201, "{lead}");
    assert_eq!(lead["status_label"], "Potential");
    assert_eq!(lead["owner_id"], Value::Null);
    let contact = &lead["contacts"][0];
    assert_eq!(
        contact["phones"],
        json!([{"phone": "+12125550100", "phone_formatted": "(212) 555-0100 ext. 9",
                "extension": "9", "type": "direct"}])
    );
    let path = format!("/api/v1/lead/{}/", text(&lead["id"]));
    assert_eq!(service.get(&path, &rep).await, lead);
    for query in [
        "wonk",
        "willy",
        "willy%40wonka.example",
        "212%20555",
        "0100",
    ] {
        let path = format!("/api/v1/lead/?query={query}");
        let found = service.get(&path, &rep).await;
        let names = found["data"].as_array().unwrap().iter();
        let names: Vec<&Value> = names.map(|lead| &lead["display_name"]).collect();
        assert!(names.contains(&&json!("Wonka")), "{query}: {names:?}");
    }

    // As a form sends it: the number as it is shown, one more, and no email address any more.
    let changed = json!({
        "name": "Wonka Ltd", "description": "Sweet.", "owner_id": me["user"]["id"],
        "status_id": statuses["data"][1]["id"], "date_updated": lead["date_updated"],
        "contacts": [{"id": contact["id"], "name": "Willy Wonka",
                      "phones": [{"phone": "(212) 555-0100 ext. 9", "type": "office"},
                                 {"phone": "+44 20 7946 0958", "type": "mobile"}]}]});
    let change = |body: Value| {
        let (service, path, rep) = (&service, &path, &rep);
        async move { service.ask(Method::PUT, path, Some(rep), Some(&body)).await }
    };
    let (status, after) = change(changed.clone()).await;
    assert_eq!(status, 200, "{after}");
    assert_eq!(after["display_name"], "Wonka Ltd");
    assert_eq!(after["owner_id"], me["user"]["id"]);
    assert_eq!(after["contacts"][0]["id"], contact["id"]);
    assert_eq!(after["contacts"][0]["phones"][0]["extension"], "9");
    assert_eq!(after["contacts"][0]["phones"][1]["phone"], "+442079460958");
    assert_eq!(after["contacts"][0]["emails"], json!([]));
    // Whoever read it before that is told.
    let (status, refused) = change(changed).await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "conflict"));

    let path = format!("/api/v1/lead/?owner_id={}", text(&me["user"]["id"]));
    assert_eq!(
        service.get(&path, &rep).await["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    service.stop().await;
}

#[tokio::test]
async fn l1_what_is_not_a_number_is_refused_at_its_field() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    for (phone, message) in [
        ("Globex", "This isn't a phone number."),
        ("", "Enter a phone number."),
        ("+999 1", "There's no such country code."),
        ("555-0100", "Add the area code."),
        ("2125550100\u{0}", "This isn't a phone number."),
        ("javascript:alert(1)", "This isn't a phone number."),
    ] {
        let (status, refused) = service
            .post("/api/v1/lead/", Some(&rep), globex(phone))
            .await;
        assert_eq!(
            (status.as_u16(), code(&refused)),
            (400, "invalid_request"),
            "{phone}"
        );
        assert_eq!(
            refused["error"]["field"], "contacts.0.phones.0.phone",
            "{phone}"
        );
        let told = refused["error"]["message"].as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
    }
    let mut body = globex("212 555 0100");
    body["contacts"][0]["emails"][0]["email"] = json!("willy@wonka.example\nBcc: x@y.example");
    let (_, refused) = service.post("/api/v1/lead/", Some(&rep), body).await;
    assert_eq!(refused["error"]["field"], "contacts.0.emails.0.email");
    let mut body = globex("212 555 0100");
    body["owner_id"] = json!("user_stranger");
    let (status, refused) = service.post("/api/v1/lead/", Some(&rep), body).await;
    assert_eq!((status.as_u16(), code(&refused)), (404, "not_found"));
    assert_eq!(refused["error"]["field"], "owner_id");
    let long = json!({"name": "x", "description": "é".repeat(40_000)});
    let (status, _) = service.post("/api/v1/lead/", Some(&rep), long).await;
    assert_eq!(status, 413);
    for good in ["1-800-FLOWERS", "٠٠٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨", "+44 20 7946 0958"] {
        let body = globex(good);
        let (status, answer) = service.post("/api/v1/lead/", Some(&rep), body).await;
        // In the US, calls abroad begin with 011.
        let is_read = !good.starts_with('٠');
        assert_eq!(status.is_success(), is_read, "{good}: {answer}");
    }
    service.stop().await;
}

#[tokio::test]
async fn l1_an_admin_merges_leads_once_no_call_is_in_progress() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let hooli = one(&service, &rep, "Hooli").await;
    let globex = one(&service, &rep, "Globex").await;
    let (mut socket, _) = service.welcomed(&rep).await;
    let numbers = service.get("/api/v1/phone_number/", &rep).await;
    let place = json!({"local_phone_id": numbers["data"][0]["id"], "lead_id": hooli["id"]});
    let (status, call) = service
        .post("/api/v1/activity/call/", Some(&rep), place)
        .await;
    assert_eq!(status, 201, "{call}");
    socket
        .event_where("call_changed", |event| {
            event["call"]["status"] == "in-progress"
        })
        .await;
    let merge = || {
        let body = json!({"source": hooli["id"], "destination": globex["id"]});
        service.post("/api/v1/lead/merge/", Some(&admin), body)
    };
    let (status, refused) = merge().await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "conflict"));
    let path = format!("/api/v1/activity/call/{}/hangup/", text(&call["id"]));
    let (status, _) = service.post(&path, Some(&rep), json!({})).await;
    assert_eq!(status, 200);
    // The call ends in the background.
    let deadline = tokio::time::Instant::now() + support::PATIENCE;
    let merged = loop {
        let (status, merged) = merge().await;
        if status == 200 {
            break merged;
        }
        assert_eq!(status, 409, "{merged}");
        assert!(tokio::time::Instant::now() < deadline, "{merged}");
        tokio::task::yield_now().await;
    };
    assert_eq!(merged["contacts"].as_array().unwrap().len(), 2);
    let gone = format!("/api/v1/lead/{}/", text(&hooli["id"]));
    let (status, _) = service.ask(Method::GET, &gone, Some(&rep), None).await;
    assert_eq!(status, 404);
    let path = format!("/api/v1/activity/call/?lead_id={}", text(&globex["id"]));
    let calls = service.get(&path, &rep).await;
    assert_eq!(calls["data"][0]["id"], call["id"]);
    assert_eq!(calls["data"][0]["lead"]["id"], globex["id"]);
    // Its phone is the other lead's now: whoever calls is told apart by it.
    assert_eq!(one(&service, &rep, "7000300").await["id"], globex["id"]);
    service.restart_with(|_| {}).await;
    let calls = service.get(&path, &rep).await;
    assert_eq!(calls["data"][0]["lead"]["display_name"], "Globex");
    let log = service
        .get("/api/v1/audit/?action=lead_merged&allowed=true", &admin)
        .await;
    assert_eq!(log["data"][0]["target"], globex["id"]);
    assert_eq!(log["data"][0]["detail"], "Hooli");
    service.stop().await;
}

#[tokio::test]
async fn l1_admins_edit_the_list_of_statuses() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let list = async || service.get("/api/v1/status/lead/", &admin).await["data"].clone();
    let (status, lost) = service
        .post(
            "/api/v1/status/lead/",
            Some(&admin),
            json!({"label": " Lost "}),
        )
        .await;
    assert_eq!(
        (status.as_u16(), lost["label"].as_str()),
        (201, Some("Lost"))
    );
    let (status, refused) = service
        .post(
            "/api/v1/status/lead/",
            Some(&admin),
            json!({"label": "LOST"}),
        )
        .await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "conflict"));
    let first = text(&list().await[0]["id"]);
    let path = format!("/api/v1/status/lead/{first}/");
    let delete = async |query: &str| {
        let path = format!("{path}{query}");
        service.ask(Method::DELETE, &path, Some(&admin), None).await
    };
    let (status, refused) = delete("").await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "conflict"));
    let (status, _) = delete("?replacement_id=stat_none").await;
    assert_eq!(status, 404);
    let (status, _) = delete(&format!("?replacement_id={}", text(&lost["id"]))).await;
    assert_eq!(status, 204);
    let lead = one(&service, &admin, "Globex").await;
    assert_eq!(lead["status_label"], "Lost");
    let filter = format!("/api/v1/lead/?status_id={}", text(&lost["id"]));
    let leads = service.get(&filter, &admin).await;
    assert_eq!(leads["data"].as_array().unwrap().len(), 3);
    assert_eq!(list().await.as_array().unwrap().len(), 4);
    service.stop().await;
}

#[tokio::test]
async fn l3_leads_are_listed_to_their_end_by_cursor_whatever_their_names() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    for at in 0..7 {
        let name = format!("{}{at}", "\"\u{1F3E2}".repeat(99));
        let (status, body) = service
            .post("/api/v1/lead/", Some(&rep), json!({"name": name}))
            .await;
        assert_eq!(status, 201, "{body}");
    }
    for query in ["", "query=%22%F0%9F%8F%A2&"] {
        let mut cursor = String::new();
        let mut count = 0;
        loop {
            let path = format!("/api/v1/lead/?{query}_limit=2{cursor}");
            let page = service.get(&path, &rep).await;
            count += page["data"].as_array().unwrap().len();
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&_cursor={next}"),
                None => break,
            }
        }
        assert_eq!(count, if query.is_empty() { 10 } else { 7 });
    }
    service.stop().await;
}
