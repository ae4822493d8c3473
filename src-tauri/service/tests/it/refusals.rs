//! What isn't documented is refused: forms of bodies, bounds of queries, devices, clients, origins.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::Config;
use support::{Service, Socket, code, config, text};

/// The OpenAPI document, as a program reads it that knows nothing else.
struct Document(Value);

impl Document {
    async fn of(service: &Service) -> Self {
        let asked = service.ask(Method::GET, "/api/openapi.json", None, None);
        Self(asked.await.1)
    }

    fn operations(&self) -> Vec<(Method, String, &Value)> {
        let mut all = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let method = method.to_uppercase().parse().unwrap();
                all.push((method, path.clone(), operation));
            }
        }
        all
    }

    /// The schema itself, and the name it goes by. Of several, the first that isn't null.
    fn resolve<'a>(&'a self, schema: &'a Value) -> (&'a Value, &'a str) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap();
            return (&self.0["components"]["schemas"][name], name);
        }
        for several in ["oneOf", "anyOf", "allOf"] {
            let some = schema[several].as_array();
            if let Some(first) = some.and_then(|all| all.iter().find(|one| one["type"] != "null")) {
                return self.resolve(first);
            }
        }
        (schema, "")
    }

    /// Something that the schema allows: with all properties, or with those that it requires.
    fn sample(&self, property: &str, schema: &Value, whole: bool) -> Value {
        let (schema, name) = self.resolve(schema);
        if let Some(id) = id(name) {
            return id.into();
        }
        if let Some(first) = schema["enum"].get(0) {
            return first.clone();
        }
        match type_of(schema) {
            "object" => {
                let properties = schema["properties"].as_object().unwrap();
                let required = schema["required"].as_array();
                let wanted = |name: &str| {
                    whole || required.is_some_and(|all| all.iter().any(|one| one == name))
                };
                let fields = properties.iter().filter(|(name, _)| wanted(name));
                let fields = fields.map(|(name, schema)| {
                    let value = self.sample(name, schema, whole);
                    (name.clone(), value)
                });
                Value::Object(fields.collect())
            }
            "array" => json!([self.sample(property, &schema["items"], whole)]),
            "boolean" => json!(true),
            "integer" => json!(schema["minimum"].as_f64().unwrap_or(1.0).max(1.0) as i64),
            _ => match property {
                "email" => json!("nobody@demo.example"),
                "number" => json!("+15550009"),
                "digits" => json!("1"),
                "country" => json!("US"),
                "time_zone" => json!("UTC"),
                _ => json!("x".repeat(schema["minLength"].as_u64().unwrap_or(1) as usize)),
            },
        }
    }

    /// What the schema of an object doesn't allow, one thing at a time. `bounds` says whether lengths and
    /// ranges are meant as well.
    fn violations(&self, schema: &Value, bounds: bool) -> Vec<(String, Value)> {
        let (schema, _) = self.resolve(schema);
        let whole = self.sample("", schema, true);
        let values: Vec<&Value> = whole.as_object().unwrap().values().collect();
        let mut all = vec![
            ("an empty array".to_owned(), json!([])),
            ("an array of its values".to_owned(), json!(values)),
            ("null".to_owned(), Value::Null),
            ("text".to_owned(), json!("text")),
            ("a number".to_owned(), json!(1)),
            (
                "an unknown field".to_owned(),
                with(&whole, "unknown", json!(1)),
            ),
        ];
        for (name, property) in schema["properties"].as_object().unwrap() {
            let (property, _) = self.resolve(property);
            let sample = &whole[name];
            let mut wrong = match sample {
                Value::String(text) if property["enum"].is_array() => {
                    vec![
                        json!({ text.as_str(): null }),
                        json!("unknown"),
                        json!([text]),
                    ]
                }
                Value::String(text) => vec![json!(7), json!([text]), json!({ "x": text })],
                Value::Number(number) => vec![json!(number.to_string()), json!([number])],
                Value::Bool(_) => vec![json!(1), json!("true")],
                Value::Array(_) => vec![json!({}), json!("x")],
                Value::Object(inner) => {
                    let values: Vec<&Value> = inner.values().collect();
                    let more = with(sample, "unknown", json!(1));
                    vec![json!(values), json!([]), more]
                }
                Value::Null => vec![],
            };
            if bounds {
                wrong.extend(beyond(property, sample));
            }
            for value in wrong {
                let what = format!("{name}: {}", brief(&value));
                all.push((what, with(&whole, name, value)));
            }
        }
        all
    }
}

/// Values just beyond the schema's bounds.
fn beyond(schema: &Value, sample: &Value) -> Vec<Value> {
    let bound = |name: &str| schema[name].as_f64().map(|bound| bound as i64);
    let text = |length: i64| json!("x".repeat(length as usize));
    let items = |length: i64| json!(vec![sample[0].clone(); length as usize]);
    let number = |bound: i64| json!(bound);
    let mut all: Vec<Option<Value>> = vec![
        bound("minLength")
            .filter(|min| *min > 0)
            .map(|min| text(min - 1)),
        bound("maxLength").map(|max| text(max + 1)),
        bound("minItems")
            .filter(|min| *min > 0)
            .map(|min| items(min - 1)),
        bound("maxItems").map(|max| items(max + 1)),
    ];
    if sample.is_number() {
        all.push(bound("minimum").map(|min| number(min - 1)));
        all.push(bound("maximum").map(|max| number(max + 1)));
    }
    all.into_iter().flatten().collect()
}

fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::Array(several) => several
            .iter()
            .filter_map(Value::as_str)
            .find(|one| *one != "null")
            .unwrap(),
        one => one.as_str().unwrap_or("string"),
    }
}

/// An id of nothing, of the kind with this name.
fn id(schema: &str) -> Option<String> {
    let prefix = match schema {
        "UserId" => wire::UserId::PREFIX,
        "RoleId" => wire::RoleId::PREFIX,
        "GroupId" => wire::GroupId::PREFIX,
        "LeadId" => wire::LeadId::PREFIX,
        "LeadStatusId" => wire::LeadStatusId::PREFIX,
        "ContactId" => wire::ContactId::PREFIX,
        "PhoneNumberId" => wire::PhoneNumberId::PREFIX,
        "CallId" => wire::CallId::PREFIX,
        "InvitationId" => wire::InvitationId::PREFIX,
        "MemberInviteId" => wire::MemberInviteId::PREFIX,
        "MembershipId" => wire::MembershipId::PREFIX,
        "OrganizationId" => wire::OrganizationId::PREFIX,
        "ImportId" => wire::ImportId::PREFIX,
        "OutcomeId" => wire::OutcomeId::PREFIX,
        "DeviceId" => wire::DeviceId::PREFIX,
        _ => return None,
    };
    Some(format!("{prefix}none"))
}

fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.as_object().cloned().unwrap_or_default();
    object.insert(name.to_owned(), value);
    Value::Object(object)
}

fn brief(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

/// The path with an id of nothing in it.
fn path_of(document: &Document, path: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array();
    let id_schema = parameters
        .and_then(|all| all.iter().find(|parameter| parameter["in"] == "path"))
        .map(|parameter| document.resolve(&parameter["schema"]).1);
    match id_schema {
        Some(name) => path.replace("{id}", &id(name).unwrap_or_else(|| panic!("{name}"))),
        None => path.to_owned(),
    }
}

#[tokio::test]
async fn a_body_of_another_form_than_documented_is_refused_everywhere() {
    let mut service = Service::start().await;
    let document = Document::of(&service).await;
    let admin = service.token_of("admin@demo.example").await;
    let (mut bodies, mut refused) = (0, 0);
    for (method, path, operation) in document.operations() {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue;
        }
        bodies += 1;
        let url = path_of(&document, &path, operation);
        let ask = |body: Value| {
            let (service, method, url, admin) = (&service, method.clone(), url.clone(), &admin);
            async move { service.ask(method, &url, Some(admin), Some(&body)).await }
        };
        // What is documented isn't refused for its form.
        let good = document.sample("", schema, false);
        let (status, answer) = ask(good.clone()).await;
        assert_ne!(status, 400, "{method} {path} {good}: {answer}");
        let documented = &operation["responses"][status.as_str()];
        assert!(documented.is_object(), "{method} {path}: {status}");
        // Where a thing is named, it is looked up before its new values are.
        let bounds = !path.contains("{id}");
        for (what, body) in document.violations(schema, bounds) {
            let (status, answer) = ask(body).await;
            let place = format!("{method} {path} with {what}");
            assert_eq!(status, 400, "{place}: {answer}");
            assert_eq!(code(&answer), "invalid_request", "{place}: {answer}");
            refused += 1;
        }
    }
    assert!(
        bodies > 20 && refused > 200,
        "{bodies} bodies, {refused} refused"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_query_beyond_its_documented_bounds_is_refused_everywhere() {
    let mut service = Service::start().await;
    let document = Document::of(&service).await;
    let admin = service.token_of("admin@demo.example").await;
    let mut refused = 0;
    for (method, path, operation) in document.operations() {
        let parameters = operation["parameters"].as_array().cloned();
        for parameter in parameters.unwrap_or_default() {
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            let (schema, id_of) = document.resolve(&parameter["schema"]);
            let url = path_of(&document, &path, operation);
            let mut wrong = Vec::new();
            let mut right = Vec::new();
            match type_of(schema) {
                "integer" => {
                    let bound = |which: &str| schema[which].as_f64().unwrap() as i64;
                    let (min, max) = (bound("minimum"), bound("maximum"));
                    right = vec![min.to_string(), max.to_string()];
                    wrong = vec![(min - 1).to_string(), (max + 1).to_string()];
                    wrong.push(u64::MAX.to_string());
                    wrong.extend(["x".into(), "1.5".into(), String::new()]);
                }
                "boolean" => wrong.push("maybe".into()),
                _ if id(id_of).is_some() || schema["enum"].is_array() => wrong.push("x".into()),
                _ if schema["format"] == "date-time" => wrong.push("yesterday".into()),
                _ => {
                    let max = schema["maxLength"].as_u64();
                    let max = max.unwrap_or_else(|| panic!("{path} {name} has no bound")) as usize;
                    wrong.push("x".repeat(max + 1));
                    match name {
                        // A cursor is one that the service made.
                        "_cursor" => {}
                        "number" => right.push("2125550100".into()),
                        _ => right.push("é".repeat(max)),
                    }
                }
            }
            for value in right {
                let url = format!("{url}?{name}={value}");
                let asked = service.ask(method.clone(), &url, Some(&admin), None);
                let (status, answer) = asked.await;
                // What the path names is looked up once the query is right.
                let expected = if path.contains("{id}") { 404 } else { 200 };
                assert_eq!(status, expected, "{method} {url}: {answer}");
            }
            for value in wrong {
                let url = format!("{url}?{name}={value}");
                let asked = service.ask(method.clone(), &url, Some(&admin), None);
                let (status, answer) = asked.await;
                assert_eq!(status, 400, "{method} {url}: {answer}");
                assert_eq!(code(&answer), "invalid_request");
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "{refused}");
    service.stop().await;
}

/// A call of Riley's in progress, as its path.
async fn call_in_progress(service: &Service) -> String {
    let rep = service.token_of("riley@demo.example").await;
    let (mut socket, _) = service.welcomed(&rep).await;
    let leads = service.get("/api/v1/lead/?query=Globex", &rep).await;
    let numbers = service.get("/api/v1/phone_number/", &rep).await;
    let body = json!({
        "local_phone_id": numbers["data"][0]["id"],
        "lead_id": leads["data"][0]["id"],
    });
    let placed = service.post("/api/v1/activity/call/", Some(&rep), body);
    let (status, call) = placed.await;
    assert_eq!(status, 201, "{call}");
    answered(&mut socket).await;
    format!("/api/v1/activity/call/{}/", text(&call["id"]))
}

async fn answered(socket: &mut Socket) -> Value {
    let event = socket.event_where("call_changed", |event| {
        event["call"]["status"] == "in-progress"
    });
    event.await["event"]["call"].clone()
}

#[tokio::test]
async fn j4_a_device_that_lost_the_audio_is_refused_all_but_joining() {
    let mut service = Service::start().await;
    let call = call_in_progress(&service).await;
    let old = service.token_of("morgan@demo.example").await;
    let new = service.token_of("morgan@demo.example").await;
    let leg = format!("{call}coach_leg/");
    for device in [&old, &new] {
        let (status, body) = service.post(&leg, Some(device), json!({})).await;
        assert_eq!(status, 201, "{body}");
    }
    let mode = format!("{leg}mode/");
    let barge = json!({"mode": "barge"});
    let barged = service.ask(Method::PUT, &mode, Some(&new), Some(&barge));
    assert_eq!(barged.await.0, 200);
    for (method, path, body) in [
        (Method::PUT, format!("{call}mute/"), json!({"muted": true})),
        (Method::PUT, format!("{call}mute/"), json!({"muted": false})),
        (
            Method::PUT,
            format!("{call}microphone/"),
            json!({"trouble": true}),
        ),
        (Method::PUT, mode.clone(), json!({"mode": "listen"})),
        (Method::PUT, mode, json!({"mode": "whisper"})),
        (Method::POST, format!("{call}media/"), json!({"sdp": "v=0"})),
        (Method::DELETE, leg.clone(), json!({})),
    ] {
        let asked = service.ask(method.clone(), &path, Some(&old), Some(&body));
        let (status, answer) = asked.await;
        assert_eq!(status, 409, "{method} {path} {body}: {answer}");
        assert_eq!(code(&answer), "conflict");
    }
    let now = service.get(&call, &new).await["coach_legs"][0].clone();
    assert_eq!(
        (&now["mode"], &now["muted"]),
        (&json!("barge"), &json!(false))
    );
    let (status, _) = service.ask(Method::DELETE, &leg, Some(&new), None).await;
    assert_eq!(status, 204);
    service.stop().await;
}

#[tokio::test]
async fn a_web_client_is_not_told_that_it_may_join_what_it_may_not() {
    let mut service = Service::start().await;
    let sign_ins = ["web", "mobile", "native"];
    let mut clients = Vec::new();
    for client_type in sign_ins {
        let tokens = service.sign_in_as("morgan@demo.example", client_type).await;
        let token = text(&tokens["access_token"]);
        let (socket, _) = service.welcomed(&token).await;
        clients.push((client_type, token, socket));
    }
    let call = call_in_progress(&service).await;
    for (client_type, token, socket) in &mut clients {
        let joins = *client_type == "native";
        let list = "/api/v1/activity/call/?active=true";
        let seen = [
            answered(socket).await,
            service.get(&call, token).await,
            service.get(list, token).await["data"][0].clone(),
        ];
        for call in seen {
            let joinability = &call["joinability"];
            assert_eq!(joinability["joinable"], joins, "{client_type}: {call}");
            let expected = (!joins).then_some("user_offline");
            assert_eq!(joinability["code"].as_str(), expected, "{client_type}");
        }
        let join = format!("{call}coach_leg/");
        let (status, answer) = service.post(&join, Some(token), json!({})).await;
        let expected = if joins { 201 } else { 409 };
        assert_eq!(status.as_u16(), expected, "{client_type}: {answer}");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_malformed_offer_is_refused_without_a_place_in_memory() {
    let mut service = Service::start().await;
    let call = call_in_progress(&service).await;
    let coach = service.token_of("morgan@demo.example").await;
    let leg = format!("{call}coach_leg/");
    let (status, _) = service.post(&leg, Some(&coach), json!({})).await;
    assert_eq!(status, 201);
    let good = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
                m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
                a=rtpmap:111 opus/48000/2\r\na=sendrecv\r\n";
    let lines: Vec<&str> = good.lines().collect();
    let mut offers = vec![String::new(), "garbage".into(), "v=0".into(), good.into()];
    for at in 0..lines.len() {
        let mut one = lines.clone();
        one.remove(at);
        offers.push(one.join("\r\n"));
        one.insert(at, "m=video 9 RTP/AVP 999999999999");
        offers.push(one.join("\r\n") + "\r\n");
        one[at] = "a=\u{0}\u{fffd}";
        offers.push(one.join("\r\n") + "\r\n");
    }
    for sdp in offers {
        let body = json!({ "sdp": sdp });
        let media = format!("{call}media/");
        let (status, answer) = service.post(&media, Some(&coach), body).await;
        assert_eq!(status, 400, "{sdp:?}: {answer}");
        assert_eq!(code(&answer), "invalid_request");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(!message.contains("0x"), "{message}");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_page_of_a_named_origin_may_ask_and_no_other() {
    const NAMED: &str = "https://app.example.com";
    let mut service = Service::start_with(Config {
        allowed_origins: vec![NAMED.to_owned()],
        ..config()
    })
    .await;
    let url = format!("{}/api/v1/me/", service.base);
    let ask = |method: Method, origin: Option<&'static str>, preflight: bool| {
        let mut request = service.http.request(method, &url);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        if preflight {
            request = request
                .header("access-control-request-method", "PUT")
                .header("access-control-request-headers", "authorization");
        }
        async move { request.send().await.unwrap() }
    };
    let header = |response: &reqwest::Response, name: &str| {
        let value = response.headers().get(name);
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let allow = "access-control-allow-origin";
    let response = ask(Method::OPTIONS, Some(NAMED), true).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&response, allow).as_deref(), Some(NAMED));
    let methods = header(&response, "access-control-allow-methods").unwrap();
    let headers = header(&response, "access-control-allow-headers").unwrap();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(methods.contains(method), "{methods}");
    }
    for name in ["authorization", "content-type", "range"] {
        assert!(headers.contains(name), "{headers}");
    }
    // A refusal can be read as well, with its id.
    let response = ask(Method::GET, Some(NAMED), false).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&response, allow).as_deref(), Some(NAMED));
    assert!(header(&response, "vary").unwrap().contains("origin"));
    let readable = header(&response, "access-control-expose-headers").unwrap();
    assert!(readable.contains("x-request-id"), "{readable}");

    for other in [None, Some("https://evil.example"), Some("null")] {
        for (method, preflight) in [(Method::OPTIONS, true), (Method::GET, false)] {
            let response = ask(method, other, preflight).await;
            assert!(!response.status().is_success(), "{other:?}");
            assert_eq!(header(&response, allow), None, "{other:?}");
        }
    }
    // Without the setting there is no such page.
    service
        .restart_with(|config| config.allowed_origins.clear())
        .await;
    let url = format!("{}/api/v1/me/", service.base);
    let request = service.http.get(&url).header("origin", NAMED);
    let response = request.send().await.unwrap();
    assert_eq!(header(&response, allow), None);
    service.stop().await;
}
