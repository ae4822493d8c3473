//! Who becomes a member by a link, and who does not.
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
use support::members::{
    INVITE, MEMBERS, accept, accepting, invite, look, named, refused, status_of,
};
use support::{Service, code, config, is_online, text};

#[tokio::test]
async fn a1_who_uses_a_link_is_a_member_with_its_role_and_groups_and_everybody_sees_them() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut socket, _) = service.welcomed(&riley).await;
    let sales = named(&service, &admin, "group", "Sales").await;
    let more = json!({"group_ids": [sales["id"], sales["id"]], "email": "New.One@Demo.Example"});
    let (invite, token) = invite(&service, &admin, "Trainee", more).await;
    assert_eq!(token.len(), 64, "256 bits");
    assert_eq!(invite["status"], "open");
    assert_eq!(invite["email"], "new.one@demo.example");
    assert_eq!(invite["group_ids"], json!([sales["id"]]));
    let list = service.get(INVITE, &admin).await;
    assert_eq!(list["data"], json!([invite]));
    assert!(
        !list.to_string().contains(&token),
        "the secret is shown once"
    );

    let (status, offer) = look(&service, &token).await;
    assert_eq!(status, 200, "{offer}");
    assert_eq!(
        offer,
        json!({
            "organization_name": "Acme Sales", "inviter_name": "Alex Ash",
            "role_name": "Trainee", "email": "new.one@demo.example",
            "date_expires": invite["date_expires"],
        })
    );
    let (status, tokens) = accept(&service, &token, " NEW.one@demo.example").await;
    assert_eq!(status, 200, "{tokens}");
    let new = text(&tokens["access_token"]);
    let me = service.get("/api/v1/me/", &new).await;
    assert_eq!(me["user"]["id"], tokens["user_id"]);
    assert_eq!(me["user"]["email"], "new.one@demo.example");
    assert_eq!(me["role"]["name"], "Trainee");
    assert_eq!(me["organization"]["name"], "Acme Sales");
    let sales = named(&service, &riley, "group", "Sales").await;
    let in_group = sales["members"].as_array().unwrap();
    assert!(in_group.contains(&tokens["user_id"]));
    assert_eq!(status_of(&service, &admin, &invite).await, "used");

    // Everybody hears of them, sees whether they are online, and they sign in with their password.
    socket.event("directory_changed").await;
    let is_new = |event: &Value| event["user"]["user_id"] == tokens["user_id"];
    socket.event_where("availability_changed", is_new).await;
    let (_new_socket, _) = service.welcomed(&new).await;
    let event = socket.event_where("availability_changed", is_new).await;
    assert!(is_online(&event["event"]["user"], "native"));
    let body = json!({"email": "new.one@demo.example", "password": "five-otters-juggle",
                      "client_type": "web"});
    let (status, _) = service.post("/api/v1/auth/sign_in/", None, body).await;
    assert_eq!(status, 200);
    service.stop().await;
}

#[tokio::test]
async fn a1_a_link_is_good_once_also_for_two_at_the_same_moment() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let (_, token) = invite(&service, &admin, "User", json!({})).await;
    let tries = (0..6).map(|number| {
        let email = format!("one-{number}@demo.example");
        let (service, token) = (&service, &token);
        async move { accept(service, token, &email).await }
    });
    let answers = futures_util::future::join_all(tries).await;
    let good = answers.iter().filter(|(status, _)| *status == 200);
    assert_eq!(good.count(), 1, "{answers:?}");
    for (status, answer) in answers.iter().filter(|(status, _)| *status != 200) {
        assert_eq!((*status, code(answer)), (410, "invite_expired"));
    }
    let (status, answer) = look(&service, &token).await;
    assert_eq!((status, code(&answer)), (410, "invite_expired"));
    let members = service.get(MEMBERS, &admin).await;
    assert_eq!(members["data"].as_array().unwrap().len(), 8);
    service.stop().await;
}

#[tokio::test]
async fn a1_a_link_that_is_wrong_or_taken_back_or_of_who_was_put_out_is_not_good() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let (taken_back, token) = invite(&service, &admin, "Admin", json!({})).await;
    let path = format!("{INVITE}{}/", text(&taken_back["id"]));
    for _ in 0..2 {
        let (status, _) = service.ask(Method::DELETE, &path, Some(&admin), None).await;
        assert_eq!(status, 204);
    }
    assert_eq!(status_of(&service, &admin, &taken_back).await, "revoked");
    // A second admin invites, and is then put out: their link is no way back in.
    let (_, second) = invite(&service, &admin, "Admin", json!({})).await;
    let (_, tokens) = accept(&service, &second, "second@demo.example").await;
    let second_admin = text(&tokens["access_token"]);
    let (way_back, back_door) = invite(&service, &second_admin, "Admin", json!({})).await;
    assert_eq!(look(&service, &back_door).await.0, 200);
    let me = service.get("/api/v1/me/", &second_admin).await;
    let place = format!("{MEMBERS}{}/", text(&me["membership"]["id"]));
    let body = json!({"active": false});
    let (status, _) = service
        .ask(Method::PATCH, &place, Some(&admin), Some(&body))
        .await;
    assert_eq!(status, 200);
    assert_eq!(status_of(&service, &admin, &way_back).await, "revoked");
    for bad in [token.as_str(), back_door.as_str(), "", "x", &"0".repeat(64)] {
        for (status, answer) in [
            look(&service, bad).await,
            accept(&service, bad, "third@demo.example").await,
        ] {
            assert_eq!((status, code(&answer)), (410, "invite_expired"), "{bad}");
        }
    }
    let emails = service.get(MEMBERS, &admin).await.to_string();
    assert!(!emails.contains("third@demo.example"));
    service.stop().await;
}

#[tokio::test]
async fn a1_what_is_wrong_with_an_acceptance_is_told_and_leaves_the_link_open() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let (_, token) = invite(&service, &admin, "User", json!({})).await;
    let good = accepting(&token, "new@demo.example");
    for (field, value) in [
        ("password", json!("too-short")),
        ("password", json!("x".repeat(1025))),
        ("email", json!("nobody")),
        ("email", json!("a b@demo.example")),
        ("first_name", json!("  ")),
        ("first_name", json!("x".repeat(65))),
        ("last_name", json!("x".repeat(65))),
        ("client_type", json!("fax")),
        ("role_id", json!("role_1")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let path = "/api/v1/auth/accept_invite/";
        assert_eq!(
            refused(&service, Method::POST, path, None, Some(&body)).await,
            (400, "invalid_request".into()),
            "{field}"
        );
    }
    let (status, answer) = accept(&service, &token, "Riley@demo.example").await;
    assert_eq!((status, code(&answer)), (409, "conflict"));
    // Nor is one invited who has an account, in whatever organization.
    let role = named(&service, &admin, "role", "User").await;
    for (email, expected) in [
        ("other@other.example", (409, "conflict")),
        ("not an address", (400, "invalid_request")),
    ] {
        let body = json!({"role_id": role["id"], "expires_in_hours": 1, "email": email});
        let answer = refused(&service, Method::POST, INVITE, Some(&admin), Some(&body)).await;
        assert_eq!((answer.0, answer.1.as_str()), expected, "{email}");
    }
    for hours in [0, 721] {
        let body = json!({"role_id": role["id"], "expires_in_hours": hours});
        assert_eq!(
            refused(&service, Method::POST, INVITE, Some(&admin), Some(&body)).await,
            (400, "invalid_request".into())
        );
    }
    assert_eq!(accept(&service, &token, "new@demo.example").await.0, 200);
    let more = json!({"email": "meant@demo.example"});
    let (_, meant) = invite(&service, &admin, "User", more).await;
    let (status, answer) = accept(&service, &meant, "else@demo.example").await;
    assert_eq!((status, code(&answer)), (400, "invalid_request"));
    assert_eq!(accept(&service, &meant, "Meant@demo.example").await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn a1_whoever_guesses_links_is_stopped_and_who_has_one_is_not_by_using_it() {
    let mut service = Service::start_with(Config {
        sign_in_failures_per_address: 3,
        ..config()
    })
    .await;
    let admin = service.token_of("admin@demo.example").await;
    let (_, token) = invite(&service, &admin, "User", json!({})).await;
    for _ in 0..6 {
        assert_eq!(look(&service, &token).await.0, 200);
    }
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(code(&look(&service, "wrong").await.1).to_owned());
    }
    assert_eq!(answers, ["invite_expired"; 3]);
    for (status, answer) in [
        look(&service, "wrong").await,
        look(&service, &token).await,
        accept(&service, &token, "new@demo.example").await,
    ] {
        assert_eq!((status, code(&answer)), (429, "rate_limited"));
    }
    service.stop().await;
}

#[tokio::test]
async fn a4_who_came_by_a_link_and_what_was_changed_is_in_the_log_without_the_links_secret() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let admin_id = service.get("/api/v1/me/", &admin).await["user"]["id"].clone();
    let (invite, token) = invite(&service, &admin, "Trainee", json!({})).await;
    let (status, tokens) = accept(&service, &token, "new@demo.example").await;
    assert_eq!(status, 200);
    let role = json!({"name": "Ears", "permissions": ["call_coach_listen"]});
    let (status, role) = service.post("/api/v1/role/", Some(&admin), role).await;
    assert_eq!(status, 201);
    let new = service
        .get("/api/v1/me/", &text(&tokens["access_token"]))
        .await;
    let place = format!("{MEMBERS}{}/", text(&new["membership"]["id"]));
    let body = json!({"role_id": role["id"], "active": false});
    let (status, _) = service
        .ask(Method::PATCH, &place, Some(&admin), Some(&body))
        .await;
    assert_eq!(status, 200);
    let expected = [
        ("member_invited", &admin_id, &invite["id"], Value::Null),
        (
            "member_joined",
            &tokens["user_id"],
            &Value::Null,
            Value::Null,
        ),
        (
            "role_changed",
            &admin_id,
            &role["id"],
            json!("Ears: call_coach_listen"),
        ),
        (
            "member_changed",
            &admin_id,
            &tokens["user_id"],
            json!(format!("role {}, deactivated", text(&role["id"]))),
        ),
    ];
    // The log is written behind the answers: it is read until the last line is there.
    let log = tokio::time::timeout(support::PATIENCE, async {
        loop {
            let log = service.get("/api/v1/audit/?_limit=200", &admin).await;
            if log.to_string().contains("member_changed") {
                break log;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the change is in the log");
    assert!(!log.to_string().contains(&token), "no secret is in the log");
    let lines = log["data"].as_array().unwrap();
    for (action, who, target, detail) in expected {
        let line = lines.iter().find(|line| line["action"] == action);
        let line = line.unwrap_or_else(|| panic!("no {action} in {log}"));
        assert_eq!(line["allowed"], true, "{line}");
        assert_eq!(&line["user_id"], who, "{line}");
        assert_eq!(&line["target"], target, "{line}");
        assert_eq!(line["detail"], detail, "{line}");
    }
    service.stop().await;
}
