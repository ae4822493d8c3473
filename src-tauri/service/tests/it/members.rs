//! Members: who is one, groups, what the plan holds, and what the organization is set to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::Method;
use serde_json::{Value, json};
use support::members::{GROUP, INVITE, MEMBERS, invite, named, refused, status_of};
use support::{Service, text};

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
