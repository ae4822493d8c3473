//! The WebSocket: hello, events in their order, resuming, presence, and clients that misbehave.
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
use std::time::Duration;
use support::{PATIENCE, Service, Socket, config, is_online, text};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;

/// Changes the plan, which is an event to everybody of the organization.
async fn change_plan(service: &Service, admin: &str, plan: &str) {
    let me = service.get("/api/v1/me/", admin).await;
    let path = format!("/api/v1/organization/{}/", text(&me["organization"]["id"]));
    let (status, body) = service
        .ask(
            Method::PATCH,
            &path,
            Some(admin),
            Some(&json!({"plan": plan})),
        )
        .await;
    assert_eq!(status, 200, "{body}");
}

/// Every other one, so that each event differs from the one before.
fn plan(turn: usize) -> &'static str {
    if turn.is_multiple_of(2) {
        "startup"
    } else {
        "enterprise"
    }
}

async fn resume(service: &Service, token: &str, stream: &Value, after: u64) -> (Socket, Value) {
    let mut socket = service.socket().await;
    socket
        .say(&json!({
            "type": "hello", "access_token": token, "stream_id": stream, "after_seq": after
        }))
        .await;
    let welcome = socket.next().await;
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    (socket, welcome)
}

#[tokio::test]
async fn who_comes_back_gets_exactly_what_was_missed() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut socket, welcome) = service.welcomed(&riley).await;
    assert_eq!(welcome["resumed"], false);
    change_plan(&service, &admin, "startup").await;
    let seen = socket.event("me_changed").await["seq"].as_u64().unwrap();
    socket.close().await;
    for turn in 1..=5 {
        change_plan(&service, &admin, plan(turn)).await;
    }
    let (mut socket, again) = resume(&service, &riley, &welcome["stream_id"], seen).await;
    assert_eq!(again["resumed"], true);
    assert_eq!(again["stream_id"], welcome["stream_id"]);
    let mut plans = Vec::new();
    let mut expected_seq = seen + 1;
    while plans.len() < 5 {
        let message = socket.next().await;
        assert_eq!(message["seq"], expected_seq, "{message}");
        expected_seq += 1;
        if message["event"]["type"] == "me_changed" {
            plans.push(text(&message["event"]["me"]["organization"]["plan"]));
        }
    }
    assert_eq!(plans, (1..=5).map(plan).collect::<Vec<_>>());
    // And goes on without a gap.
    change_plan(&service, &admin, "professional").await;
    loop {
        let message = socket.next().await;
        assert_eq!(message["seq"], expected_seq, "{message}");
        expected_seq += 1;
        if message["event"]["type"] == "me_changed" {
            break;
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn what_is_not_held_any_more_is_not_resumed_and_neither_is_another_stream() {
    let mut service = Service::start_with(Config {
        stream_events_max: 4,
        ..config()
    })
    .await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (socket, welcome) = service.welcomed(&riley).await;
    socket.close().await;
    for turn in 0..10 {
        change_plan(&service, &admin, plan(turn)).await;
    }
    let stream = &welcome["stream_id"];
    let (_first, again) = resume(&service, &riley, stream, 0).await;
    assert_eq!(again["resumed"], false);
    assert_eq!(&again["stream_id"], stream);
    let seq = again["seq"].as_u64().unwrap();
    assert!(seq >= 10, "{again}");
    let (_second, again) = resume(&service, &riley, stream, seq).await;
    assert_eq!(again["resumed"], true);
    for (stream, after) in [(json!("another"), seq), (stream.clone(), seq + 1000)] {
        let (_socket, again) = resume(&service, &riley, &stream, after).await;
        assert_eq!(again["resumed"], false, "{stream} {after}");
    }
    // After a restart it is another stream.
    service.restart_with(|_| {}).await;
    let (_socket, again) = resume(&service, &riley, stream, seq).await;
    assert_eq!(again["resumed"], false);
    assert_ne!(&again["stream_id"], stream);
    service.stop().await;
}

#[tokio::test]
async fn a_user_is_online_with_a_type_of_client_while_any_device_of_it_is() {
    let mut service = Service::start().await;
    let morgan = service.token_of("morgan@demo.example").await;
    let first = service.sign_in_as("riley@demo.example", "native").await;
    let second = service.sign_in_as("riley@demo.example", "native").await;
    let browser = service.sign_in_as("riley@demo.example", "web").await;
    let riley = &first["user_id"];
    let token = |tokens: &Value| text(&tokens["access_token"]);
    let (mut watcher, _) = service.welcomed(&morgan).await;
    let of_riley = |event: &Value| &event["user"]["user_id"] == riley;

    let (first_socket, _) = service.welcomed(&token(&first)).await;
    let event = watcher.event_where("availability_changed", of_riley).await;
    assert!(is_online(&event["event"]["user"], "native"));
    assert!(!is_online(&event["event"]["user"], "web"));
    // The second device of the type changes nothing, and neither does the end of the first.
    let (second_socket, _) = service.welcomed(&token(&second)).await;
    first_socket.close().await;
    let (_browser_socket, _) = service.welcomed(&token(&browser)).await;
    let event = watcher.event_where("availability_changed", of_riley).await;
    assert!(is_online(&event["event"]["user"], "native"));
    assert!(is_online(&event["event"]["user"], "web"));
    second_socket.close().await;
    let event = watcher.event_where("availability_changed", of_riley).await;
    assert!(!is_online(&event["event"]["user"], "native"));
    assert!(is_online(&event["event"]["user"], "web"));
    // HTTP says the same.
    let all = service.get("/api/v1/user/availability/", &morgan).await;
    let line = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|line| &line["user_id"] == riley)
        .unwrap();
    assert_eq!(line, &event["event"]["user"]);
    service.stop().await;
}

#[tokio::test]
async fn a3_the_presence_of_another_organization_is_not_told() {
    let mut service = Service::start().await;
    let other = service.token_of("other@other.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut watcher, _) = service.welcomed(&other).await;
    let own = watcher.event("availability_changed").await;
    let (socket, _) = service.welcomed(&riley).await;
    socket.close().await;
    let (second, _) = service.welcomed(&riley).await;
    second.close().await;
    let told = watcher.heartbeat().await;
    assert!(told.is_empty(), "after its own {own} it was told {told:?}");
    service.stop().await;
}

#[tokio::test]
async fn a_device_that_is_silent_is_offline() {
    let mut service = Service::start_with(Config {
        heartbeat_timeout_ms: 700,
        ..config()
    })
    .await;
    let morgan = service.token_of("morgan@demo.example").await;
    let tokens = service.sign_in_as("riley@demo.example", "native").await;
    let riley = &tokens["user_id"];
    let (mut watcher, _) = service.welcomed(&morgan).await;
    let (mut silent, _) = service.welcomed(&text(&tokens["access_token"])).await;
    let mut online = None;
    let mut every = tokio::time::interval(Duration::from_millis(200));
    // The watcher lives on its heartbeats, as a client does.
    while online != Some(false) {
        every.tick().await;
        for message in watcher.heartbeat().await {
            let user = &message["event"]["user"];
            if &user["user_id"] == riley {
                online = Some(is_online(user, "native"));
            }
        }
    }
    while !silent.next().await.is_null() {}
    service.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_nobody_else_waits() {
    let mut service = Service::start_with(Config {
        socket_queue_max: 8,
        // The one who reads says nothing for as long as a slow machine takes for many turns.
        heartbeat_timeout_ms: 600_000,
        ..config()
    })
    .await;
    let admin = service.token_of("admin@demo.example").await;
    let morgan = service.token_of("morgan@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut reader, _) = service.welcomed(&morgan).await;

    // A small window, so that what is not read backs up soon.
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(2048).unwrap();
    let address = service.base.trim_start_matches("http://").parse().unwrap();
    let tcp = tcp.connect(address).await.unwrap();
    let url = format!("ws://{address}/api/v1/socket/");
    let (mut stuck, _) = tokio_tungstenite::client_async(url, tcp).await.unwrap();
    let hello = json!({"type": "hello", "access_token": riley}).to_string();
    futures_util::SinkExt::send(&mut stuck, Message::text(hello))
        .await
        .unwrap();

    let mut turns = 0;
    loop {
        change_plan(&service, &admin, plan(turns)).await;
        // The one who reads has each of them before the next is made.
        let event = reader.event("me_changed").await;
        assert_eq!(event["event"]["me"]["organization"]["plan"], plan(turns));
        turns += 1;
        assert!(turns < 20_000, "it was never closed");
        if turns.is_multiple_of(50) {
            let (_, page) = service.ask(Method::GET, "/metrics", None, None).await;
            let page = page.as_str().unwrap();
            if page.contains("call_coaching_sockets_slow_total 1\n") {
                assert!(page.contains("call_coaching_sockets 1\n"), "{page}");
                break;
            }
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn an_unknown_or_malformed_message_is_refused_and_the_socket_goes_on() {
    let mut service = Service::start().await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut socket, _) = service.welcomed(&riley).await;
    let too_long = format!(r#"{{"type":"heartbeat","x":"{}"}}"#, "x".repeat(17 * 1024));
    for message in [
        Message::text(r#"{"type":"grant_me_everything"}"#),
        Message::text("{"),
        Message::text(r#"{"type":"heartbeat","more":1}"#),
        Message::text(r#"{"type":"hello","access_token":"x"}"#),
        Message::text(r#"["heartbeat"]"#),
        Message::text(r#"["hello",["x"]]"#),
        Message::binary(vec![0, 159, 146, 150]),
        Message::text(too_long),
    ] {
        socket.say_raw(message).await;
        let answer = loop {
            let answer = socket.next().await;
            if answer["type"] != "event" {
                break answer;
            }
        };
        assert_eq!(answer["type"], "error", "{answer}");
        assert_eq!(answer["code"], "invalid_request");
    }
    assert!(socket.heartbeat().await.is_empty());
    // Who goes on with it is closed.
    for _ in 0..10 {
        socket.say_raw(Message::text("?")).await;
    }
    while !socket.next().await.is_null() {}

    let (mut socket, _) = service.welcomed(&riley).await;
    socket.say_raw(Message::text("x".repeat(1024 * 1024))).await;
    let mut refused = false;
    loop {
        let message = socket.next().await;
        if message.is_null() {
            break;
        }
        refused |= message["code"] == "invalid_request";
    }
    assert!(refused, "a message that is far too long gets a last word");
    service.stop().await;
}

#[tokio::test]
async fn without_a_good_hello_nobody_is_let_in() {
    let mut service = Service::start_with(Config {
        hello_timeout_ms: 300,
        ..config()
    })
    .await;
    for (first, expected) in [
        (Some(json!({"type": "heartbeat"})), "invalid_request"),
        (Some(json!({"type": "hello"})), "invalid_request"),
        (
            Some(json!({"type": "hello", "access_token": "x"})),
            "unauthenticated",
        ),
        (None, "invalid_request"),
    ] {
        let mut socket = service.socket().await;
        if let Some(first) = first {
            socket.say(&first).await;
        }
        let answer = socket.next().await;
        assert_eq!(answer["type"], "error", "{answer}");
        assert_eq!(answer["code"], expected);
        assert!(socket.next().await.is_null());
    }
    let (_, page) = service.ask(Method::GET, "/metrics", None, None).await;
    assert!(page.as_str().unwrap().contains("call_coaching_sockets 0\n"));
    service.stop().await;
}

#[tokio::test]
async fn every_message_is_as_the_published_schema_says() {
    let mut service = Service::start().await;
    let (status, schema) = service
        .ask(Method::GET, "/api/events.schema.json", None, None)
        .await;
    assert_eq!(status, 200);
    let side = |name: &str| {
        let schema = json!({"$ref": format!("#/$defs/{name}"), "$defs": schema["$defs"]});
        jsonschema::validator_for(&schema).unwrap()
    };
    let (from_service, from_client) = (side("ServerMessage"), side("ClientMessage"));
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let mut socket = service.socket().await;
    let hello = json!({"type": "hello", "access_token": riley});
    let heartbeat = json!({"type": "heartbeat"});
    for message in [&hello, &heartbeat] {
        assert!(from_client.is_valid(message), "{message}");
        socket.say(message).await;
    }
    socket.say_raw(Message::text("?")).await;
    change_plan(&service, &admin, "startup").await;
    let mut kinds = Vec::new();
    while !kinds.iter().any(|kind| kind == "me_changed") {
        let message = socket.next().await;
        from_service
            .validate(&message)
            .unwrap_or_else(|error| panic!("{message}: {error}"));
        let kind = &message["event"]["type"];
        kinds.push(text(if kind.is_null() {
            &message["type"]
        } else {
            kind
        }));
    }
    for kind in ["welcome", "heartbeat_ack", "error", "availability_changed"] {
        assert!(kinds.iter().any(|seen| seen == kind), "{kind} in {kinds:?}");
    }
    for wrong in [
        json!({"type": "heartbeat", "more": 1}),
        json!({"type": "grant"}),
        json!({"type": "hello"}),
    ] {
        assert!(!from_client.is_valid(&wrong), "{wrong}");
    }
    assert!(!from_service.is_valid(&json!({"type": "welcome", "seq": 1})));
    service.stop().await;
}

#[tokio::test]
async fn who_is_connected_is_told_that_the_service_stops() {
    let mut service = Service::start().await;
    let mut sockets = Vec::new();
    for person in ["riley", "morgan", "sam"] {
        let token = service.token_of(&format!("{person}@demo.example")).await;
        sockets.push(service.welcomed(&token).await.0);
    }
    let unheard = service.socket().await;
    let stop = tokio::time::timeout(PATIENCE, service.stop());
    let hear = async {
        for socket in &mut sockets {
            let mut last = Value::Null;
            loop {
                let message = socket.next().await;
                if message.is_null() {
                    break;
                }
                last = message;
            }
            assert_eq!(last["type"], "going_away");
        }
    };
    let (stopped, ()) = tokio::join!(stop, hear);
    stopped.unwrap();
    drop(unheard);
}
