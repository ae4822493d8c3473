//! What a client is written from: the OpenAPI document, the schema of the WebSocket's messages, and a
//! page to read the first. The operations are those of `wire::route`.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use wire::route::{self, Input, Method, Output, PathId, Route, Rule, Schemas, Shape, Visitor, Who};
use wire::{ClientMessage, Code, ErrorBody, Permission, ServerMessage};

/// What the document says before its operations: the flow, in an order in which a client is written.
const DESCRIPTION: &str = include_str!("openapi.md");

/// What routes are about, in the order of the document.
const TAGS: &[(&str, &str)] = &[
    ("auth", "Signing in and staying signed in."),
    ("organization", "People and what they may do."),
    (
        "administration",
        "What those who manage the organization change.",
    ),
    ("audit", "What was done and what was refused."),
    ("usage", "Money: balance, rates, what was spent."),
    ("directory", "Who is called, and from which numbers."),
    ("call", "Calls: placing them and what the rep does on them."),
    ("coaching", "Joining a call, switching modes, invitations."),
    (
        "recording",
        "Recordings of calls: playing, pausing, deleting.",
    ),
];

/// The document, made once.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut operations = Operations::default();
    route::visit(&mut operations);
    route::Json::<ErrorBody>::schema(&mut operations.schemas);
    let tags = TAGS.iter();
    let tags = tags.map(|(name, description)| json!({ "name": name, "description": description }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Call Coaching",
            "description": DESCRIPTION,
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": operations.paths,
        "components": {
            "schemas": operations.schemas,
            "securitySchemes": { "access_token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The `access_token` of `POST /api/v1/auth/sign_in/` or `…/refresh/`.",
            }},
        },
        "security": [{ "access_token": [] }],
        "tags": tags.collect::<Value>(),
    })
    .to_string()
});

/// Operations as they are collected.
#[derive(Default)]
struct Operations {
    paths: Map<String, Value>,
    schemas: Schemas,
}

impl Visitor for Operations {
    fn route<Id: PathId, In: Input, Out: Output>(&mut self, route: Route<Id, In, Out>) {
        let rule = &route.rule;
        let doc: Vec<&str> = rule.doc.lines().map(str::trim).collect();
        let doc = doc.join("\n");
        let (summary, description) = doc.split_once("\n\n").unwrap_or((&doc, ""));
        let mut operation = json!({
            "tags": [rule.tag],
            "summary": summary.trim(),
            "operationId": rule.name.to_lowercase(),
            "responses": responses(rule, Out::schema(&mut self.schemas)),
        });
        if !description.is_empty() {
            operation["description"] = description.trim().into();
        }
        let mut parameters = Vec::new();
        if let Some(schema) = Id::schema(&mut self.schemas) {
            parameters
                .push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
        }
        parameters.extend(In::parameters().iter().map(|parameter| json!(parameter)));
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(schema) = In::schema(&mut self.schemas) {
            let content = json!({ "application/json": { "schema": schema } });
            operation["requestBody"] = json!({ "content": content, "required": true });
        }
        if rule.who == Who::Anybody {
            operation["security"] = json!([{}]);
        }
        let item = self.paths.entry(rule.path).or_insert_with(|| json!({}));
        item[rule.method.as_str().to_lowercase()] = operation;
    }
}

/// Every answer of a route, good ones first.
fn responses(rule: &Rule, schema: Option<impl serde::Serialize>) -> Value {
    let mut responses = json!({});
    let mut answer = |status: u16, description: &str, media_type: &str, schema: Option<Value>| {
        let known = &mut responses[status.to_string()];
        // Several codes share a status: each is described.
        if let Some(so_far) = known["description"].as_str() {
            known["description"] = format!("{so_far}\n\n{description}").into();
            return;
        }
        *known = json!({ "description": description });
        if let Some(schema) = schema {
            known["content"] = json!({ media_type: { "schema": schema } });
        }
    };
    let json = "application/json";
    match rule.media_type {
        Some(media_type) => {
            let schema = match media_type {
                "text/csv" => json!({ "type": "string" }),
                "application/json" => json!({ "type": "object" }),
                _ => json!({ "type": "string", "format": "binary" }),
            };
            answer(rule.status, rule.answer, media_type, Some(schema));
        }
        None => answer(
            rule.status,
            rule.answer,
            json,
            schema.map(|schema| json!(schema)),
        ),
    }
    if rule.name == route::GET_RECORDING.rule.name {
        let sound = json!({ "type": "string", "format": "binary" });
        answer(206, "The range.", "audio/ogg", Some(sound));
        answer(304, "It is as it was.", json, None);
        answer(416, "The range is outside of it.", json, None);
    }
    for (code, why) in refusals(rule) {
        let name = json!(code);
        let description = format!("`{}`: {why}", name.as_str().unwrap_or_default());
        let error = json!({ "$ref": "#/components/schemas/ErrorBody" });
        answer(code.http_status(), &description, json, Some(error));
    }
    responses
}

/// What a route may be refused with: what every one may, what every one like it may, and what this one
/// may.
fn refusals(rule: &Rule) -> Vec<(Code, &'static str)> {
    let mut refusals = vec![
        (
            Code::InvalidRequest,
            "the request is not of the form that is documented.",
        ),
        (Code::Internal, "a fault of the service's own."),
        (
            Code::Unavailable,
            "it cannot be done just now, for instance because the store cannot be written. Try again later.",
        ),
        (
            Code::Unauthenticated,
            if rule.who == Who::Anybody {
                "what was shown is not good."
            } else {
                "there is no good access token with the request."
            },
        ),
    ];
    let changes = rule.method != Method::Get;
    if changes && rule.method != Method::Delete {
        refusals.push((Code::TooLarge, "the body has more than 64 KiB."));
    }
    if rule.path.contains("{id}") {
        refusals.push((
            Code::NotFound,
            "there is no such thing in the user's organization.",
        ));
    }
    if rule.who == Who::Permission(Permission::ManageOrganization) {
        refusals.push((
            Code::PermissionRequired,
            "the role does not hold `manage_organization`.",
        ));
        if changes {
            refusals.push((
                Code::Conflict,
                "it would break a rule, such as that somebody is left who may manage the organization, that a name or number is there once, or that what is in use is not deleted.",
            ));
        }
    }
    if changes && rule.path.starts_with("/api/v1/activity/call/") {
        refusals.push((Code::CallEnded, "the call is over, or is not up yet."));
        refusals.push((Code::Conflict, "it is not in a state that allows this."));
        refusals.push((
            Code::PermissionRequired,
            "this is not for the asking user to do.",
        ));
    }
    refusals.extend(rule.refusals);
    refusals
}

/// The JSON Schema (2020-12) of both directions of the WebSocket.
static EVENTS_SCHEMA: LazyLock<String> = LazyLock::new(|| {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let client = generator.subschema_for::<ClientMessage>();
    let server = generator.subschema_for::<ServerMessage>();
    let definitions = generator.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Messages of the WebSocket at /api/v1/socket/",
        "description": "One JSON object in each text frame. The client sends `ClientMessage`, the \
service sends `ServerMessage`. The client says `hello` with its access token within 5 s and then \
`heartbeat` every 10 s. The service answers `welcome`, then sends what was missed since `after_seq` of \
`stream_id` if `resumed` is true, then events as they happen, numbered without gaps in the user's own \
stream. When `resumed` is false, read the state anew over HTTP; events after `seq` follow.",
        "anyOf": [client, server],
        "$defs": definitions,
    })
    .to_string()
});

/// `GET /api/events.schema.json`.
pub async fn events_schema() -> Response {
    (
        [(header::CONTENT_TYPE, "application/schema+json")],
        EVENTS_SCHEMA.as_str(),
    )
        .into_response()
}

/// `GET /api/openapi.json`.
pub async fn document() -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        DOCUMENT.as_str(),
    )
        .into_response()
}
