//! What a client is written from: the OpenAPI document, the schema of the WebSocket's messages, and a
//! page to read the first. The operations are those of `wire::route`.

use super::routes::BODY_BYTES_MAX;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use calls::CallsSettings;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::LazyLock;
use wire::route::{
    self, Input, Method, Output, PathId, Route, Rule, Schemas, Shape, Takes, Visitor, Who,
};
use wire::{
    ClientMessage, Code, ErrorBody, ListQuery, MESSAGE_BYTES_MAX, Permission, SDP_BYTES_MAX,
    ServerMessage,
};

/// What the document says before its operations: the flow, in an order in which a client is written.
const DESCRIPTION: &str = concat!(
    include_str!("openapi.md"),
    "\n## A coach in a browser\n\n```js\n",
    include_str!("../../../../docs/examples/browser-coach.js"),
    "```\n"
);

/// The same with the figures that the code goes by.
fn description() -> String {
    let CallsSettings {
        limits,
        calls_max,
        calls_per_rep_max,
        // The operator sets it.
        calls_per_organization_max: _,
    } = CallsSettings::default();
    let figures = [
        ("body_kib", BODY_BYTES_MAX / 1024),
        ("sdp_kib", SDP_BYTES_MAX / 1024),
        ("message_kib", MESSAGE_BYTES_MAX / 1024),
        ("items_max", ListQuery::LIMIT_MAX as usize),
        ("party_max", limits.party_max),
        ("calls_max", calls_max),
        ("calls_per_rep_max", calls_per_rep_max),
        ("ring_s", limits.ring_ms as usize / 1000),
        ("reconnect_s", limits.reconnect_ms as usize / 1000),
        ("invitation_s", limits.invitation_ms as usize / 1000),
    ];
    figures
        .iter()
        .fold(DESCRIPTION.to_owned(), |text, (name, figure)| {
            text.replace(&format!("{{{{{name}}}}}"), &figure.to_string())
        })
}

/// What routes are about, in the order of the document.
const TAGS: &[(&str, &str)] = &[
    ("auth", "Signing in and staying signed in."),
    ("account", "The signed-in user's own account."),
    ("organization", "People and what they may do."),
    ("administration", "Managing the organization."),
    ("audit", "What was done and what was refused."),
    ("usage", "Money: balance, rates and spending."),
    ("directory", "Leads, contacts and phone numbers."),
    ("import", "Importing leads from CSV, and exporting them."),
    (
        "call",
        "Placing, answering and ending calls, and what the rep does during them.",
    ),
    (
        "coaching",
        "Joining calls, switching modes and inviting coaches.",
    ),
    ("recording", "Playing, pausing and deleting recordings."),
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
            "description": description(),
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Not chosen yet; all rights reserved" },
        },
        "servers": [{ "url": "/", "description": "The service that this document comes from." }],
        "paths": operations.paths,
        "components": {
            "schemas": operations.schemas,
            "headers": headers(),
            "securitySchemes": { "access_token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The `access_token` from `POST /api/v1/auth/sign_in/` or `…/refresh/`.",
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
        if rule.name == route::GET_RECORDING.rule.name {
            parameters.extend(range_parameters());
        }
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(schema) = In::schema(&mut self.schemas) {
            let content = json!({ "application/json": { "schema": schema } });
            operation["requestBody"] = json!({ "content": content, "required": true });
        }
        if rule.takes == Takes::Upload {
            let bytes = json!({ "type": "string", "format": "binary" });
            let content = json!({ "application/octet-stream": { "schema": bytes } });
            operation["requestBody"] = json!({ "content": content, "required": true });
        }
        if rule.who == Who::Anybody {
            operation["security"] = json!([{}]);
        }
        let item = self.paths.entry(rule.path).or_insert_with(|| json!({}));
        item[rule.method.as_str().to_lowercase()] = operation;
    }
}

/// The headers of answers, by the names under which the document refers to them.
fn headers() -> Value {
    let header =
        |description: &str, schema: Value| json!({ "description": description, "schema": schema });
    let text = || json!({ "type": "string" });
    json!({
        "x-request-id": header("The request's id, which the service's log uses too.", text()),
        "Retry-After": header("Seconds to wait before trying again.", json!({ "type": "integer", "minimum": 0 })),
        "ETag": header("Names this version of the file, for `If-None-Match` and `If-Range`.", text()),
        "Accept-Ranges": header("`bytes`: parts of the file can be asked for.", text()),
        "Content-Range": header("Which bytes these are, and how many there are in all: `bytes 0-99/1234`, or `bytes */1234` for a range outside the file.", text()),
        "Content-Disposition": header("The name to save the file under.", text()),
        "Cache-Control": header("Whether the file may be kept, and by whom.", text()),
    })
}

/// What can be asked of a file that's served in parts (RFC 9110).
fn range_parameters() -> [Value; 3] {
    let header = |name: &str, description: &str| {
        json!({
            "name": name,
            "in": "header",
            "required": false,
            "description": description,
            "schema": { "type": "string" },
        })
    };
    [
        header(
            "Range",
            "One range of bytes, such as `bytes=0-1023`. Anything else gets the whole file.",
        ),
        header(
            "If-Range",
            "An `ETag`. If the file is another one by now, all of it is sent instead of the range.",
        ),
        header(
            "If-None-Match",
            "An `ETag`. If the file is still the same, the answer is 304.",
        ),
    ]
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
        let mut sent = vec!["x-request-id"];
        sent.extend(headers_of(rule, status));
        let sent = sent.into_iter().map(|name| {
            let reference = format!("#/components/headers/{name}");
            (name.to_owned(), json!({ "$ref": reference }))
        });
        *known = json!({
            "description": description,
            "headers": sent.collect::<Map<String, Value>>(),
        });
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
        answer(304, "Not changed.", json, None);
        let error = json!({ "$ref": "#/components/schemas/ErrorBody" });
        let why = "`invalid_request`: the range is outside the recording.";
        answer(416, why, json, Some(error));
    }
    for (code, why) in refusals(rule) {
        let name = json!(code);
        let description = format!("`{}`: {why}", name.as_str().unwrap_or_default());
        let error = json!({ "$ref": "#/components/schemas/ErrorBody" });
        answer(code.http_status(), &description, json, Some(error));
    }
    responses
}

/// The headers of an answer beyond its request's id.
fn headers_of(rule: &Rule, status: u16) -> &'static [&'static str] {
    let is_recording = rule.name == route::GET_RECORDING.rule.name;
    match status {
        200 if is_recording => &[
            "ETag",
            "Accept-Ranges",
            "Cache-Control",
            "Content-Disposition",
        ],
        206 => &[
            "ETag",
            "Accept-Ranges",
            "Cache-Control",
            "Content-Disposition",
            "Content-Range",
        ],
        304 => &["ETag"],
        416 => &["Content-Range"],
        200 if rule.media_type.is_some() => &["Content-Disposition"],
        429 | 503 => &["Retry-After"],
        _ => &[],
    }
}

/// What a route may be refused with: what every one may, what every one like it may, and what this one
/// may.
fn refusals(rule: &Rule) -> Vec<(Code, Cow<'static, str>)> {
    let mut refusals: Vec<(Code, Cow<'static, str>)> = vec![
        (Code::InvalidRequest, "the request isn't valid.".into()),
        (Code::Internal, "something went wrong in the service.".into()),
        (
            Code::Unavailable,
            "not possible right now, for example because the database can't be written. Try again later.".into(),
        ),
        (
            Code::Unauthenticated,
            if rule.who == Who::Anybody {
                "the credentials aren't valid.".into()
            } else {
                "the access token is missing or not valid.".into()
            },
        ),
    ];
    let changes = rule.method != Method::Get;
    if changes && rule.method != Method::Delete {
        let body_kib = BODY_BYTES_MAX / 1024;
        let why = if rule.name == route::OFFER_MEDIA.rule.name {
            let sdp_kib = SDP_BYTES_MAX / 1024;
            format!("the offer is larger than {sdp_kib} KiB, or the body than {body_kib} KiB.")
        } else if rule.takes == Takes::Upload {
            "the file would be longer than was declared.".to_owned()
        } else {
            format!("the body is larger than {body_kib} KiB.")
        };
        refusals.push((Code::TooLarge, why.into()));
    }
    if rule.path.contains("{id}") {
        refusals.push((
            Code::NotFound,
            "not found in the user's organization.".into(),
        ));
    }
    if rule.who == Who::Permission(Permission::ManageOrganization) {
        refusals.push((
            Code::PermissionRequired,
            "the user's role doesn't have `manage_organization`.".into(),
        ));
        if changes {
            refusals.push((
                Code::Conflict,
                "the change would break a rule: someone has to be able to manage the organization, names and numbers are unique, and nothing that's in use can be deleted.".into(),
            ));
        }
    }
    if changes && rule.path.starts_with("/api/v1/activity/call/") {
        refusals.push((
            Code::CallEnded,
            "the call has ended, or hasn't started.".into(),
        ));
        refusals.push((
            Code::Conflict,
            "the call's current state doesn't allow this, or a coach's audio is on another device."
                .into(),
        ));
        refusals.push((
            Code::PermissionRequired,
            "the signed-in user isn't allowed to do this.".into(),
        ));
    }
    let own = rule.refusals.iter();
    refusals.extend(own.map(|(code, why)| (*code, Cow::Borrowed(*why))));
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
        "description": "Each text frame holds one JSON object. The client sends `ClientMessage`, the \
service sends `ServerMessage`. The client sends `hello` with its access token within 5 s, and then \
`heartbeat` every 10 s. The service answers `welcome`. If `resumed` is true, the events after `after_seq` \
of `stream_id` follow; if it's false, read the current state over HTTP. Then the service sends events as \
they happen, numbered without gaps for each user, starting after `seq`.\n\n\
How the service closes the socket: with 1008 after an `error` message that says why (after \
`unauthenticated`, refresh the access token and connect again, and sign in again if that's refused); with \
1001 after `going_away`, when it stops, so connect again shortly; and without a code or a closing handshake \
when nothing was heard for 22 s, or when a client doesn't read what is sent.",
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
