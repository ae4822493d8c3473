//! Money over HTTP: the balance, the ledger, who is let in without it (B1 to B4).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::Method;
use serde_json::{Value, json};
use service::StoreError;
use support::{Service, code, text};
use wire::Timestamp;

const ADMIN: &str = "admin@demo.example";

/// A call in progress that Morgan has joined; its path and the leg's id.
async fn coached(service: &Service) -> (String, String) {
    let rep = service.token_of("riley@demo.example").await;
    let coach = service.token_of("morgan@demo.example").await;
    let (mut socket, _) = service.welcomed(&coach).await;
    let leads = service.get("/api/v1/lead/?query=Globex", &rep).await;
    let numbers = service.get("/api/v1/phone_number/", &rep).await;
    let body = json!({
        "local_phone_id": numbers["data"][0]["id"],
        "lead_id": leads["data"][0]["id"],
    });
    let (status, call) = service
        .post("/api/v1/activity/call/", Some(&rep), body)
        .await;
    assert_eq!(status, 201, "{call}");
    let answered = |event: &Value| event["call"]["status"] == "in-progress";
    socket.event_where("call_changed", answered).await;
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    let (status, leg) = service
        .post(&format!("{path}coach_leg/"), Some(&coach), json!({}))
        .await;
    assert_eq!(status, 201, "{leg}");
    (path, text(&leg["id"]))
}

#[tokio::test]
async fn b1_b4_five_minutes_are_two_cents_in_the_ledger_on_the_page_in_the_file_and_off_the_balance()
 {
    let mut service = Service::start().await;
    let (path, leg) = coached(&service).await;
    let rep = service.token_of("riley@demo.example").await;
    service
        .post(&format!("{path}hangup/"), Some(&rep), json!({}))
        .await;
    service.stop().await;
    // Five minutes of audio, as if a test could wait for them: the start charges what is owed.
    let store = service.store().await;
    let kept = store.calls_since(Timestamp(0)).await.unwrap();
    let (organization, call) = &kept[0];
    let mut longer = call.coach_legs[0].clone();
    longer.date_connected = Some(longer.date_created.plus_millis(-300_000));
    longer.date_done = Some(longer.date_created);
    let saved = store.save_coach_leg(organization, &call.id, &longer).await;
    saved.unwrap();
    store.close().await;
    service.restart_with(|_| {}).await;
    let admin = service.token_of(ADMIN).await;
    let usage = service.get("/api/v1/usage/", &admin).await;
    let coach = &usage["by_coach"];
    assert_eq!(coach.as_array().unwrap().len(), 1, "{coach}");
    assert_eq!(
        (&coach[0]["minutes"], &coach[0]["micro_dollars"]),
        (&json!(5), &json!(20_000))
    );
    let call = &usage["by_call"][0];
    assert_eq!(call["coaching_micro_dollars"], 20_000);
    assert_eq!(call["lead"]["display_name"], "Globex");
    // The call's own started minute is a line of its own at its own rate.
    assert_eq!(call["call_micro_dollars"], 13_000);
    let by_day = usage["by_day"].as_array().unwrap().iter();
    let by_day = by_day.map(|day| day["coaching_micro_dollars"].as_i64().unwrap());
    assert_eq!(by_day.sum::<i64>(), 20_000);
    assert_eq!(
        usage["balance"]["balance_micro_dollars"],
        25_000_000 - 20_000 - 13_000
    );
    let ledger = service.get("/api/v1/usage/ledger/", &admin).await;
    let lines = ledger["data"].as_array().unwrap();
    let of_leg: Vec<&Value> = lines.iter().filter(|line| line["leg_id"] == leg).collect();
    let sum: i64 = of_leg
        .iter()
        .map(|line| line["micro_dollars"].as_i64().unwrap())
        .sum();
    assert_eq!((of_leg.len(), sum), (5, -20_000));
    let (status, csv) = service
        .ask(Method::GET, "/api/v1/usage/csv/", Some(&admin), None)
        .await;
    assert_eq!(status, 200);
    let csv = text(&csv);
    let of_coach: Vec<&str> = csv
        .lines()
        .filter(|line| line.contains(",coaching,"))
        .collect();
    assert_eq!(of_coach.len(), 5, "{csv}");
    for (minute, line) in of_coach.iter().enumerate() {
        assert!(
            line.ends_with(&format!(",Globex,Morgan Moss,{minute},-0.0040,-4000,")),
            "{line}"
        );
    }
    // Started once more, nothing is charged again (B2).
    service.restart_with(|_| {}).await;
    let admin = service.token_of(ADMIN).await;
    let again = service.get("/api/v1/usage/balance/", &admin).await;
    assert_eq!(again, usage["balance"]);
}

#[tokio::test]
async fn b2_no_line_of_the_ledger_can_be_changed_or_taken_away() {
    let service = Service::start().await;
    let admin = service.token_of(ADMIN).await;
    let before = service.get("/api/v1/usage/ledger/", &admin).await;
    let store = service.store().await;
    for change in ["UPDATE ledger SET micro_dollars = 1", "DELETE FROM ledger"] {
        let refused = store.meddle(change).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict(_))),
            "{refused:?}"
        );
    }
    let after = service.get("/api/v1/usage/ledger/", &admin).await;
    assert_eq!(after, before);
    assert!(!before["data"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn b3_without_money_for_the_first_minute_nobody_joins_until_somebody_pays() {
    let service = Service::start().await;
    let (path, _) = coached(&service).await;
    let casey = service.token_of("casey@demo.example").await;
    let admin = service.token_of(ADMIN).await;
    let (mut socket, _) = service.welcomed(&casey).await;
    let store = service.store().await;
    // Two micro-dollars less than a minute costs.
    let spent = store.meddle(
        "INSERT INTO ledger (id, organization_id, date, kind, micro_dollars, request_id)
         SELECT 'ledg_spent', organization_id, 0, 'top_up', 3998 - micro_dollars, 'spent' FROM balance
         WHERE organization_id = (SELECT id FROM organization WHERE name = 'Acme Sales')",
    );
    assert_eq!(spent.await.unwrap(), 1);
    let join = format!("{path}coach_leg/");
    let (status, refused) = service.post(&join, Some(&casey), json!({})).await;
    assert_eq!(
        (status.as_u16(), code(&refused)),
        (402, "insufficient_balance")
    );
    let seen = service.get(&path, &casey).await;
    assert_eq!(
        seen["joinability"]["code"], "insufficient_balance",
        "the button says so before"
    );
    // Who coaches already goes on, in whichever mode.
    let morgan = service.get(&path, &admin).await;
    assert_ne!(morgan["coach_legs"][0]["status"], "done");
    // Everybody's button is told without asking, one micro-dollar below the price and at it.
    for (request_id, balance, code) in [
        ("one", 3999, json!("insufficient_balance")),
        ("two", 4000, Value::Null),
    ] {
        let payment = json!({"micro_dollars": 1, "request_id": request_id});
        // It is put in once, however often it is sent.
        for _ in 0..2 {
            let (status, now) = service
                .post("/api/v1/usage/top_up/", Some(&admin), payment.clone())
                .await;
            assert_eq!(status, 200, "{now}");
            assert_eq!(now["balance_micro_dollars"], balance);
        }
        let told = |event: &Value| event["call"]["joinability"]["code"] == code;
        socket.event_where("call_changed", told).await;
    }
    let (status, leg) = service.post(&join, Some(&casey), json!({})).await;
    assert_eq!(status, 201, "{leg}");
}

#[tokio::test]
async fn b4_admins_are_told_of_the_balance_and_nobody_else_sees_money() {
    let service = Service::start().await;
    let admin = service.token_of(ADMIN).await;
    let morgan = service.token_of("morgan@demo.example").await;
    let (mut admins, _) = service.welcomed(&admin).await;
    let balance = service.get("/api/v1/usage/balance/", &admin).await;
    assert_eq!(balance["balance_micro_dollars"], 25_000_000);
    assert_eq!(balance["is_low"], false);
    let payment = json!({"micro_dollars": 1_000_000, "request_id": "a-dollar"});
    let (status, _) = service
        .post("/api/v1/usage/top_up/", Some(&admin), payment.clone())
        .await;
    assert_eq!(status, 200);
    let told = admins.event("balance_changed").await;
    assert_eq!(
        told["event"]["balance"]["balance_micro_dollars"],
        26_000_000
    );
    let usage = service.get("/api/v1/usage/", &admin).await;
    let rates = usage["rates"].as_array().unwrap();
    assert!(
        rates
            .iter()
            .any(|rate| rate["kind"] == "coaching" && rate["micro_dollars_per_minute"] == 4000)
    );
    for path in ["", "balance/", "ledger/", "csv/"] {
        let path = format!("/api/v1/usage/{path}");
        let (status, refused) = service.ask(Method::GET, &path, Some(&morgan), None).await;
        assert_eq!(
            (status.as_u16(), code(&refused)),
            (403, "permission_required"),
            "{path}"
        );
    }
    let (status, _) = service
        .post("/api/v1/usage/top_up/", Some(&morgan), payment)
        .await;
    assert_eq!(status, 403);
    for bad in [
        json!({"micro_dollars": 0, "request_id": "x"}),
        json!({"micro_dollars": 1_000_000_001, "request_id": "x"}),
        json!({"micro_dollars": 5, "request_id": ""}),
        json!({"micro_dollars": 0.5, "request_id": "x"}),
    ] {
        let (status, refused) = service
            .post("/api/v1/usage/top_up/", Some(&admin), bad)
            .await;
        assert_eq!((status.as_u16(), code(&refused)), (400, "invalid_request"));
    }
}
