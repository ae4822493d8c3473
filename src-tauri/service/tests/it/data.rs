//! An organization's data: taken along, deleted with a lead, backed up and put back.
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
use support::{Service, code, config, text};

/// A call in progress of Riley's with Globex, as it was placed.
async fn call(service: &Service, rep: &str) -> Value {
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
    call
}

fn len(document: &Value, section: &str) -> usize {
    document[section].as_array().unwrap().len()
}

#[tokio::test]
async fn a3_an_export_holds_all_of_the_organization_and_nothing_of_another_and_no_secret() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let call = call(&service, &rep).await;
    let document = service.get("/api/v1/organization/export/", &admin).await;
    assert_eq!(len(&document, "organization"), 1);
    assert_eq!(len(&document, "members"), 7);
    assert_eq!(len(&document, "roles"), 4);
    assert_eq!(len(&document, "leads"), 3);
    assert_eq!(len(&document, "contacts"), 4);
    assert!(len(&document, "ledger") > 0 && len(&document, "phone_numbers") > 0);
    let of_calls = document["calls"].as_array().unwrap();
    assert!(of_calls.iter().any(|one| one["id"] == call["id"]));
    for section in ["groups", "coach_legs", "invitations", "recordings", "audit"] {
        assert!(document[section].is_array(), "{section}");
    }
    let everything = document.to_string();
    for secret in [
        "argon2",
        "hash",
        admin.as_str(),
        "Umbrella",
        "other.example",
    ] {
        assert!(!everything.contains(secret), "{secret}");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_lead_is_deleted_with_its_calls_once_none_is_in_progress_and_the_ledger_stays() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let call = call(&service, &rep).await;
    let lead = format!("/api/v1/lead/{}/", text(&call["lead"]["id"]));
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    let delete = || service.ask(Method::DELETE, &lead, Some(&admin), None);
    let (status, refused) = delete().await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "conflict"));
    let hung_up = format!("{path}hangup/");
    let (status, _) = service.post(&hung_up, Some(&rep), json!({})).await;
    assert_eq!(status, 200);
    // Its recording is finished in the background.
    let deadline = tokio::time::Instant::now() + support::PATIENCE;
    loop {
        let (status, body) = delete().await;
        if status == 204 {
            break;
        }
        assert_eq!(status, 409, "{body}");
        assert!(tokio::time::Instant::now() < deadline, "{body}");
        tokio::task::yield_now().await;
    }
    for gone in [&lead, &path] {
        let (status, _) = service.ask(Method::GET, gone, Some(&admin), None).await;
        assert_eq!(status, 404, "{gone}");
    }
    service.restart_with(|_| {}).await;
    let document = service.get("/api/v1/organization/export/", &admin).await;
    for section in ["calls", "recordings", "coach_legs"] {
        assert_eq!(len(&document, section), 0, "{section}");
    }
    let of_call = |line: &&Value| line["call_id"] == call["id"];
    let ledger = document["ledger"].as_array().unwrap();
    assert!(ledger.iter().any(|line| of_call(&line)), "{ledger:?}");
    let audit = document["audit"].as_array().unwrap();
    let deleted = |line: &&Value| line["action"] == "lead_deleted" && line["allowed"] == true;
    assert_eq!(audit.iter().filter(deleted).count(), 1, "{audit:?}");
    service.stop().await;
}

#[tokio::test]
async fn a_backup_under_a_running_call_is_restored_and_served() {
    // PostgreSQL has its own way of it.
    if store::testing::is_postgres() {
        return;
    }
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let call = call(&service, &rep).await;
    let before = service.get("/api/v1/usage/ledger/", &admin).await;
    assert!(!before["data"].as_array().unwrap().is_empty());

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.sqlite");
    service::backup(service.folder.path(), &file).await.unwrap();
    let again = service::backup(service.folder.path(), &file).await;
    again.expect_err("a backup is not written over");
    // The call goes on as if nothing was.
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    assert_eq!(service.get(&path, &rep).await["status"], "in-progress");
    let running = service::restore(&file, service.folder.path(), true).await;
    running.expect_err("the store of a service that runs is not written over");
    assert_eq!(service.get(&path, &rep).await["status"], "in-progress");
    service.stop().await;

    let restored = folder.path().join("restored");
    service::restore(&file, &restored, false).await.unwrap();
    let twice = service::restore(&file, &restored, false).await;
    twice.expect_err("a store is not written over unless that is wanted");
    service::restore(&file, &restored, true).await.unwrap();
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, "no store").unwrap();
    let none = service::restore(&garbage, &restored, true).await;
    none.expect_err("what is no backup is not restored");

    let config = service::Config {
        data: restored,
        ..config()
    };
    let running = service::start(config, service::Hooks::default())
        .await
        .unwrap();
    service.base = format!("http://{}", running.http_addr);
    let users = service.get("/api/v1/user/", &admin).await;
    assert_eq!(len(&users, "data"), 7);
    // It was cut off by the copy, and is over.
    assert_eq!(service.get(&path, &admin).await["id"], call["id"]);
    let after = service.get("/api/v1/usage/ledger/", &admin).await;
    let after = after["data"].as_array().unwrap();
    for line in before["data"].as_array().unwrap() {
        assert!(after.contains(line), "{line}");
    }
    running.stop().await;
}
