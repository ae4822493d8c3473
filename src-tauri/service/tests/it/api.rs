//! The HTTP API as a whole: its documents, its bounds, and what is another organization's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::{Service, code, text};

async fn document(service: &Service) -> Value {
    let (status, document) = service
        .ask(Method::GET, "/api/openapi.json", None, None)
        .await;
    assert_eq!(status, 200);
    document
}

/// Method, path and operation of everything that the document lists.
fn operations(document: &Value) -> Vec<(Method, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| {
                    let method = method.to_uppercase().parse().unwrap();
                    (method, path.clone(), operation)
                })
        })
        .collect()
}

#[tokio::test]
async fn the_openapi_document_is_valid_and_lists_every_route() {
    let mut service = Service::start().await;
    let document = document(&service).await;
    assert_eq!(document["openapi"], "3.1.0");
    let parsed = oas3::from_json(document.to_string()).unwrap();
    assert!(parsed.paths.is_some());
    let listed: BTreeSet<String> = operations(&document)
        .iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let listed_ones = wire::route::RULES.iter().filter(|rule| rule.tag.is_some());
    let expected: BTreeSet<String> = listed_ones
        .map(|rule| format!("{} {}", rule.method.as_str(), rule.path))
        .collect();
    assert!(expected.len() > 60);
    assert_eq!(listed, expected);
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{place}");
        let answers = operation["responses"].as_object().unwrap();
        for status in ["400", "401", "500", "503"] {
            assert!(answers.contains_key(status), "{place} has no {status}");
        }
        let needs_token = !is_for_anybody(&path);
        let open = operation["security"] == json!([{}]) || operation["security"] == json!([]);
        assert_eq!(open, !needs_token, "{place}: {}", operation["security"]);
    }
    assert_eq!(
        document["components"]["securitySchemes"]["access_token"]["scheme"],
        "bearer"
    );
    service.stop().await;
}

#[tokio::test]
async fn every_schema_of_the_document_is_one_and_every_reference_leads_somewhere() {
    let mut service = Service::start().await;
    let document = document(&service).await;
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for (name, _) in document["components"]["schemas"].as_object().unwrap() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/components/schemas/{name}"),
            "components": document["components"],
        });
        jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // An answer is as its schema says.
    let token = service.token_of("riley@demo.example").await;
    for (path, schema) in [
        ("/api/v1/me/", "Me"),
        ("/api/v1/user/availability/", "Availability"),
    ] {
        let answer = service.get(path, &token).await;
        let schema = json!({
            "$ref": format!("#/components/schemas/{schema}"),
            "components": document["components"],
        });
        jsonschema::validate(&schema, &answer).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    service.stop().await;
}

/// Every schema that stands within another: its place, and itself.
fn inner_schemas<'a>(place: &str, value: &'a Value, into: &mut Vec<(String, &'a Value)>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (format!("{place}/{name}"), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, value)| (format!("{place}/{at}"), value))
            .collect(),
        _ => Vec::new(),
    };
    for (place, value) in inner {
        if value["type"].is_string() || value["type"].is_array() {
            into.push((place.clone(), value));
        }
        inner_schemas(&place, value, into);
    }
}

#[tokio::test]
async fn every_object_of_the_document_has_a_name_so_that_generators_have_one() {
    let mut service = Service::start().await;
    let document = document(&service).await;
    let mut inner = Vec::new();
    inner_schemas("paths", &document["paths"], &mut inner);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        inner_schemas(name, schema, &mut inner);
    }
    assert!(inner.len() > 100);
    for (place, schema) in inner {
        let is_object = schema["properties"].is_object();
        assert!(!is_object, "{place} is an object without a name");
        assert!(
            schema["enum"].is_null(),
            "{place} is an enum without a name"
        );
        // The only arrays are lists: a file is never one of numbers.
        assert!(
            place.starts_with("RecordingPeaks") || schema["items"]["type"] != "integer",
            "{place}"
        );
    }
    let mut lists = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if let Some(of) = name.strip_prefix("List_") {
            let expected = json!(format!("#/components/schemas/{of}"));
            assert_eq!(schema["properties"]["data"]["items"]["$ref"], expected);
            lists += 1;
        }
    }
    assert_eq!(lists, 19);
    service.stop().await;
}

/// Every text that a person reads in a document.
fn descriptions<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "description" || name == "summary" => {
                        into.push(text);
                    }
                    _ => descriptions(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| descriptions(item, into)),
        _ => {}
    }
}

/// Whether a text holds a number of one of our rules, such as `J1`, as a word.
fn names_a_rule(text: &str) -> bool {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.into_iter().any(|word| {
        let mut letters = word.chars();
        let first = letters
            .next()
            .is_some_and(|letter| letter.is_ascii_uppercase());
        let digits = letters.as_str();
        first && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[tokio::test]
async fn no_description_names_a_rule_of_ours_or_a_module() {
    let mut service = Service::start().await;
    for path in ["/api/openapi.json", "/api/events.schema.json"] {
        let (_, document) = service.ask(Method::GET, path, None, None).await;
        let mut texts = Vec::new();
        descriptions(&document, &mut texts);
        assert!(texts.len() > 100, "{path}");
        for text in texts {
            assert!(!names_a_rule(text), "{path}: {text}");
            for inner in ["::", "{{"] {
                assert!(!text.contains(inner), "{path}: {inner} in {text}");
            }
            // What stands in brackets is a link with its address, and no name of the code.
            let mut links = text.split("`]").skip(1);
            assert!(links.all(|rest| rest.starts_with('(')), "{path}: {text}");
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn the_document_says_what_a_client_has_to_know_besides_the_bodies() {
    let mut service = Service::start().await;
    let document = document(&service).await;
    assert_eq!(document["servers"][0]["url"], "/");
    assert!(document["info"]["license"]["name"].is_string());
    let info = document["info"]["description"].as_str().unwrap();
    for part in [
        "licence",
        "Retry-After",
        "1008",
        "1001",
        "16 KiB",
        "64 KiB",
        "narrower mode",
    ] {
        assert!(info.contains(part), "nothing about {part}");
    }
    // One figure each, wherever it stands.
    let offer = &document["components"]["schemas"]["MediaOffer"]["properties"]["sdp"];
    assert_eq!(offer["maxLength"], json!(wire::SDP_BYTES_MAX));
    let kib = format!("{} KiB", wire::SDP_BYTES_MAX / 1024);
    assert!(offer["description"].as_str().unwrap().contains(&kib));
    let media = &document["paths"]["/api/v1/activity/call/{id}/media/"]["post"];
    let too_large = media["responses"]["413"]["description"].as_str().unwrap();
    assert!(too_large.contains(&kib), "{too_large}");
    let place = &document["paths"]["/api/v1/activity/call/"]["post"];
    let place = place["description"].as_str().unwrap();
    let settings = calls::CallsSettings::default();
    assert_eq!(settings.calls_max, 10_000);
    let per_rep = settings.calls_per_rep_max.to_string();
    for figure in [per_rep.as_str(), "10 000"] {
        assert!(place.contains(figure), "{place}");
    }

    let recording = &document["paths"]["/api/v1/activity/call/{id}/recording/"]["get"];
    let parameters = recording["parameters"].as_array().unwrap();
    for name in ["Range", "If-Range", "If-None-Match"] {
        assert!(
            parameters
                .iter()
                .any(|one| one["name"] == name && one["in"] == "header"),
            "{name}"
        );
    }
    for (status, header) in [
        ("200", "ETag"),
        ("200", "Accept-Ranges"),
        ("206", "Content-Range"),
        ("304", "ETag"),
        ("416", "Content-Range"),
        ("503", "Retry-After"),
    ] {
        let headers = &recording["responses"][status]["headers"];
        assert!(headers[header].is_object(), "{status} {header}");
    }
    for status in ["200", "206"] {
        let sound = &recording["responses"][status]["content"]["audio/ogg"]["schema"];
        assert_eq!(sound, &json!({"type": "string", "format": "binary"}));
    }
    for (method, path, operation) in operations(&document) {
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let headers = &answer["headers"];
            assert!(
                headers["x-request-id"].is_object(),
                "{method} {path} {status}"
            );
            let waits = status == "429" || status == "503";
            assert_eq!(
                waits,
                headers["Retry-After"].is_object(),
                "{method} {path} {status}"
            );
        }
    }
    service.stop().await;
}

fn collect_references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(reference) if name == "$ref" => into.push(reference.clone()),
                    _ => collect_references(value, into),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                collect_references(item, into);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn there_is_a_page_to_read_the_document_and_it_fetches_nothing_from_elsewhere() {
    let mut service = Service::start().await;
    let (status, page) = service.ask(Method::GET, "/api/docs/", None, None).await;
    assert_eq!(status, 200);
    let page = page.as_str().unwrap().to_owned();
    assert!(page.contains("swagger-ui"), "{page}");
    assert!(!page.contains("https://"), "{page}");
    let (status, script) = service
        .ask(Method::GET, "/api/docs/swagger-initializer.js", None, None)
        .await;
    assert_eq!(status, 200);
    assert!(script.as_str().unwrap().contains("/api/openapi.json"));
    service.stop().await;
}

/// Signing in, and setting up: what is shown there is another secret.
fn is_for_anybody(path: &str) -> bool {
    path.contains("/auth/") || path.contains("/setup/")
}

#[tokio::test]
async fn without_a_token_every_route_of_the_document_is_unauthenticated() {
    let mut service = Service::start().await;
    let document = document(&service).await;
    let mut asked = 0;
    for (method, path, _) in operations(&document) {
        if is_for_anybody(&path) {
            continue;
        }
        let path = path.replace("{id}", "acti_1");
        for token in [None, Some("not-a-token"), Some("")] {
            let (status, body) = service.ask(method.clone(), &path, token, None).await;
            assert_eq!(status, 401, "{method} {path}: {body}");
            assert_eq!(code(&body), "unauthenticated");
            asked += 1;
        }
    }
    assert!(asked > 60);
    service.stop().await;
}

/// Ids of everything that the person of this token can list.
async fn own_ids(service: &Service, token: &str) -> Vec<String> {
    let me = service.get("/api/v1/me/", token).await;
    let mut ids = vec![
        text(&me["membership"]["id"]),
        text(&me["organization"]["id"]),
    ];
    for list in ["user", "role", "group", "lead", "contact", "phone_number"] {
        let page = service.get(&format!("/api/v1/{list}/"), token).await;
        let items = page["data"].as_array().unwrap();
        assert!(!items.is_empty(), "{list}");
        ids.extend(items.iter().map(|item| text(&item["id"])));
    }
    ids
}

#[tokio::test]
async fn a3_nothing_of_another_organization_is_there() {
    let mut service = Service::start().await;
    let document = document(&service).await;
    let acme = service.token_of("admin@demo.example").await;
    let other = service.token_of("other@other.example").await;
    let foreign = own_ids(&service, &other).await;
    let own: BTreeSet<String> = own_ids(&service, &acme).await.into_iter().collect();
    assert!(foreign.iter().all(|id| !own.contains(id)));

    for (method, path, _) in operations(&document) {
        if method != Method::GET || !path.contains("{id}") {
            continue;
        }
        for id in foreign
            .iter()
            .map(String::as_str)
            .chain(["acti_1", "x", "..%2F..", "%00"])
        {
            let path = path.replace("{id}", id);
            let (status, body) = service.ask(Method::GET, &path, Some(&acme), None).await;
            assert_eq!(status, 404, "GET {path}: {body}");
            assert_eq!(code(&body), "not_found");
        }
    }
    let me = service.get("/api/v1/me/", &other).await;
    for (path, change) in [
        (
            format!("/api/v1/membership/{}/", text(&me["membership"]["id"])),
            json!({"active": false}),
        ),
        (
            format!("/api/v1/organization/{}/", text(&me["organization"]["id"])),
            json!({"plan": "startup"}),
        ),
    ] {
        let (status, body) = service
            .ask(Method::PATCH, &path, Some(&acme), Some(&change))
            .await;
        assert_eq!((status.as_u16(), code(&body)), (404, "not_found"), "{path}");
    }
    // Nor can a member be given another organization's role.
    let own_me = service.get("/api/v1/me/", &acme).await;
    let path = format!("/api/v1/membership/{}/", text(&own_me["membership"]["id"]));
    let change = json!({"role_id": me["role"]["id"]});
    let (status, _) = service
        .ask(Method::PATCH, &path, Some(&acme), Some(&change))
        .await;
    assert_eq!(status, 404);
    // Lists hold nothing of it, whatever is asked for.
    let contacts = format!("/api/v1/contact/?lead_id={}", foreign_lead(&foreign));
    assert_eq!(service.get(&contacts, &acme).await["data"], json!([]));
    assert_eq!(
        service.get("/api/v1/lead/?query=umbrella", &acme).await["data"],
        json!([])
    );
    let availability = service.get("/api/v1/user/availability/", &acme).await;
    assert_eq!(availability["data"].as_array().unwrap().len(), 7);
    service.stop().await;
}

fn foreign_lead(ids: &[String]) -> &str {
    ids.iter().find(|id| id.starts_with("lead_")).unwrap()
}

#[tokio::test]
async fn lists_come_in_pages_and_leads_are_found_by_their_name() {
    let mut service = Service::start().await;
    let token = service.token_of("riley@demo.example").await;
    let first = service.get("/api/v1/user/?_limit=5", &token).await;
    assert_eq!(first["data"].as_array().unwrap().len(), 5);
    assert_eq!(first["has_more"], true);
    let rest = service.get("/api/v1/user/?_limit=5&_skip=5", &token).await;
    assert_eq!(rest["data"].as_array().unwrap().len(), 2);
    assert_eq!(rest["has_more"], false);
    let found = service.get("/api/v1/lead/?query=INITE", &token).await;
    let lead = &found["data"][0];
    assert_eq!(lead["display_name"], "Initech");
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        lead["contacts"][0]["phones"][0],
        json!({"phone": "+15557000200", "phone_formatted": "(555) 700-0200", "extension": null,
               "type": "office"})
    );
    let one = service
        .get(&format!("/api/v1/lead/{}/", text(&lead["id"])), &token)
        .await;
    assert_eq!(&one, lead);
    for bad in ["_limit=x", "_skip=-1"] {
        let (status, body) = service
            .ask(
                Method::GET,
                &format!("/api/v1/user/?{bad}"),
                Some(&token),
                None,
            )
            .await;
        assert_eq!((status.as_u16(), code(&body)), (400, "invalid_request"));
    }
    service.stop().await;
}

#[tokio::test]
async fn a_body_that_is_malformed_or_too_large_is_refused_with_what_is_wrong() {
    let mut service = Service::start().await;
    let url = format!("{}/api/v1/auth/sign_in/", service.base);
    let send = |body: Vec<u8>, kind: &'static str| {
        let request = service
            .http
            .post(&url)
            .header("content-type", kind)
            .body(body);
        async move {
            let response = request.send().await.unwrap();
            let status = response.status();
            (status, response.json::<Value>().await.unwrap())
        }
    };
    let json = "application/json";
    for (body, kind, part) in [
        (&b"{"[..], json, "line 1"),
        (b"", json, "EOF"),
        (b"\xff\xfe{}", json, "line 1"),
        (b"[]", json, "isn't valid"),
        (
            br#"{"email":7,"password":"x","client_type":"web"}"#,
            json,
            "`email`",
        ),
        (
            br#"{"email":"a","password":"x","client_type":"fax"}"#,
            json,
            "`client_type`",
        ),
        (
            br#"{"email":"a","password":"x","client_type":"web","admin":true}"#,
            json,
            "admin",
        ),
        (
            br#"{"email":"a","password":"x","client_type":"web"} {}"#,
            json,
            "trailing",
        ),
        (
            b"email=a",
            "application/x-www-form-urlencoded",
            "application/json",
        ),
    ] {
        let (status, answer) = send(body.to_vec(), kind).await;
        assert_eq!(status, 400, "{answer}");
        assert_eq!(code(&answer), "invalid_request");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
    }
    // Nested deeper than anybody means.
    let (status, _) = send(b"[".repeat(60_000), json).await;
    assert_eq!(status, 400);
    for bytes in [64 * 1024 + 1, 10 * 1024 * 1024] {
        let mut body = br#"{"email":""#.to_vec();
        body.resize(bytes, b'x');
        let (status, answer) = send(body, json).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(code(&answer), "too_large");
    }
    service.stop().await;
}

#[tokio::test]
async fn an_unknown_path_or_method_is_refused_in_the_shape_of_every_error() {
    let mut service = Service::start().await;
    for (method, path, status, expected) in [
        (Method::GET, "/api/v1/nothing/", 404, "not_found"),
        (Method::GET, "/api/v1/me", 404, "not_found"),
        (Method::GET, "/", 404, "not_found"),
        (Method::DELETE, "/api/v1/me/", 405, "invalid_request"),
        (Method::GET, "/api/v1/auth/sign_in/", 405, "invalid_request"),
    ] {
        let (answered, body) = service.ask(method.clone(), path, None, None).await;
        assert_eq!(answered.as_u16(), status, "{method} {path}");
        assert_eq!(code(&body), expected, "{method} {path}: {body}");
        assert!(!body["error"]["message"].as_str().unwrap().is_empty());
    }
    service.stop().await;
}

#[tokio::test]
async fn only_who_manages_the_organization_changes_it_and_everybody_is_told() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let riley = service.token_of("riley@demo.example").await;
    let (mut socket, _) = service.welcomed(&riley).await;
    let me = service.get("/api/v1/me/", &riley).await;
    let organization = format!("/api/v1/organization/{}/", text(&me["organization"]["id"]));
    let membership = format!("/api/v1/membership/{}/", text(&me["membership"]["id"]));
    let roles = service.get("/api/v1/role/", &admin).await;
    let manager = roles["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|role| role["name"] == "Manager")
        .unwrap();
    let new_plan = json!({"plan": "startup"});
    let new_role = json!({"role_id": manager["id"]});
    for (path, change) in [(&organization, &new_plan), (&membership, &new_role)] {
        let (status, body) = service
            .ask(Method::PATCH, path, Some(&riley), Some(change))
            .await;
        assert_eq!(status, 403);
        assert_eq!(code(&body), "permission_required");
    }
    let (status, body) = service
        .ask(Method::PATCH, &organization, Some(&admin), Some(&new_plan))
        .await;
    assert_eq!((status.as_u16(), &body["plan"]), (200, &json!("startup")));
    let changed = socket.event("me_changed").await;
    assert_eq!(changed["event"]["me"]["organization"]["plan"], "startup");
    let (status, _) = service
        .ask(Method::PATCH, &membership, Some(&admin), Some(&new_role))
        .await;
    assert_eq!(status, 200);
    let changed = socket.event("me_changed").await;
    assert_eq!(changed["event"]["me"]["role"]["name"], "Manager");

    // The only one who manages it cannot lock everybody out.
    let own = service.get("/api/v1/me/", &admin).await;
    let path = format!("/api/v1/membership/{}/", text(&own["membership"]["id"]));
    for change in [json!({"active": false}), new_role] {
        let (status, body) = service
            .ask(Method::PATCH, &path, Some(&admin), Some(&change))
            .await;
        assert_eq!((status.as_u16(), code(&body)), (409, "conflict"));
    }
    service.get("/api/v1/me/", &admin).await;
    service.stop().await;
}

#[tokio::test]
async fn health_readiness_and_metrics_are_there_and_name_nobody() {
    let mut service = Service::start().await;
    let tokens = service.sign_in_as("riley@demo.example", "native").await;
    let token = text(&tokens["access_token"]);
    let user = text(&tokens["user_id"]);
    service.get(&format!("/api/v1/user/{user}/"), &token).await;
    let (_socket, _) = service.welcomed(&token).await;
    let (status, health) = service.ask(Method::GET, "/health", None, None).await;
    assert_eq!((status.as_u16(), health), (200, json!({"status": "ok"})));
    let (status, ready) = service.ask(Method::GET, "/ready", None, None).await;
    assert_eq!(status, 200);
    assert_eq!(ready, json!({"ready": true, "store": "ok", "media": "ok"}));
    let (status, page) = service.ask(Method::GET, "/metrics", None, None).await;
    assert_eq!(status, 200);
    let page = page.as_str().unwrap();
    for line in [
        "call_coaching_ready 1",
        "call_coaching_sockets 1",
        "call_coaching_sign_ins_total 1",
        "call_coaching_http_requests_total{method=\"GET\",route=\"/api/v1/user/{id}/\",status=\"200\"} 1",
        "call_coaching_ticks_late_total 0",
        "call_coaching_media_stage_seconds_count{stage=\"tick\"} 0",
    ] {
        assert!(
            page.lines().any(|have| have == line),
            "no {line} in\n{page}"
        );
    }
    assert!(!page.contains(&user) && !page.contains("riley"));
    service.stop().await;
}
