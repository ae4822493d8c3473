//! A session against a small service: sign-in, tokens, events, going on after a break.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::fake;

use std::time::Duration;

use client::audio::{Discard, Silence};
use client::{
    Api, ClientError, Connection, Devices, Notice, Session, SessionEvent, Settings, SignedOutReason,
};
use fake::{Connected, Fake};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};
use wire::{
    CallId, CallQuery, ClientType, Code, Event, LeadQuery, ListQuery, ServerMessage, SignInRequest,
    Timestamp, route,
};

const LIMIT: Duration = Duration::from_secs(30);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("waited too long for {what}"))
}

fn welcome(seq: u64, resumed: bool) -> ServerMessage {
    ServerMessage::Welcome {
        stream_id: "stream-1".into(),
        seq,
        resumed,
        now: Timestamp(0),
        reconnect_ms: 30_000,
    }
}

fn availability(seq: u64, user: &str) -> ServerMessage {
    let user = json!({"user_id": user, "availability": []});
    ServerMessage::Event {
        seq,
        event: Box::new(Event::AvailabilityChanged {
            user: serde_json::from_value(user).unwrap(),
        }),
    }
}

async fn online() -> (Fake, mpsc::Receiver<Connected>, Session, Connected) {
    let (fake, mut sockets) = Fake::start().await;
    let session = Session::start(Settings::new(&fake.url)).unwrap();
    session.sign_in("me@demo.example", "right").await.unwrap();
    let socket = within("a WebSocket", sockets.recv()).await.unwrap();
    socket.say(welcome(7, false)).await;
    within(
        "the state",
        session.wait_until(|view| view.connection == Connection::Online && view.me.is_some()),
    )
    .await
    .unwrap();
    (fake, sockets, session, socket)
}

async fn notice(events: &mut broadcast::Receiver<SessionEvent>, is: impl Fn(&Notice) -> bool) {
    within("a notice", async {
        loop {
            if let SessionEvent::Notice(notice) = events.recv().await.unwrap()
                && is(&notice)
            {
                return;
            }
        }
    })
    .await;
}

async fn signed_in() -> (Fake, Api) {
    let (fake, _sockets) = Fake::start().await;
    let api = Api::new(&fake.url).unwrap();
    let request = SignInRequest {
        email: "me@demo.example".into(),
        password: "right".into(),
        client_type: ClientType::Native,
        device_name: None,
    };
    api.sign_in(&request).await.unwrap();
    (fake, api)
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_its_code() {
    let (fake, _sockets) = Fake::start().await;
    let session = Session::start(Settings::new(&fake.url)).unwrap();
    let error = session
        .sign_in("me@demo.example", "wrong")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(Code::Unauthenticated));
    assert_eq!(session.view().connection, Connection::SignedOut);
}

#[tokio::test]
async fn an_access_token_that_ended_is_renewed_once_for_many_requests() {
    let (fake, api) = signed_in().await;
    fake.forget_tokens();
    let (users, calls) = (ListQuery::default(), CallQuery::default());
    let (a, b, c) = tokio::join!(
        api.call(&route::ME, &(), &()),
        api.list(&route::LIST_USERS, &users),
        api.list(&route::LIST_CALLS, &calls)
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(fake.seen.lock().unwrap().refreshes, 1);
}

fn leads(count: usize) -> Vec<Value> {
    let lead = |at: usize| {
        json!({"id": format!("lead_{at}"), "display_name": format!("Lead {at}"), "description": "",
               "status_id": null, "status_label": null, "owner_id": null, "contacts": [],
               "date_created": "2026-01-01T00:00:00Z", "date_updated": "2026-01-01T00:00:00Z"})
    };
    (0..count).map(lead).collect()
}

#[tokio::test]
async fn a_list_is_read_to_its_end_with_cursors_and_without() {
    let (fake, api) = signed_in().await;
    for has_cursors in [true, false] {
        let list = (leads(450), has_cursors);
        fake.seen
            .lock()
            .unwrap()
            .lists
            .insert("lead/".to_owned(), list);
        let everything = LeadQuery::default();
        let all = api.list(&route::LIST_LEADS, &everything);
        let all = within("the list", all).await.unwrap();
        let ids: Vec<&str> = all.iter().map(|lead| lead.id.as_str()).collect();
        assert_eq!((ids.len(), ids[0], ids[449]), (450, "lead_0", "lead_449"));
        assert_eq!(
            fake.seen.lock().unwrap().requests.len(),
            3,
            "200 items a page"
        );
        fake.seen.lock().unwrap().requests.clear();
    }
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error() {
    let (fake, api) = signed_in().await;
    let page = json!({"data": [], "has_more": true});
    fake.answer("lead/", 200, page);
    let error = api.list(&route::LIST_LEADS, &LeadQuery::default()).await;
    assert!(matches!(error, Err(ClientError::Protocol(_))));
    fake.seen
        .lock()
        .unwrap()
        .lists
        .insert("lead/".to_owned(), (leads(20_300), true));
    let error = api.list(&route::LIST_LEADS, &LeadQuery::default()).await;
    assert!(matches!(error, Err(ClientError::Protocol(_))));
}

#[tokio::test]
async fn the_window_asks_the_routes_that_it_may_and_no_others() {
    let (fake, api) = signed_in().await;
    let list = (leads(450), true);
    fake.seen
        .lock()
        .unwrap()
        .lists
        .insert("lead/".to_owned(), list);
    let query = json!({"query": "Lead", "_limit": 50, "_cursor": "100"});
    let page = api
        .call_for_window("LIST_LEADS", None, query)
        .await
        .unwrap();
    assert_eq!(page["data"].as_array().map(Vec::len), Some(50));
    assert_eq!(
        (&page["data"][0]["id"], &page["cursor"]),
        (&json!("lead_100"), &json!("150"))
    );
    let role = json!({"id": "role_1", "name": "Peer", "permissions": [], "built_in": false});
    fake.answer("role/role_1/", 200, role.clone());
    let input = json!({"name": "Peer", "permissions": []});
    let changed = api.call_for_window("CHANGE_ROLE", Some("role_1"), input.clone());
    assert_eq!(changed.await.unwrap(), role);

    let asked = fake.seen.lock().unwrap().requests.len();
    let sign_in = json!({"email": "me@demo.example", "password": "x", "client_type": "native"});
    for (name, input) in [
        ("SIGN_IN", sign_in),
        ("REFRESH", json!({"refresh_token": "refresh-1"})),
        ("OFFER_MEDIA", json!({"sdp": ""})),
        ("HEALTH", Value::Null),
        ("EXPORT_ORGANIZATION", Value::Null),
        (
            "CREATE_MEMBER_INVITE",
            json!({"role_id": "role_1", "expires_in_hours": 1}),
        ),
        ("no such route", Value::Null),
        ("", Value::Null),
    ] {
        let error = api.call_for_window(name, None, input).await.unwrap_err();
        assert_eq!(error.code(), Some(Code::NotFound), "{name}");
    }
    for id in [
        None,
        Some(""),
        Some("lead_1"),
        Some("role_../me"),
        Some("role_%2e"),
        Some("role_a b"),
    ] {
        let refused = api.call_for_window("CHANGE_ROLE", id, input.clone()).await;
        let code = refused.unwrap_err().code();
        assert_eq!(code, Some(Code::InvalidRequest), "{id:?}");
    }
    for input in [
        Value::Null,
        json!({"name": 1}),
        json!({"name": "x", "permissions": [], "and": 1}),
    ] {
        let refused = api
            .call_for_window("CHANGE_ROLE", Some("role_1"), input)
            .await;
        assert_eq!(refused.unwrap_err().code(), Some(Code::InvalidRequest));
    }
    let refused = api
        .call_for_window("LIST_PLANS", Some("plan_1"), Value::Null)
        .await;
    assert_eq!(refused.unwrap_err().code(), Some(Code::InvalidRequest));
    assert_eq!(
        fake.seen.lock().unwrap().requests.len(),
        asked,
        "nothing of it was sent"
    );
}

#[tokio::test]
async fn a_sign_in_that_is_over_is_an_error_and_not_a_loop() {
    let (fake, api) = signed_in().await;
    fake.forget_tokens();
    fake.seen.lock().unwrap().tokens_made += 1;
    let error = api.call(&route::ME, &(), &()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::Unauthenticated));
    let seen = fake.seen.lock().unwrap();
    assert_eq!((seen.refreshes, seen.requests.len()), (1, 1));
}

#[tokio::test]
async fn the_services_code_and_sentence_come_through() {
    let (fake, api) = signed_in().await;
    let body = json!({"error": {"code": "call_full", "message": "100 are in"}});
    fake.answer("activity/call/acti_1/coach_leg/", 409, body);
    let call = CallId::parse("acti_1").unwrap();
    match api
        .call(&route::JOIN, &call, &wire::JoinRequest::default())
        .await
    {
        Err(ClientError::Refused { code, message, .. }) => {
            assert_eq!((code, message.as_str()), (Code::CallFull, "100 are in"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_not_documented_is_an_error_and_not_a_panic() {
    let (fake, api) = signed_in().await;
    for (status, body) in [
        (200, json!([])),
        (500, json!("oops")),
        (404, json!({"error": 1})),
    ] {
        fake.answer("me/", status, body);
        assert!(matches!(
            api.call(&route::ME, &(), &()).await,
            Err(ClientError::Protocol(_))
        ));
    }
    for server in ["", "ftp://x", "http://", "localhost:80", "http://[::"] {
        assert!(
            matches!(Api::new(server), Err(ClientError::Settings(_))),
            "{server}"
        );
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_apart() {
    // A port that was just free.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let api = Api::new(&url).unwrap();
    assert!(matches!(
        api.call(&route::ME, &(), &()).await,
        Err(ClientError::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_broken_websocket_goes_on_after_the_last_event() {
    let (fake, mut sockets, session, socket) = online().await;
    assert_eq!(socket.hello.stream_id, None);
    socket.say(availability(8, "user_a")).await;
    within(
        "the event",
        session.wait_until(|view| view.availability.len() == 1),
    )
    .await
    .unwrap();
    let read_before = fake.seen.lock().unwrap().requests.len();
    drop(socket);
    let socket = within("the next WebSocket", sockets.recv()).await.unwrap();
    assert_eq!(socket.hello.stream_id.as_deref(), Some("stream-1"));
    assert_eq!(socket.hello.after_seq, Some(8));
    socket.say(welcome(9, true)).await;
    socket.say(availability(9, "user_b")).await;
    within(
        "the event that was missed",
        session.wait_until(|view| view.availability.len() == 2),
    )
    .await
    .unwrap();
    let read_after = fake.seen.lock().unwrap().requests.len();
    assert_eq!(read_after, read_before, "nothing needs to be read anew");

    // And when the service no longer holds what was missed, all is read anew.
    drop(socket);
    let socket = within("the third WebSocket", sockets.recv()).await.unwrap();
    assert_eq!(socket.hello.after_seq, Some(9));
    socket.say(welcome(100, false)).await;
    within(
        "the state read anew",
        session.wait_until(|view| view.availability.is_empty()),
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn a_websocket_that_refuses_the_token_is_tried_with_a_new_one() {
    let (fake, mut sockets, session, socket) = online().await;
    let code = Code::Unauthenticated;
    let message = "the access token ended".into();
    socket.say(ServerMessage::Error { code, message }).await;
    let mut events = session.events();
    drop(socket);
    let socket = within("the next WebSocket", sockets.recv()).await.unwrap();
    assert_eq!(socket.hello.access_token, "access-2");
    assert_eq!(fake.seen.lock().unwrap().refreshes, 1);
    socket.say(welcome(7, true)).await;
    notice(&mut events, |n| {
        *n == Notice::Connection(Connection::Online)
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_that_ended_meanwhile_signs_out() {
    let (fake, _sockets, session, socket) = online().await;
    let mut events = session.events();
    fake.forget_tokens();
    fake.seen.lock().unwrap().tokens_made += 1;
    let code = Code::Unauthenticated;
    let message = "the access token ended".into();
    socket.say(ServerMessage::Error { code, message }).await;
    drop(socket);
    let expired = Notice::SignedOut(SignedOutReason::Expired);
    notice(&mut events, |notice| *notice == expired).await;
}

#[tokio::test]
async fn signing_out_closes_the_websocket() {
    let (fake, _sockets, session, mut socket) = online().await;
    session.sign_out().await.unwrap();
    assert!(within("the close", socket.says.recv()).await.is_none());
    let seen = fake.seen.lock().unwrap();
    assert_eq!(seen.requests.last().unwrap(), "auth/sign_out/");
    assert_eq!(session.view().user_id, None);
}

#[tokio::test]
async fn a_join_that_is_refused_lets_go_of_the_devices_and_may_be_tried_again() {
    let (fake, _sockets, session, _socket) = online().await;
    let call = CallId::parse("acti_1").unwrap();
    for _ in 0..2 {
        let body = json!({"error": {"code": "permission_required", "message": "no"}});
        fake.answer("activity/call/acti_1/coach_leg/", 403, body);
        let devices = Devices::new(Silence::default(), Discard::default());
        let error = session.join(call.clone(), None, devices).await.unwrap_err();
        assert_eq!(error.code(), Some(Code::PermissionRequired));
    }
}

#[tokio::test]
async fn o3_a_refresh_whose_answer_gets_lost_is_sent_again_and_nobody_is_signed_out() {
    let (fake, mut sockets, session, socket) = online().await;
    fake.seen.lock().unwrap().lost_refreshes = 2;
    let code = Code::Unauthenticated;
    let message = "the access token ended".into();
    socket.say(ServerMessage::Error { code, message }).await;
    drop(socket);
    let socket = within("the next WebSocket", sockets.recv()).await.unwrap();
    assert_eq!(socket.hello.access_token, "access-2");
    assert_eq!(fake.seen.lock().unwrap().refreshes, 3);
    assert!(session.view().user_id.is_some());
}
