//! Who may do what: every operation and every message, as everybody there is (A1 to A3).
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
use std::collections::{BTreeMap, BTreeSet};
use support::{Service, code, text};

/// How a request was met, as far as access goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// Not refused for who asked.
    Ok,
    /// 403.
    No,
    /// 404: there is no such thing, for who asked.
    Gone,
    /// 401: who are you?
    Who,
}
use Met::{Gone, No, Ok, Who};

/// Nobody, deactivated, an admin of another organization, a role with no permission, a trainee, a
/// manager, an admin, and the rep of the call, whose role is User. In this order they ask: what an
/// admin deletes is there for those before.
const PEOPLE: [&str; 8] = [
    "nobody",
    "deactivated",
    "other",
    "none",
    "trainee",
    "manager",
    "admin",
    "rep",
];
type Row = [Met; 8];

/// Shows a code that is none.
const REFUSED: Row = [Who, Who, No, No, No, No, No, No];
/// Shows nothing of the asker's organization that the asker may not see.
const MEMBERS: Row = [Who, Who, Ok, Ok, Ok, Ok, Ok, Ok];
/// The same, of one thing.
const OF_OURS: Row = [Who, Who, Gone, Ok, Ok, Ok, Ok, Ok];
/// Those who manage the organization.
const MANAGE: Row = [Who, Who, Ok, No, No, No, Ok, No];
/// The same, of one thing.
const MANAGE_OURS: Row = [Who, Who, Gone, No, No, No, Ok, No];
/// Only the rep, on their own call.
const REP: Row = [Who, Who, Gone, No, No, No, No, Ok];
/// The rep's own, which nobody else can tell from nothing.
const OWN: Row = [Who, Who, Gone, Gone, Gone, Gone, Gone, Ok];
/// The rep, on their own call, and those who manage the organization.
const OF_REP: Row = [Who, Who, Gone, No, No, No, Ok, Ok];
/// Coaches who listen; the rep cannot coach.
const LISTEN: Row = [Who, Who, Gone, No, Ok, Ok, Ok, No];
/// Those who are on the call as its coaches.
const COACHES: Row = [Who, Who, Gone, Gone, Ok, Ok, Ok, Gone];
/// Coaches who whisper.
const WHISPER: Row = [Who, Who, Gone, Gone, No, Ok, Ok, Gone];
/// Those on the call.
const PARTIES: Row = [Who, Who, Gone, Gone, Ok, Ok, Ok, Ok];
/// Nobody's, as it is in this test.
const ABSENT: Row = [Who, Who, Gone, Gone, Gone, Gone, Gone, Gone];
/// Whoever asks shows something else than a token, which is not good here.
const SHOWN: Row = [Who; 8];

/// Every operation, in the order in which it is tried, with how everybody is met.
const TABLE: &[(&str, Row)] = &[
    ("POST /api/v1/auth/sign_in/", SHOWN),
    ("POST /api/v1/auth/second_factor/", SHOWN),
    ("POST /api/v1/auth/second_factor/set_up/", SHOWN),
    ("POST /api/v1/auth/second_factor/confirm/", SHOWN),
    ("POST /api/v1/auth/refresh/", SHOWN),
    ("POST /api/v1/auth/sign_out/", SHOWN),
    ("POST /api/v1/auth/invite/", [Gone; 8]),
    ("POST /api/v1/auth/accept_invite/", [Gone; 8]),
    ("POST /api/v1/setup/look_up/", [Gone; 8]),
    ("POST /api/v1/setup/", [Gone; 8]),
    ("POST /api/v1/auth/reset/", [Gone; 8]),
    ("POST /api/v1/auth/reset_password/", [Gone; 8]),
    ("POST /api/v1/auth/forgot/", [Ok; 8]),
    ("POST /api/v1/auth/confirm_email/", [Gone; 8]),
    ("GET /api/v1/auth/options/", [Ok; 8]),
    ("GET /api/v1/me/", MEMBERS),
    ("PATCH /api/v1/me/", MEMBERS),
    ("GET /api/v1/me/sign_in/", MEMBERS),
    ("POST /api/v1/me/sign_out/", MEMBERS),
    ("GET /api/v1/me/second_factor/", MEMBERS),
    ("POST /api/v1/me/second_factor/recovery_codes/", MEMBERS),
    ("POST /api/v1/me/second_factor/remove/", MEMBERS),
    ("POST /api/v1/me/second_factor/set_up/", MEMBERS),
    ("POST /api/v1/me/second_factor/confirm/", REFUSED),
    ("POST /api/v1/me/email/", MEMBERS),
    ("POST /api/v1/me/password/", MEMBERS),
    ("GET /api/v1/user/", MEMBERS),
    ("GET /api/v1/user/availability/", MEMBERS),
    ("GET /api/v1/user/{id}/", OF_OURS),
    ("GET /api/v1/role/", MEMBERS),
    ("GET /api/v1/group/", MEMBERS),
    ("GET /api/v1/lead/", MEMBERS),
    ("GET /api/v1/lead/{id}/", OF_OURS),
    ("POST /api/v1/lead/", MEMBERS),
    ("PUT /api/v1/lead/{id}/", OF_OURS),
    ("GET /api/v1/status/lead/", MEMBERS),
    ("GET /api/v1/contact/", MEMBERS),
    ("GET /api/v1/phone_number/", MEMBERS),
    ("GET /api/v1/plan/", MEMBERS),
    ("GET /api/v1/outcome/", MEMBERS),
    ("GET /api/v1/invitation/", MEMBERS),
    ("POST /api/v1/invitation/{id}/decline/", ABSENT),
    ("GET /api/v1/membership/", MANAGE),
    ("GET /api/v1/member_invite/", MANAGE),
    ("POST /api/v1/member_invite/", MANAGE_OURS),
    ("GET /api/v1/audit/", MANAGE),
    ("GET /api/v1/audit/csv/", MANAGE),
    ("GET /api/v1/organization/export/", MANAGE),
    ("GET /api/v1/usage/", MANAGE),
    ("GET /api/v1/usage/balance/", MANAGE),
    ("GET /api/v1/usage/ledger/", MANAGE),
    ("GET /api/v1/usage/csv/", MANAGE),
    ("POST /api/v1/usage/top_up/", MANAGE),
    ("POST /api/v1/role/", MANAGE),
    ("POST /api/v1/group/", MANAGE_OURS),
    ("POST /api/v1/phone_number/", MANAGE_OURS),
    ("POST /api/v1/outcome/", MANAGE),
    ("POST /api/v1/status/lead/", MANAGE),
    ("PUT /api/v1/status/lead/{id}/", MANAGE_OURS),
    ("POST /api/v1/lead/merge/", MANAGE_OURS),
    ("PUT /api/v1/role/{id}/", MANAGE_OURS),
    ("PUT /api/v1/group/{id}/", MANAGE_OURS),
    ("PUT /api/v1/phone_number/{id}/", MANAGE_OURS),
    ("PUT /api/v1/outcome/{id}/", MANAGE_OURS),
    ("PATCH /api/v1/membership/{id}/", MANAGE_OURS),
    ("POST /api/v1/membership/{id}/password_reset/", MANAGE_OURS),
    ("DELETE /api/v1/membership/{id}/second_factor/", MANAGE_OURS),
    ("PATCH /api/v1/organization/{id}/", MANAGE_OURS),
    ("GET /api/v1/import/", MANAGE),
    ("POST /api/v1/import/", MANAGE),
    ("GET /api/v1/import/template/", MANAGE),
    ("GET /api/v1/lead/csv/", MANAGE),
    ("GET /api/v1/import/{id}/", MANAGE_OURS),
    ("POST /api/v1/import/{id}/part/", MANAGE_OURS),
    ("POST /api/v1/import/{id}/preview/", MANAGE_OURS),
    ("GET /api/v1/import/{id}/line/", MANAGE_OURS),
    ("POST /api/v1/import/{id}/start/", MANAGE_OURS),
    ("POST /api/v1/import/{id}/cancel/", MANAGE_OURS),
    ("POST /api/v1/import/{id}/undo/", MANAGE_OURS),
    ("GET /api/v1/activity/call/", MEMBERS),
    ("GET /api/v1/phone_lookup/", MEMBERS),
    ("POST /api/v1/activity/call/", OF_OURS),
    ("GET /api/v1/activity/call/{id}/", OF_OURS),
    ("PUT /api/v1/activity/call/{id}/", OF_REP),
    ("POST /api/v1/activity/call/{id}/answer/", REP),
    ("POST /api/v1/demo/inbound_call/", OF_OURS),
    ("POST /api/v1/activity/call/{id}/coach_leg/", LISTEN),
    ("PUT /api/v1/activity/call/{id}/coach_leg/mode/", WHISPER),
    ("POST /api/v1/activity/call/{id}/media/", PARTIES),
    ("PUT /api/v1/activity/call/{id}/mute/", PARTIES),
    ("PUT /api/v1/activity/call/{id}/microphone/", PARTIES),
    ("PUT /api/v1/activity/call/{id}/hold/", REP),
    ("POST /api/v1/activity/call/{id}/dtmf/", REP),
    ("GET /api/v1/activity/call/{id}/invitation_target/", REP),
    ("POST /api/v1/activity/call/{id}/invitation/", REP),
    ("PUT /api/v1/activity/call/{id}/recording/", REP),
    ("GET /api/v1/activity/call/{id}/recording/", OF_OURS),
    ("GET /api/v1/activity/call/{id}/recording/peaks/", ABSENT),
    ("DELETE /api/v1/activity/call/{id}/recording/", MANAGE_OURS),
    ("DELETE /api/v1/activity/call/{id}/coach_leg/", COACHES),
    ("DELETE /api/v1/lead/{id}/", MANAGE_OURS),
    ("POST /api/v1/activity/call/{id}/hangup/", REP),
    ("DELETE /api/v1/status/lead/{id}/", MANAGE_OURS),
    ("DELETE /api/v1/member_invite/{id}/", MANAGE_OURS),
    ("DELETE /api/v1/outcome/{id}/", MANAGE_OURS),
    ("DELETE /api/v1/me/sign_in/{id}/", OWN),
    ("DELETE /api/v1/role/{id}/", MANAGE_OURS),
    ("DELETE /api/v1/group/{id}/", MANAGE_OURS),
    ("DELETE /api/v1/phone_number/{id}/", MANAGE_OURS),
];

/// The organization that everybody asks about, with one of each thing.
struct World {
    service: Service,
    tokens: BTreeMap<&'static str, String>,
    /// By what stands before `{id}` in a path.
    ids: BTreeMap<&'static str, String>,
    /// A member who can be changed and invited without harm.
    someone: String,
}

async fn made(service: &Service, admin: &str, path: &str, body: Value) -> Value {
    let (status, made) = service.post(path, Some(admin), body).await;
    assert_eq!(status, 201, "POST {path}: {made}");
    made
}

async fn world() -> World {
    let service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let me = service.get("/api/v1/me/", &admin).await;
    let nothing = json!({"name": "Nothing", "permissions": []});
    let nothing = made(&service, &admin, "/api/v1/role/", nothing).await;
    let role = json!({"name": "Ours", "permissions": ["call_coach_listen"]});
    let role = made(&service, &admin, "/api/v1/role/", role).await;
    let group = json!({"name": "Ours", "members": []});
    let group = made(&service, &admin, "/api/v1/group/", group).await;
    service.assign(&admin, &["+15559990"]).await;
    let number = json!({"number": "+15559990", "label": "Ours", "type": "internal"});
    let number = made(&service, &admin, "/api/v1/phone_number/", number).await;
    let outcome = json!({"name": "Ours"});
    let outcome = made(&service, &admin, "/api/v1/outcome/", outcome).await;
    let invite = json!({"role_id": role["id"], "expires_in_hours": 1});
    let invite = made(&service, &admin, "/api/v1/member_invite/", invite).await;

    let import = json!({"file_name": "leads.csv", "bytes": 10});
    let import = made(&service, &admin, "/api/v1/import/", import).await;

    let mut tokens = BTreeMap::from([("nobody", String::new())]);
    for (name, email) in [
        ("deactivated", "casey@demo.example"),
        ("other", "other@other.example"),
        ("none", "sam@demo.example"),
        ("trainee", "taylor@demo.example"),
        ("manager", "morgan@demo.example"),
        ("rep", "riley@demo.example"),
    ] {
        tokens.insert(name, service.token_of(email).await);
    }
    // Each of those who manage an organization may add one number.
    for (who, token) in [("other", &tokens["other"]), ("admin", &admin)] {
        let at = PEOPLE.iter().position(|one| *one == who).unwrap();
        service.assign(token, &[&format!("+1555888{at}")]).await;
    }
    let members = service.get("/api/v1/membership/", &admin).await;
    let member = |email: &str| {
        let members = members["data"].as_array().unwrap().iter();
        let mut of = members.filter(|member| member["user"]["email"] == email);
        of.next().unwrap().clone()
    };
    for (email, change) in [
        ("sam@demo.example", json!({"role_id": nothing["id"]})),
        ("casey@demo.example", json!({"active": false})),
    ] {
        let path = format!(
            "/api/v1/membership/{}/",
            text(&member(email)["membership_id"])
        );
        let (status, body) = service
            .ask(Method::PATCH, &path, Some(&admin), Some(&change))
            .await;
        assert_eq!(status, 200, "{body}");
    }
    let status = json!({"label": "Ours"});
    let status = made(&service, &admin, "/api/v1/status/lead/", status).await;
    let (mut socket, _) = service.welcomed(&tokens["rep"]).await;
    let leads = service.get("/api/v1/lead/?query=Globex", &admin).await;
    let numbers = service.get("/api/v1/phone_number/", &admin).await;
    let lead = text(&leads["data"][0]["id"]);
    let place = json!({"local_phone_id": numbers["data"][0]["id"], "lead_id": lead});
    let call = made(&service, &tokens["rep"], "/api/v1/activity/call/", place).await;
    socket
        .event_where("call_changed", |event| {
            event["call"]["status"] == "in-progress"
        })
        .await;
    let jordan = member("jordan@demo.example");
    let elsewhere = service.sign_in_as("riley@demo.example", "web").await;
    let ids = BTreeMap::from([
        ("user", text(&me["user"]["id"])),
        ("lead", lead),
        ("status", text(&status["id"])),
        ("call", text(&call["id"])),
        ("role", text(&role["id"])),
        ("group", text(&group["id"])),
        ("outcome", text(&outcome["id"])),
        ("phone_number", text(&number["id"])),
        ("member_invite", text(&invite["invite"]["id"])),
        ("membership", text(&jordan["membership_id"])),
        ("organization", text(&me["organization"]["id"])),
        ("import", text(&import["id"])),
        ("invitation", "invi_unknown".to_owned()),
        ("sign_in", text(&elsewhere["device_id"])),
    ]);
    tokens.insert("admin", admin);
    World {
        service,
        tokens,
        ids,
        someone: text(&jordan["user"]["id"]),
    }
}

impl World {
    fn path(&self, template: &str) -> String {
        let mut kind = "";
        let pieces = template.split('/').map(|piece| {
            if piece == "{id}" {
                self.ids[kind].clone()
            } else {
                // `status/lead/` has statuses.
                if kind != "status" {
                    kind = self.ids.keys().find(|key| **key == piece).unwrap_or(&"");
                }
                piece.to_owned()
            }
        });
        pieces.collect::<Vec<_>>().join("/")
    }

    /// A body that would do, were the asker allowed. What is made has a name of its own for each.
    fn body(&self, operation: &str, who: usize) -> Option<Value> {
        let (role, group) = (&self.ids["role"], &self.ids["group"]);
        let name = format!("Of {}", PEOPLE[who]);
        let (_, path) = operation.split_once("/api/v1/").unwrap();
        let tail = path.rsplit("{id}/").next().unwrap();
        Some(match (operation.split_once(' ').unwrap().0, path, tail) {
            ("GET" | "DELETE", ..) => return None,
            (_, "auth/sign_in/", _) => json!({"email": format!("{who}@nobody.example"),
                "password": "not the password", "client_type": "native"}),
            (_, "auth/refresh/" | "auth/sign_out/", _) => json!({"refresh_token": "no.token"}),
            (_, "auth/invite/" | "setup/look_up/", _) => json!({"token": "none"}),
            (_, "setup/", _) => json!({"token": "none", "organization_name": "New Ltd",
                "country": "DE", "time_zone": "Europe/Berlin", "first_name": "New",
                "last_name": "", "email": "new@new.example", "password": "long enough it is"}),
            (_, "auth/accept_invite/", _) => {
                json!({"token": "none", "password": "long enough it is",
                "email": "new@demo.example", "first_name": "New", "last_name": "",
                "client_type": "native"})
            }
            (_, "auth/reset/", _) => json!({"token": "none"}),
            (_, "auth/reset_password/", _) => {
                json!({"token": "none", "password": "long enough it is"})
            }
            (_, "auth/forgot/", _) => json!({"email": format!("{who}@nobody.example")}),
            (_, "auth/confirm_email/", _) => json!({"token": "none"}),
            (_, "me/", _) => json!({"first_name": name}),
            (_, "me/email/", _) => json!({"email": format!("{who}@new.example"),
                "password": "demo-password"}),
            (_, "me/password/", _) => json!({"old_password": "demo-password",
                "new_password": format!("correct horse battery staple {who}")}),
            (_, "me/sign_out/", _) => json!({}),
            (_, "auth/second_factor/" | "auth/second_factor/confirm/", _) => {
                json!({"ticket": "none", "code": "123456"})
            }
            (_, "auth/second_factor/set_up/", _) => json!({"ticket": "none"}),
            (_, "me/second_factor/confirm/", _) => json!({"code": "no code"}),
            (
                _,
                "me/second_factor/set_up/"
                | "me/second_factor/remove/"
                | "me/second_factor/recovery_codes/",
                _,
            ) => json!({"password": "demo-password"}),
            (_, "member_invite/", _) => json!({"role_id": role, "expires_in_hours": 1}),
            (_, "usage/top_up/", _) => json!({"micro_dollars": 1, "request_id": format!("r{who}")}),
            (_, "lead/" | "lead/{id}/", _) => json!({"name": "Globex"}),
            (_, "lead/merge/", _) => {
                json!({"source": self.ids["lead"], "destination": self.ids["lead"]})
            }
            ("POST", "status/lead/", _) => json!({"label": name}),
            (_, "status/lead/{id}/", _) => json!({"label": "Ours again"}),
            ("POST", "role/", _) => json!({"name": name, "permissions": []}),
            ("PUT", "role/{id}/", _) => json!({"name": "Ours again", "permissions": []}),
            (_, "group/" | "group/{id}/", _) => json!({"name": name, "members": [self.someone]}),
            (_, "outcome/" | "outcome/{id}/", _) => json!({"name": name}),
            ("PUT", "activity/call/{id}/", _) => json!({"note": "Ours"}),
            ("POST", "phone_number/", _) => json!({"number": format!("+1555888{who}"),
                "label": name, "type": "internal", "user_ids": [self.someone]}),
            (_, "phone_number/{id}/", _) => {
                json!({"number": "+15559990", "label": "Ours again", "type": "internal"})
            }
            (_, "membership/{id}/", _) => json!({"recording": "inherit"}),
            (_, "organization/{id}/", _) => json!({"name": "Acme Sales"}),
            (_, "activity/call/" | "demo/inbound_call/", _) => {
                json!({"local_phone_id": self.ids["phone_number"], "lead_id": self.ids["lead"]})
            }
            (_, _, "coach_leg/mode/") => json!({"mode": "whisper"}),
            (_, _, "media/") => json!({"sdp": "garbage"}),
            (_, _, "mute/") => json!({"muted": true}),
            (_, _, "microphone/") => json!({"trouble": false}),
            (_, _, "hold/") => json!({"held": false}),
            (_, _, "dtmf/") => json!({"digits": "1"}),
            (_, _, "invitation/") => json!({"user_ids": [self.someone]}),
            (_, _, "recording/") => json!({"paused": false}),
            (_, "import/", _) => json!({"file_name": "leads.csv", "bytes": 10}),
            (_, _, "preview/" | "start/" | "cancel/" | "undo/") => json!({}),
            (_, _, "coach_leg/" | "hangup/" | "decline/" | "answer/" | "password_reset/") => {
                json!({})
            }
            _ => panic!("{operation} has no body; group {group}"),
        })
    }

    async fn ask(&self, operation: &str, who: usize) -> (Met, String) {
        let (method, template) = operation.split_once(' ').unwrap();
        let token = &self.tokens[PEOPLE[who]];
        let token = (!token.is_empty()).then_some(token.as_str());
        let mut path = self.path(template);
        if path.ends_with("/phone_lookup/") {
            path.push_str("?number=2125550100");
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (status, answer) = if operation.ends_with("/part/") {
            let part = b"Company\nA\n".to_vec();
            self.service
                .upload(&format!("{path}?offset=0"), token, part)
                .await
        } else {
            let body = self.body(operation, who);
            let asked = self.service.ask(method, &path, token, body.as_ref());
            asked.await
        };
        assert!(!status.is_server_error(), "{operation}: {status} {answer}");
        let met = match status.as_u16() {
            401 => Who,
            403 => No,
            404 | 410 => Gone,
            400 if code(&answer) == "invalid_request" && body_must_do(operation) => {
                panic!("{operation}: the test's body is wrong: {answer}")
            }
            _ => Ok,
        };
        (met, format!("{status} {answer}"))
    }
}

/// Whether an invalid request says that the test is wrong: an offer is garbage on purpose.
fn body_must_do(operation: &str) -> bool {
    !operation.ends_with("/media/")
}

#[tokio::test]
async fn a1_a3_every_operation_is_met_as_the_table_says_by_everybody() {
    let mut world = world().await;
    let (_, document) = world
        .service
        .ask(Method::GET, "/api/openapi.json", None, None)
        .await;
    let mut listed = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            listed.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let expected: BTreeSet<String> = TABLE.iter().map(|(line, _)| (*line).to_owned()).collect();
    assert_eq!(
        listed, expected,
        "an operation without a line, or a line without an operation"
    );

    let mut wrong = Vec::new();
    for (operation, row) in TABLE {
        for (who, expected) in row.iter().enumerate() {
            let (met, answer) = world.ask(operation, who).await;
            if met != *expected {
                let name = PEOPLE[who];
                wrong.push(format!(
                    "{operation} as {name}: {met:?}, not {expected:?}: {answer}"
                ));
            }
            if PEOPLE[who] == "other" {
                for id in world.ids.values().chain([&world.someone]) {
                    if answer.contains(id.as_str()) {
                        wrong.push(format!("{operation} shows {id} to another organization"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.service.stop().await;
}

#[tokio::test]
async fn a1_a3_every_message_of_the_socket_is_met_as_the_table_says_by_everybody() {
    let mut world = world().await;
    // `hello` with the token, then `heartbeat`, then `hello` again.
    for (who, welcome) in [
        ("nobody", false),
        ("deactivated", false),
        ("other", true),
        ("none", true),
        ("trainee", true),
        ("manager", true),
        ("admin", true),
        ("rep", true),
    ] {
        let mut early = world.service.socket().await;
        early.say(&json!({"type": "heartbeat"})).await;
        assert_eq!(early.next().await["code"], "invalid_request", "{who}");
        assert!(early.next().await.is_null(), "{who}");
        let mut socket = world.service.socket().await;
        let hello = json!({"type": "hello", "access_token": world.tokens[who]});
        socket.say(&hello).await;
        let answer = socket.next().await;
        if !welcome {
            assert_eq!(answer["code"], "unauthenticated", "{who}: {answer}");
            assert!(socket.next().await.is_null(), "{who}");
            continue;
        }
        assert_eq!(answer["type"], "welcome", "{who}: {answer}");
        for event in socket.heartbeat().await {
            let event = event.to_string();
            let ours = world.ids.values().any(|id| event.contains(id.as_str()));
            assert!(who != "other" || !ours, "{event}");
        }
        socket.say(&hello).await;
        let again = socket.next().await;
        if again["type"] != "event" {
            assert_eq!(again["code"], "invalid_request", "{who}: {again}");
        }
        socket.close().await;
    }
    world.service.stop().await;
}

#[tokio::test]
async fn a1_what_anybody_may_see_names_nobody() {
    let mut world = world().await;
    for path in [
        "/health",
        "/ready",
        "/metrics",
        "/api/openapi.json",
        "/api/events.schema.json",
        "/api/docs/",
    ] {
        let (status, body) = world.service.ask(Method::GET, path, None, None).await;
        assert_eq!(status, 200, "{path}");
        let body = body.to_string();
        for id in world.ids.values().filter(|id| !id.ends_with("unknown")) {
            assert!(!body.contains(id.as_str()), "{path} shows {id}");
        }
    }
    world.service.stop().await;
}
