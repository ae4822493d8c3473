//! Roles that an organization makes for itself, and what a change of one does to calls in progress.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::Method;
use serde_json::{Value, json};
use support::{Service, Socket, code, text};

const ROLE: &str = "/api/v1/role/";

async fn role_named(service: &Service, token: &str, name: &str) -> Value {
    let roles = service.get(ROLE, token).await;
    let roles = roles["data"].as_array().unwrap().clone();
    roles.into_iter().find(|role| role["name"] == name).unwrap()
}

async fn make_role(service: &Service, admin: &str, name: &str, permissions: &Value) -> Value {
    let body = json!({"name": name, "permissions": permissions});
    let (status, role) = service.post(ROLE, Some(admin), body).await;
    assert_eq!(status, 201, "{role}");
    role
}

fn path_of(role: &Value) -> String {
    format!("{ROLE}{}/", text(&role["id"]))
}

async fn give(service: &Service, admin: &str, to: &str, role: &Value) {
    let me = service.get("/api/v1/me/", to).await;
    let path = format!("/api/v1/membership/{}/", text(&me["membership"]["id"]));
    let body = json!({"role_id": role["id"]});
    let (status, answer) = service
        .ask(Method::PATCH, &path, Some(admin), Some(&body))
        .await;
    assert_eq!(status, 200, "{answer}");
}

async fn refused(
    service: &Service,
    method: Method,
    path: &str,
    token: &str,
    body: Option<Value>,
) -> (u16, String) {
    let (status, answer) = service.ask(method, path, Some(token), body.as_ref()).await;
    (status.as_u16(), code(&answer).to_owned())
}

/// A call of the rep's with the lead on the line, and its path.
async fn call_in_progress(service: &Service, rep: &str, socket: &mut Socket) -> String {
    let leads = service.get("/api/v1/lead/?query=Globex", rep).await;
    let numbers = service.get("/api/v1/phone_number/", rep).await;
    let body = json!({
        "local_phone_id": numbers["data"][0]["id"],
        "lead_id": leads["data"][0]["id"],
    });
    let (status, call) = service
        .post("/api/v1/activity/call/", Some(rep), body)
        .await;
    assert_eq!(status, 201, "{call}");
    socket
        .event_where("call_changed", |event| {
            event["call"]["status"] == "in-progress"
        })
        .await;
    format!("/api/v1/activity/call/{}/", text(&call["id"]))
}

#[tokio::test]
async fn a1_an_organization_makes_changes_and_deletes_roles_of_its_own() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut socket, _) = service.welcomed(&riley).await;

    let barge = json!(["call_coach_barge", "call_coach_barge"]);
    let role = make_role(&service, &admin, "  Coach of new ones ", &barge).await;
    assert_eq!(role["name"], "Coach of new ones");
    assert_eq!(role["built_in"], false);
    assert_eq!(
        role["permissions"],
        json!(["call_coach_listen", "call_coach_barge"]),
        "Whisper & Barge implies Listen"
    );
    socket.event("directory_changed").await;
    assert_eq!(
        role_named(&service, &riley, "Coach of new ones").await,
        role
    );
    let body = json!({"name": "Listener", "permissions": ["call_coach_listen"]});
    let (status, changed) = service
        .ask(Method::PUT, &path_of(&role), Some(&admin), Some(&body))
        .await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["id"], role["id"]);
    assert_eq!(changed["permissions"], json!(["call_coach_listen"]));
    socket.event("directory_changed").await;

    // A name is there once, in whatever case of letters; its own it may keep.
    let same = json!({"name": "LISTENER", "permissions": []});
    assert_eq!(
        refused(&service, Method::POST, ROLE, &admin, Some(same.clone())).await,
        (409, "conflict".into())
    );
    let (status, _) = service
        .ask(Method::PUT, &path_of(&role), Some(&admin), Some(&same))
        .await;
    assert_eq!(status, 200);
    for bad in [
        json!({"name": "", "permissions": []}),
        json!({"name": " \t", "permissions": []}),
        json!({"name": "é".repeat(65), "permissions": []}),
        json!({"name": "a\u{0}b", "permissions": []}),
        json!({"name": "x", "permissions": ["everything"]}),
        json!({"name": "x", "permissions": [], "built_in": true}),
        json!({"name": "x"}),
    ] {
        assert_eq!(
            refused(&service, Method::POST, ROLE, &admin, Some(bad.clone())).await,
            (400, "invalid_request".into()),
            "{bad}"
        );
    }

    // A role that somebody has is not deleted; the answer says how many have it.
    give(&service, &admin, &riley, &role).await;
    let (status, answer) = service
        .ask(Method::DELETE, &path_of(&role), Some(&admin), None)
        .await;
    assert_eq!((status.as_u16(), code(&answer)), (409, "conflict"));
    assert!(text(&answer["error"]["message"]).contains("1 member"));
    let user = role_named(&service, &admin, "User").await;
    give(&service, &admin, &riley, &user).await;
    let (status, _) = service
        .ask(Method::DELETE, &path_of(&role), Some(&admin), None)
        .await;
    assert_eq!(status, 204);
    assert_eq!(
        refused(&service, Method::DELETE, &path_of(&role), &admin, None).await,
        (404, "not_found".into())
    );
    service.stop().await;
}

#[tokio::test]
async fn a1_the_roles_that_came_with_the_organization_stay_as_they_are() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let before = service.get(ROLE, &admin).await;
    let names: Vec<String> = before["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| text(&role["name"]))
        .collect();
    assert_eq!(names, ["Admin", "Manager", "Trainee", "User"]);
    for role in before["data"].as_array().unwrap() {
        assert_eq!(role["built_in"], true);
        let body = json!({"name": "Mine", "permissions": ["manage_organization"]});
        for (method, body) in [(Method::PUT, Some(body)), (Method::DELETE, None)] {
            assert_eq!(
                refused(&service, method, &path_of(role), &admin, body).await,
                (409, "conflict".into())
            );
        }
    }
    assert_eq!(service.get(ROLE, &admin).await, before);
    service.stop().await;
}

#[tokio::test]
async fn a1_only_who_manages_the_organization_touches_roles_and_a_hundred_are_enough() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let manager = service.token_of("morgan@demo.example").await;
    let role = make_role(&service, &admin, "Of the admin's", &json!([])).await;
    let body = json!({"name": "Mine", "permissions": ["manage_organization"]});
    for (method, path, body) in [
        (Method::POST, ROLE.to_owned(), Some(body.clone())),
        (Method::PUT, path_of(&role), Some(body)),
        (Method::DELETE, path_of(&role), None),
    ] {
        assert_eq!(
            refused(&service, method, &path, &manager, body).await,
            (403, "permission_required".into())
        );
    }
    for number in 6..=100 {
        make_role(&service, &admin, &format!("Role {number}"), &json!([])).await;
    }
    let one_more = json!({"name": "One more", "permissions": []});
    assert_eq!(
        refused(&service, Method::POST, ROLE, &admin, Some(one_more)).await,
        (409, "conflict".into())
    );
    service.stop().await;
}

#[tokio::test]
async fn a1_a_role_cannot_be_changed_so_that_nobody_manages_the_organization() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let own = make_role(&service, &admin, "Owner", &json!(["manage_organization"])).await;
    // With an admin beside, the role may lose it.
    give(&service, &admin, &riley, &own).await;
    let less = json!({"name": "Owner", "permissions": []});
    let more = json!({"name": "Owner", "permissions": ["manage_organization"]});
    for body in [&less, &more] {
        let (status, answer) = service
            .ask(Method::PUT, &path_of(&own), Some(&admin), Some(body))
            .await;
        assert_eq!(status, 200, "{answer}");
    }
    let user = role_named(&service, &admin, "User").await;
    give(&service, &riley, &admin, &user).await;
    assert_eq!(
        refused(
            &service,
            Method::PUT,
            &path_of(&own),
            &riley,
            Some(less.clone())
        )
        .await,
        (409, "conflict".into())
    );
    assert_eq!(
        service.get("/api/v1/me/", &riley).await["role"]["permissions"],
        json!(["manage_organization"]),
        "nothing of the refused change was kept"
    );
    service.stop().await;
}

#[tokio::test]
async fn a3_a_role_of_another_organization_is_not_there() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let other = service.token_of("other@other.example").await;
    let role = make_role(&service, &other, "Theirs", &json!([])).await;
    let body = json!({"name": "Ours", "permissions": []});
    for (method, body) in [(Method::PUT, Some(body.clone())), (Method::DELETE, None)] {
        assert_eq!(
            refused(&service, method, &path_of(&role), &admin, body).await,
            (404, "not_found".into())
        );
    }
    // Nor does its name count here.
    make_role(&service, &admin, "Theirs", &json!([])).await;
    assert_eq!(role_named(&service, &other, "Theirs").await, role);
    service.stop().await;
}

#[tokio::test]
async fn a2_listen_taken_from_a_role_puts_its_members_out_of_the_call_while_the_call_goes_on() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let coach = service.token_of("sam@demo.example").await;
    let (mut rep_socket, _) = service.welcomed(&rep).await;
    let (mut coach_socket, _) = service.welcomed(&coach).await;
    let path = call_in_progress(&service, &rep, &mut rep_socket).await;
    let join = format!("{path}coach_leg/");
    assert_eq!(
        refused(&service, Method::POST, &join, &coach, Some(json!({}))).await,
        (403, "permission_required".into())
    );

    let listen = json!(["call_coach_listen"]);
    let role = make_role(&service, &admin, "Trainee (new)", &listen).await;
    give(&service, &admin, &coach, &role).await;
    let (status, leg) = service.post(&join, Some(&coach), json!({})).await;
    assert_eq!(status, 201, "{leg}");
    let (status, answer) = service
        .ask(
            Method::PUT,
            &format!("{join}mode/"),
            Some(&coach),
            Some(&json!({"mode": "whisper"})),
        )
        .await;
    assert_eq!(
        (status.as_u16(), code(&answer)),
        (403, "permission_required")
    );
    assert!(
        text(&answer["error"]["message"]).contains("Whisper"),
        "the refusal says what is missing: {answer}"
    );

    let nothing = json!({"name": "Trainee (new)", "permissions": []});
    let (status, answer) = service
        .ask(Method::PUT, &path_of(&role), Some(&admin), Some(&nothing))
        .await;
    assert_eq!(status, 200, "{answer}");
    // By the time of the answer it holds: the coach is out, and the next try is refused.
    let seen = service.get(&path, &rep).await;
    assert_eq!(seen["status"], "in-progress", "the rep's call is untouched");
    assert_eq!(seen["coach_legs"][0]["status"], "done");
    assert_eq!(seen["coach_legs"][0]["end_reason"], "permission_revoked");
    assert_eq!(
        refused(&service, Method::POST, &join, &coach, Some(json!({}))).await,
        (403, "permission_required".into())
    );
    let event = coach_socket
        .event_where("coach_leg_changed", |event| {
            event["coach_leg"]["status"] == "done"
        })
        .await;
    assert_eq!(
        event["event"]["coach_leg"]["end_reason"],
        "permission_revoked"
    );
    let me = coach_socket.event("me_changed").await;
    assert_eq!(me["event"]["me"]["role"]["permissions"], json!([]));
    service.stop().await;
}

#[tokio::test]
async fn a2_barge_taken_from_a_role_moves_its_members_to_listen() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let coach = service.token_of("sam@demo.example").await;
    let (mut rep_socket, _) = service.welcomed(&rep).await;
    let path = call_in_progress(&service, &rep, &mut rep_socket).await;
    let both = json!(["call_coach_barge"]);
    let role = make_role(&service, &admin, "Coach", &both).await;
    give(&service, &admin, &coach, &role).await;
    let join = format!("{path}coach_leg/");
    let (status, leg) = service.post(&join, Some(&coach), json!({})).await;
    assert_eq!(status, 201, "{leg}");
    let less = json!({"name": "Coach", "permissions": ["call_coach_listen"]});
    let (status, _) = service
        .ask(Method::PUT, &path_of(&role), Some(&admin), Some(&less))
        .await;
    assert_eq!(status, 200);
    let leg = service.get(&path, &rep).await["coach_legs"][0].clone();
    assert_ne!(leg["status"], "done", "who may listen stays: {leg}");
    assert_eq!(
        refused(
            &service,
            Method::PUT,
            &format!("{join}mode/"),
            &coach,
            Some(json!({"mode": "barge"}))
        )
        .await,
        (403, "permission_required".into())
    );
    service.stop().await;
}
