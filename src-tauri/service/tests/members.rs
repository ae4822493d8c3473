//! Members: who is one, who becomes one by a link, groups, and what the plan holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use service::Config;
use support::{Service, code, config, is_online, text};

const INVITE: &str = "/api/v1/member_invite/";
const MEMBERS: &str = "/api/v1/membership/";
const GROUP: &str = "/api/v1/group/";

async fn refused(
    service: &Service,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (u16, String) {
    let (status, answer) = service.ask(method, path, token, body).await;
    (status.as_u16(), code(&answer).to_owned())
}

async fn named(service: &Service, token: &str, list: &str, name: &str) -> Value {
    let page = service.get(&format!("/api/v1/{list}/"), token).await;
    let items = page["data"].as_array().unwrap().clone();
    items.into_iter().find(|item| item["name"] == name).unwrap()
}

/// An invitation as this role, and what its link holds.
async fn invite(service: &Service, admin: &str, role: &str, more: Value) -> (Value, String) {
    let role = named(service, admin, "role", role).await;
    let mut body = json!({"role_id": role["id"], "expires_in_hours": 24});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let (status, made) = service.post(INVITE, Some(admin), body).await;
    assert_eq!(status, 201, "{made}");
    (made["invite"].clone(), text(&made["token"]))
}

fn accepting(token: &str, email: &str) -> Value {
    json!({
        "token": token, "email": email, "first_name": "Nora", "last_name": "Nunn",
        "password": "a-good-password", "client_type": "native",
    })
}

async fn accept(service: &Service, token: &str, email: &str) -> (u16, Value) {
    let (status, answer) = service
        .post("/api/v1/auth/accept_invite/", None, accepting(token, email))
        .await;
    (status.as_u16(), answer)
}

async fn look(service: &Service, token: &str) -> (u16, Value) {
    let (status, answer) = service
        .post("/api/v1/auth/invite/", None, json!({"token": token}))
        .await;
    (status.as_u16(), answer)
}

async fn status_of(service: &Service, admin: &str, invite: &Value) -> String {
    let page = service.get(INVITE, admin).await;
    let all = page["data"].as_array().unwrap().clone();
    let found = all.iter().find(|one| one["id"] == invite["id"]).unwrap();
    text(&found["status"])
}

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
    let body = json!({"email": "new.one@demo.example", "password": "a-good-password",
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
async fn a3_nothing_of_another_organization_is_invited_to_or_grouped_or_seen() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let other = service.token_of("other@other.example").await;
    let foreign_role = named(&service, &other, "role", "User").await;
    let foreign_group = named(&service, &other, "group", "Everybody").await;
    let own_role = named(&service, &admin, "role", "User").await;
    let own_group = named(&service, &admin, "group", "Sales").await;
    let stranger = service.get("/api/v1/me/", &other).await["user"]["id"].clone();
    let (theirs, _) = invite(&service, &other, "User", json!({})).await;
    let with = |members: Value| json!({"name": "Mixed", "members": members});
    let group = |id: &Value| format!("{GROUP}{}/", text(id));
    for (method, path, body) in [
        (
            Method::POST,
            INVITE.to_owned(),
            Some(json!({"role_id": foreign_role["id"], "expires_in_hours": 1})),
        ),
        (
            Method::POST,
            INVITE.to_owned(),
            Some(
                json!({"role_id": own_role["id"], "group_ids": [foreign_group["id"]],
                        "expires_in_hours": 1}),
            ),
        ),
        (
            Method::DELETE,
            format!("{INVITE}{}/", text(&theirs["id"])),
            None,
        ),
        (
            Method::POST,
            GROUP.to_owned(),
            Some(with(json!([stranger]))),
        ),
        (
            Method::PUT,
            group(&own_group["id"]),
            Some(with(json!([stranger]))),
        ),
        (
            Method::PUT,
            group(&foreign_group["id"]),
            Some(with(json!([]))),
        ),
        (Method::DELETE, group(&foreign_group["id"]), None),
    ] {
        assert_eq!(
            refused(&service, method.clone(), &path, Some(&admin), body.as_ref()).await,
            (404, "not_found".into()),
            "{method} {path}"
        );
    }
    // Of what was refused nothing was kept, and lists hold nothing of the other one.
    assert_eq!(named(&service, &admin, "group", "Sales").await, own_group);
    assert_eq!(
        named(&service, &other, "group", "Everybody").await,
        foreign_group
    );
    assert_eq!(service.get(INVITE, &admin).await["data"], json!([]));
    let members = service.get(MEMBERS, &other).await;
    assert_eq!(members["data"].as_array().unwrap().len(), 1);
    assert_eq!(members["data"][0]["user"]["id"], stranger);
    service.stop().await;
}

#[tokio::test]
async fn a1_only_who_manages_the_organization_sees_members_and_invites_and_makes_groups() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let manager = service.token_of("morgan@demo.example").await;
    let role = named(&service, &admin, "role", "Admin").await;
    let sales = named(&service, &admin, "group", "Sales").await;
    let (open, _) = invite(&service, &admin, "User", json!({})).await;
    let group = json!({"name": "Mine", "members": []});
    let path = format!("{GROUP}{}/", text(&sales["id"]));
    for (method, path, body) in [
        (Method::GET, MEMBERS.to_owned(), None),
        (Method::GET, INVITE.to_owned(), None),
        (
            Method::POST,
            INVITE.to_owned(),
            Some(json!({"role_id": role["id"], "expires_in_hours": 1})),
        ),
        (
            Method::DELETE,
            format!("{INVITE}{}/", text(&open["id"])),
            None,
        ),
        (Method::POST, GROUP.to_owned(), Some(group.clone())),
        (Method::PUT, path.clone(), Some(group)),
        (Method::DELETE, path, None),
    ] {
        assert_eq!(
            refused(
                &service,
                method.clone(),
                &path,
                Some(&manager),
                body.as_ref()
            )
            .await,
            (403, "permission_required".into()),
            "{method} {path}"
        );
    }
    assert_eq!(status_of(&service, &admin, &open).await, "open");
    service.stop().await;
}

#[tokio::test]
async fn w1_groups_are_made_changed_and_deleted_and_who_is_away_keeps_their_place() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut socket, _) = service.welcomed(&riley).await;
    let users = service.get("/api/v1/user/", &admin).await;
    let id_of = |name: &str| {
        let all = users["data"].as_array().unwrap();
        all.iter().find(|user| user["first_name"] == name).unwrap()["id"].clone()
    };
    let body = json!({"name": " North ", "members": [id_of("Sam"), id_of("Riley"), id_of("Sam")]});
    let (status, group) = service.post(GROUP, Some(&admin), body).await;
    assert_eq!(status, 201, "{group}");
    assert_eq!(group["name"], "North");
    assert_eq!(group["members"].as_array().unwrap().len(), 2);
    socket.event("directory_changed").await;
    for bad in [
        json!({"name": "", "members": []}),
        json!({"name": "x", "members": ["role_1"]}),
        json!({"name": "x", "members": vec![id_of("Sam"); 1001]}),
    ] {
        assert_eq!(
            refused(&service, Method::POST, GROUP, Some(&admin), Some(&bad)).await,
            (400, "invalid_request".into())
        );
    }

    // Sam is deactivated, and does not lose the group by a change made meanwhile.
    let members = service.get(MEMBERS, &admin).await;
    let members = members["data"].as_array().unwrap().clone();
    let sam = members
        .iter()
        .find(|member| member["user"]["first_name"] == "Sam")
        .unwrap();
    assert!(sam["group_ids"].as_array().unwrap().contains(&group["id"]));
    let place = format!("{MEMBERS}{}/", text(&sam["membership_id"]));
    let set_active = async |active: bool| {
        let body = json!({ "active": active });
        let (status, _) = service
            .ask(Method::PATCH, &place, Some(&admin), Some(&body))
            .await;
        assert_eq!(status, 200);
    };
    set_active(false).await;
    let path = format!("{GROUP}{}/", text(&group["id"]));
    let body = json!({"name": "South", "members": [id_of("Casey")]});
    let (status, changed) = service
        .ask(Method::PUT, &path, Some(&admin), Some(&body))
        .await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["members"], json!([id_of("Casey")]));
    set_active(true).await;
    let south = named(&service, &riley, "group", "South").await;
    let in_group = south["members"].as_array().unwrap();
    assert_eq!(in_group.len(), 2);
    assert!(in_group.contains(&id_of("Sam")) && in_group.contains(&id_of("Casey")));
    let (status, _) = service.ask(Method::DELETE, &path, Some(&admin), None).await;
    assert_eq!(status, 204);
    assert_eq!(
        refused(&service, Method::DELETE, &path, Some(&admin), None).await,
        (404, "not_found".into())
    );
    service.stop().await;
}

#[tokio::test]
async fn r1_a_member_says_otherwise_than_the_organization_about_recording() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let me = service.get("/api/v1/me/", &admin).await;
    let place = format!("{MEMBERS}{}/", text(&me["membership"]["id"]));
    let shown = async || {
        let members = service.get(MEMBERS, &admin).await;
        let members = members["data"].as_array().unwrap().clone();
        let own = members
            .iter()
            .find(|member| member["user"]["id"] == me["user"]["id"])
            .unwrap();
        own["recording"].clone()
    };
    assert_eq!(shown().await, "inherit");
    for wanted in ["on", "off", "inherit"] {
        let body = json!({ "recording": wanted });
        let (status, _) = service
            .ask(Method::PATCH, &place, Some(&admin), Some(&body))
            .await;
        assert_eq!(status, 200);
        assert_eq!(shown().await, wanted);
    }
    let body = json!({"recording": "sometimes"});
    assert_eq!(
        refused(&service, Method::PATCH, &place, Some(&admin), Some(&body)).await,
        (400, "invalid_request".into())
    );
    service.stop().await;
}

#[tokio::test]
async fn j3_every_plan_says_what_it_holds_and_two_hold_coaching() {
    let mut service = Service::start().await;
    let riley = service.token_of("riley@demo.example").await;
    let plans = service.get("/api/v1/plan/", &riley).await;
    let held: Vec<(String, bool, Vec<bool>)> = plans["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plan| {
            let features = plan["features"].as_array().unwrap();
            let included = features.iter().map(|one| one["included"] == true).collect();
            (text(&plan["plan"]), plan["on_sale"] == true, included)
        })
        .collect();
    let none = vec![false, false, false, true, true];
    let all = vec![true; 5];
    let expected = [
        ("startup", true, &none),
        ("professional", true, &none),
        ("business_legacy", false, &all),
        ("enterprise", true, &all),
    ]
    .map(|(plan, on_sale, held)| (plan.to_owned(), on_sale, held.clone()));
    assert_eq!(held, expected);
    service.stop().await;
}

#[tokio::test]
async fn j3_the_organization_is_changed_in_part_and_everybody_is_told() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut socket, _) = service.welcomed(&riley).await;
    let me = service.get("/api/v1/me/", &admin).await;
    let path = format!("/api/v1/organization/{}/", text(&me["organization"]["id"]));
    let recording = json!({"enabled": true, "announced": true, "retention_days": 30});
    for (patch, pointer, value) in [
        (json!({"name": " Acme "}), "/name", json!("Acme")),
        (
            json!({ "recording": recording }),
            "/recording",
            recording.clone(),
        ),
        (
            json!({"plan": "business_legacy"}),
            "/plan",
            json!("business_legacy"),
        ),
    ] {
        let (status, now) = service
            .ask(Method::PATCH, &path, Some(&admin), Some(&patch))
            .await;
        assert_eq!(status, 200, "{now}");
        assert_eq!(now.pointer(pointer), Some(&value));
        let event = socket.event("me_changed").await;
        assert_eq!(event["event"]["me"]["organization"], now);
    }
    // What was not given stayed.
    let now = service.get("/api/v1/me/", &riley).await["organization"].clone();
    assert_eq!(
        (&now["name"], &now["recording"], &now["plan"]),
        (&json!("Acme"), &recording, &json!("business_legacy"))
    );
    let (mut admin_socket, _) = service.welcomed(&admin).await;
    let low = json!({"low_balance_micro_dollars": 123_000});
    let (status, _) = service
        .ask(Method::PATCH, &path, Some(&admin), Some(&low))
        .await;
    assert_eq!(status, 200);
    let told = admin_socket.event("balance_changed").await;
    assert_eq!(
        told["event"]["balance"]["low_balance_micro_dollars"],
        123_000
    );
    for bad in [
        json!({}),
        json!({"name": ""}),
        json!({"plan": "free"}),
        json!({"low_balance_micro_dollars": -1}),
        json!({"low_balance_micro_dollars": 1.5}),
        json!({"recording": {"enabled": true, "announced": true, "retention_days": 40_000}}),
    ] {
        assert_eq!(
            refused(&service, Method::PATCH, &path, Some(&admin), Some(&bad)).await,
            (400, "invalid_request".into()),
            "{bad}"
        );
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
