//! Calls over HTTP and WebSocket, without sound: who sees what, and what other organizations get.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::{Service, code, config, is_online, text};

/// A lead and a number of the token's organization, as `POST activity/call/` wants them.
async fn placing(service: &Service, token: &str, lead: &str) -> Value {
    let leads = service
        .get(&format!("/api/v1/lead/?query={lead}"), token)
        .await;
    let numbers = service.get("/api/v1/phone_number/", token).await;
    json!({
        "local_phone_id": numbers["data"][0]["id"],
        "lead_id": leads["data"][0]["id"],
    })
}

#[tokio::test]
async fn a_call_is_placed_answered_coached_and_hung_up_over_the_published_interfaces() {
    let mut service = Service::start().await;
    let riley = service.sign_in_as("riley@demo.example", "native").await;
    let rep = text(&riley["access_token"]);
    let coach = service.token_of("morgan@demo.example").await;
    let sam = service.token_of("sam@demo.example").await;
    let (mut rep_socket, _) = service.welcomed(&rep).await;
    let (mut coach_socket, _) = service.welcomed(&coach).await;

    let body = placing(&service, &rep, "Globex").await;
    let (status, call) = service
        .post("/api/v1/activity/call/", Some(&rep), body)
        .await;
    assert_eq!(status, 201, "{call}");
    assert_eq!(call["status"], "created");
    assert_eq!(call["user_id"], riley["user_id"]);
    assert_eq!(call["remote_phone"], "+15557000100");
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    let on_call = |event: &Value| {
        let lines = event["user"]["availability"].as_array().unwrap();
        event["user"]["user_id"] == riley["user_id"]
            && lines
                .iter()
                .any(|line| line["active_calls"][0]["id"] == call["id"])
    };
    let event = coach_socket
        .event_where("availability_changed", on_call)
        .await;
    assert!(is_online(&event["event"]["user"], "native"));
    for socket in [&mut rep_socket, &mut coach_socket] {
        socket
            .event_where("call_changed", |event| {
                event["call"]["status"] == "in-progress"
            })
            .await;
    }
    let list = service
        .get("/api/v1/activity/call/?active=true", &coach)
        .await;
    assert_eq!(list["data"][0]["joinability"], json!({"joinable": true}));
    let seen = service.get(&path, &sam).await;
    assert_eq!(seen["joinability"]["code"], "permission_required");

    let join = format!("{path}coach_leg/");
    let (status, refused) = service.post(&join, Some(&sam), json!({})).await;
    assert_eq!(
        (status.as_u16(), code(&refused)),
        (403, "permission_required")
    );
    let (status, refused) = service.post(&join, Some(&rep), json!({})).await;
    assert_eq!((status.as_u16(), code(&refused)), (403, "own_call"));
    let (status, leg) = service.post(&join, Some(&coach), json!({})).await;
    assert_eq!(status, 201, "{leg}");
    assert_eq!(
        (&leg["mode"], &leg["status"]),
        (&json!("listen"), &json!("connecting"))
    );
    let event = rep_socket.event("coach_leg_changed").await;
    assert_eq!(event["event"]["coach_leg"]["id"], leg["id"]);
    // Garbage for an offer is refused, and harms nothing.
    let media = format!("{path}media/");
    for (sdp, status) in [("garbage".to_owned(), 400), ("v=0\r\n".repeat(4000), 413)] {
        let (answered, body) = service
            .post(&media, Some(&coach), json!({"sdp": sdp}))
            .await;
        assert_eq!(answered.as_u16(), status, "{body}");
    }
    // What others see of it: Sam may not listen, so not who does.
    assert_eq!(service.get(&path, &sam).await["coach_legs"], json!([]));
    let seen = service.get(&path, &rep).await;
    assert_eq!(seen["coach_legs"][0]["id"], leg["id"]);

    let (status, _) = service.ask(Method::DELETE, &join, Some(&coach), None).await;
    assert_eq!(status, 204);
    let (status, over) = service
        .post(&format!("{path}hangup/"), Some(&rep), json!({}))
        .await;
    assert_eq!(status, 200, "{over}");
    assert_eq!(over["status"], "completed");
    coach_socket
        .event_where("call_changed", |event| {
            event["call"]["status"] == "completed"
        })
        .await;
    let (status, refused) = service.post(&join, Some(&coach), json!({})).await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "call_ended"));

    // It is kept: after a restart it is there, with who coached.
    service.restart_with(|_| {}).await;
    let kept = service.get(&path, &rep).await;
    assert_eq!(kept["status"], "completed");
    assert_eq!(kept["coach_legs"][0]["id"], leg["id"]);
    assert_eq!(kept["coach_legs"][0]["end_reason"], "left");
    service.stop().await;
}

#[tokio::test]
async fn the_others_on_a_call_are_told_whose_microphone_does_not_work() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    let coach = service.token_of("morgan@demo.example").await;
    let sam = service.token_of("sam@demo.example").await;
    let (mut rep_socket, _) = service.welcomed(&rep).await;
    let body = placing(&service, &rep, "Globex").await;
    let placed = service.post("/api/v1/activity/call/", Some(&rep), body);
    let (_, call) = placed.await;
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    let answered = rep_socket.event_where("call_changed", |event| {
        event["call"]["status"] == "in-progress"
    });
    answered.await;
    let join = format!("{path}coach_leg/");
    let (status, leg) = service.post(&join, Some(&coach), json!({})).await;
    assert_eq!(status, 201, "{leg}");
    assert_eq!(leg["microphone_trouble"], json!(false));

    let microphone = format!("{path}microphone/");
    for trouble in [true, false] {
        let said = json!({ "trouble": trouble });
        let asked = service.ask(Method::PUT, &microphone, Some(&coach), Some(&said));
        let (status, call) = asked.await;
        assert_eq!(status, 200, "{call}");
        assert_eq!(call["coach_legs"][0]["microphone_trouble"], json!(trouble));
        let told = rep_socket.event_where("coach_leg_changed", |event| {
            event["coach_leg"]["microphone_trouble"] == json!(trouble)
        });
        told.await;
    }
    // Neither by somebody else, nor for a rep's leg without sound.
    let trouble = json!({"trouble": true});
    for (token, status) in [(&sam, 404), (&rep, 409)] {
        let asked = service.ask(Method::PUT, &microphone, Some(token), Some(&trouble));
        let (answered, body) = asked.await;
        assert_eq!(answered, status, "{body}");
    }
    assert_eq!(
        service.get(&path, &rep).await["microphone_trouble"],
        json!(false)
    );
    service.stop().await;
}

#[tokio::test]
async fn a3_a_call_is_not_there_for_another_organization() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    let other = service.token_of("other@other.example").await;
    let (mut other_socket, _) = service.welcomed(&other).await;
    other_socket.event("availability_changed").await;
    let body = placing(&service, &rep, "Globex").await;
    let (status, call) = service
        .post("/api/v1/activity/call/", Some(&rep), body.clone())
        .await;
    assert_eq!(status, 201, "{call}");
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    for (method, rest, body) in [
        (Method::GET, "", None),
        (Method::POST, "hangup/", None),
        (Method::PUT, "hold/", Some(json!({"held": true}))),
        (Method::PUT, "mute/", Some(json!({"muted": true}))),
        (Method::PUT, "microphone/", Some(json!({"trouble": true}))),
        (Method::POST, "dtmf/", Some(json!({"digits": "1"}))),
        (Method::POST, "coach_leg/", Some(json!({}))),
        (Method::DELETE, "coach_leg/", None),
        (
            Method::PUT,
            "coach_leg/mode/",
            Some(json!({"mode": "listen"})),
        ),
        (Method::POST, "media/", Some(json!({"sdp": "v=0"}))),
        (Method::GET, "invitation_target/", None),
    ] {
        let path = format!("{path}{rest}");
        let (status, body) = service
            .ask(method.clone(), &path, Some(&other), body.as_ref())
            .await;
        assert_eq!(status, 404, "{method} {path}: {body}");
        assert_eq!(code(&body), "not_found");
    }
    // Nor can it be called with the other organization's lead or number.
    let (status, refused) = service
        .post("/api/v1/activity/call/", Some(&other), body)
        .await;
    assert_eq!((status.as_u16(), code(&refused)), (404, "not_found"));
    let list = service.get("/api/v1/activity/call/", &other).await;
    assert_eq!(list["data"], json!([]));
    let told = other_socket.heartbeat().await;
    assert!(told.is_empty(), "the other organization was told {told:?}");
    service.stop().await;
}

#[tokio::test]
async fn w3_who_is_invited_is_online_with_the_desktop_app_and_gets_the_invitation() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    let (mut rep_socket, _) = service.welcomed(&rep).await;
    let mut users = BTreeMap::new();
    let mut sockets = BTreeMap::new();
    for (person, client_type) in [("morgan", "native"), ("casey", "web"), ("sam", "native")] {
        let tokens = service
            .sign_in_as(&format!("{person}@demo.example"), client_type)
            .await;
        let token = text(&tokens["access_token"]);
        sockets.insert(person, service.welcomed(&token).await.0);
        users.insert(person, (tokens["user_id"].clone(), token));
    }
    let body = placing(&service, &rep, "Globex").await;
    let (_, call) = service
        .post("/api/v1/activity/call/", Some(&rep), body)
        .await;
    rep_socket
        .event_where("call_changed", |event| {
            event["call"]["status"] == "in-progress"
        })
        .await;
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    let targets = service
        .get(&format!("{path}invitation_target/"), &rep)
        .await;
    let shown: BTreeMap<String, bool> = targets["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| {
            let joinable = target["joinability"]["joinable"].as_bool().unwrap();
            (text(&target["user_id"]), joinable)
        })
        .collect();
    let expected = BTreeMap::from([
        (text(&users["morgan"].0), true),
        // Sam may not listen: shown, but not to be invited. Casey is there with a browser only.
        (text(&users["sam"].0), false),
    ]);
    assert_eq!(shown, expected);
    let invite = |person: &str| json!({"user_ids": [users[person].0]});
    let path = format!("{path}invitation/");
    let (status, refused) = service.post(&path, Some(&rep), invite("casey")).await;
    assert_eq!((status.as_u16(), code(&refused)), (409, "user_offline"));
    let (status, refused) = service.post(&path, Some(&rep), invite("sam")).await;
    assert_eq!(
        (status.as_u16(), code(&refused)),
        (403, "permission_required")
    );
    let (status, invited) = service.post(&path, Some(&rep), invite("morgan")).await;
    assert_eq!(status, 201, "{invited}");
    let morgan = sockets.get_mut("morgan").unwrap();
    let event = morgan.event("invitation_changed").await;
    assert_eq!(event["event"]["invitation"]["id"], invited["data"][0]["id"]);
    let open = service.get("/api/v1/invitation/", &users["morgan"].1).await;
    assert_eq!(open["data"], invited["data"]);
    let decline = format!(
        "/api/v1/invitation/{}/decline/",
        text(&invited["data"][0]["id"])
    );
    let (status, _) = service
        .post(&decline, Some(&users["sam"].1), json!({}))
        .await;
    assert_eq!(status, 404);
    let (status, declined) = service
        .post(&decline, Some(&users["morgan"].1), json!({}))
        .await;
    assert_eq!(
        (status.as_u16(), &declined["status"]),
        (200, &json!("declined"))
    );
    rep_socket
        .event_where("invitation_changed", |event| {
            event["invitation"]["status"] == "declined"
        })
        .await;
    service.stop().await;
}

#[tokio::test]
async fn a2_a_permission_that_is_taken_away_puts_the_coach_out_of_the_call_at_once() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let rep = service.token_of("riley@demo.example").await;
    let coach = service.token_of("taylor@demo.example").await;
    let (mut rep_socket, _) = service.welcomed(&rep).await;
    let (mut coach_socket, _) = service.welcomed(&coach).await;
    let body = placing(&service, &rep, "Globex").await;
    let (_, call) = service
        .post("/api/v1/activity/call/", Some(&rep), body)
        .await;
    rep_socket
        .event_where("call_changed", |event| {
            event["call"]["status"] == "in-progress"
        })
        .await;
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    let (status, _) = service
        .post(&format!("{path}coach_leg/"), Some(&coach), json!({}))
        .await;
    assert_eq!(status, 201);
    // A trainee may listen, and no more.
    let (status, refused) = service
        .ask(
            Method::PUT,
            &format!("{path}coach_leg/mode/"),
            Some(&coach),
            Some(&json!({"mode": "whisper"})),
        )
        .await;
    assert_eq!(
        (status.as_u16(), code(&refused)),
        (403, "permission_required")
    );

    let roles = service.get("/api/v1/role/", &admin).await;
    let user = roles["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|role| role["name"] == "User")
        .unwrap();
    let me = service.get("/api/v1/me/", &coach).await;
    let (status, _) = service
        .ask(
            Method::PATCH,
            &format!("/api/v1/membership/{}/", text(&me["membership"]["id"])),
            Some(&admin),
            Some(&json!({"role_id": user["id"]})),
        )
        .await;
    assert_eq!(status, 200);
    let event = coach_socket
        .event_where("coach_leg_changed", |event| {
            event["coach_leg"]["status"] == "done"
        })
        .await;
    assert_eq!(
        event["event"]["coach_leg"]["end_reason"],
        "permission_revoked"
    );
    let seen = service.get(&path, &rep).await;
    assert_eq!(seen["status"], "in-progress", "the rep's call is untouched");
    service.stop().await;
}

#[tokio::test]
async fn calls_end_and_are_told_so_when_the_service_stops() {
    let mut service = Service::start().await;
    let rep = service.token_of("riley@demo.example").await;
    let (mut socket, _) = service.welcomed(&rep).await;
    let body = placing(&service, &rep, "Globex").await;
    let (_, call) = service
        .post("/api/v1/activity/call/", Some(&rep), body)
        .await;
    socket
        .event_where("call_changed", |event| {
            event["call"]["status"] == "in-progress"
        })
        .await;
    let hear = async {
        let event = socket
            .event_where("call_changed", |event| {
                event["call"]["status"] == "completed"
            })
            .await;
        assert_eq!(event["event"]["call"]["hangup_cause"], "service_stopped");
        let mut last = Value::Null;
        loop {
            let message = socket.next().await;
            if message.is_null() {
                break;
            }
            last = message;
        }
        assert_eq!(last["type"], "going_away");
    };
    tokio::join!(service.stop(), hear);
    service.restart_with(|_| {}).await;
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    let kept = service.get(&path, &rep).await;
    assert_eq!(kept["status"], "completed");
    service.stop().await;
}

#[tokio::test]
async fn with_a_full_store_a_call_goes_on_and_another_is_not_placed() {
    // How far a store on PostgreSQL may grow is the server's business.
    if store::testing::is_postgres() {
        return;
    }
    let mut service = Service::start_with(service::Config {
        data_bytes_max: 600 * 1024,
        ..config()
    })
    .await;
    let rep = service.token_of("riley@demo.example").await;
    let coach = service.token_of("morgan@demo.example").await;
    let (mut socket, _) = service.welcomed(&rep).await;
    let body = placing(&service, &rep, "Globex").await;
    let (_, call) = service
        .post("/api/v1/activity/call/", Some(&rep), body.clone())
        .await;
    socket
        .event_where("call_changed", |event| {
            event["call"]["status"] == "in-progress"
        })
        .await;
    let mut refused = None;
    for _ in 0..3000 {
        let (status, answer) = service
            .post("/api/v1/activity/call/", Some(&rep), body.clone())
            .await;
        if status != 201 {
            refused = Some((status.as_u16(), answer));
            break;
        }
        let path = format!("/api/v1/activity/call/{}/hangup/", text(&answer["id"]));
        service.post(&path, Some(&rep), json!({})).await;
    }
    let (status, answer) = refused.expect("the store became full");
    assert_eq!((status, code(&answer)), (503, "unavailable"));
    // The first call is untouched: it is joined, and coached.
    let path = format!("/api/v1/activity/call/{}/", text(&call["id"]));
    let (status, leg) = service
        .post(&format!("{path}coach_leg/"), Some(&coach), json!({}))
        .await;
    assert_eq!(status, 201, "{leg}");
    assert_eq!(service.get(&path, &rep).await["status"], "in-progress");
    socket.heartbeat().await;
    let (status, ready) = service.ask(Method::GET, "/ready", None, None).await;
    assert_eq!((status.as_u16(), &ready["ready"]), (503, &json!(false)));
    let (status, _) = service.ask(Method::GET, "/health", None, None).await;
    assert_eq!(status, 200);
    // With room again it is as before, and what was left of the call is closed.
    service
        .restart_with(|config| config.data_bytes_max = 0)
        .await;
    let (status, _) = service.ask(Method::GET, "/ready", None, None).await;
    assert_eq!(status, 200);
    assert_eq!(service.get(&path, &rep).await["status"], "completed");
    service.stop().await;
}
