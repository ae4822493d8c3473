//! What a client is written from: the OpenAPI document, the schema of the WebSocket's messages, and a
//! page to read the first.

use crate::access;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use utoipa::OpenApi;
use wire::{ClientMessage, Code, Permission, ServerMessage};

/// What the document says before its operations: the flow, in an order in which a client is written.
const DESCRIPTION: &str = include_str!("openapi.md");

/// Codes that every operation may answer with, and when.
const ALWAYS: &[(Code, &str)] = &[
    (
        Code::InvalidRequest,
        "`invalid_request`: the request is not of the form that is documented.",
    ),
    (Code::Internal, "`internal`: a fault of the service's own."),
    (
        Code::Unavailable,
        "`unavailable`: it cannot be done just now, for instance because the store cannot be written. Try again later.",
    ),
];

#[derive(OpenApi)]
#[openapi(
    info(title = "Call Coaching", description = DESCRIPTION),
    components(schemas(wire::ErrorBody)),
    tags(
        (name = "auth", description = "Signing in and staying signed in."),
        (name = "organization", description = "People and what they may do."),
        (name = "administration", description = "What those who manage the organization change."),
        (name = "audit", description = "What was done and what was refused."),
        (name = "usage", description = "Money: balance, rates, what was spent."),
        (name = "directory", description = "Who is called, and from which numbers."),
        (name = "call", description = "Calls: placing them and what the rep does on them."),
        (name = "coaching", description = "Joining a call, switching modes, invitations."),
        (name = "recording", description = "Recordings of calls: playing, pausing, deleting.")
    )
)]
struct Base;

/// The document without operations.
pub fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The document as it is served: with security and with every refusal of every operation.
fn complete(document: &utoipa::openapi::OpenApi) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(document)?;
    document["components"]["securitySchemes"] = json!({ "access_token": {
        "type": "http", "scheme": "bearer",
        "description": "The `access_token` of `POST /api/v1/auth/sign_in/` or `…/refresh/`."
    }});
    document["security"] = json!([{ "access_token": [] }]);
    let error = |description: &str| {
        json!({
            "description": description,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ErrorBody" } } }
        })
    };
    let paths = document["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            for (code, description) in refusals(path, method) {
                let status = code.http_status().to_string();
                match &mut operation["responses"][&status] {
                    missing @ Value::Null => *missing = error(description),
                    // Several codes share a status: each is described.
                    known => {
                        let so_far = known["description"].as_str().unwrap_or_default();
                        known["description"] = format!("{so_far}\n\n{description}").into();
                    }
                }
            }
        }
    }
    Ok(document)
}

/// What an operation may be refused with.
fn refusals(path: &str, method: &str) -> Vec<(Code, &'static str)> {
    let auth = path.contains("/auth/");
    let mut refusals = ALWAYS.to_vec();
    refusals.push((
        Code::Unauthenticated,
        if auth {
            "`unauthenticated`: what was shown is not good."
        } else {
            "`unauthenticated`: there is no good access token with the request."
        },
    ));
    if path.ends_with("/sign_in/") {
        refusals.push((
            Code::RateLimited,
            "`rate_limited`: too many failures; wait and try again.",
        ));
    }
    if matches!(method, "post" | "put" | "patch") {
        refusals.push((
            Code::TooLarge,
            "`too_large`: the body has more than 64 KiB.",
        ));
    }
    if path.contains("{id}") || path == "/api/v1/activity/call/" && method == "post" {
        refusals.push((
            Code::NotFound,
            "`not_found`: there is no such thing in the user's organization.",
        ));
    }
    if is_managed(path, method) {
        refusals.push((
            Code::PermissionRequired,
            "`permission_required`: the role does not hold `manage_organization`.",
        ));
    }
    if is_managed(path, method) && matches!(method, "post" | "put" | "patch" | "delete") {
        refusals.push((
            Code::Conflict,
            "`conflict`: it would break a rule, such as that somebody is left who may manage the organization, that a name or number is there once, or that what is in use is not deleted.",
        ));
    }
    if matches!(
        path,
        "/api/v1/group/" | "/api/v1/phone_number/" | "/api/v1/member_invite/"
    ) && method == "post"
    {
        refusals.push((
            Code::NotFound,
            "`not_found`: a person, role or group is not of the organization.",
        ));
    }
    if path.ends_with("/invite/") || path.ends_with("/accept_invite/") {
        refusals.push((
            Code::InviteExpired,
            "`invite_expired`: the link is wrong, used, taken back or too old.",
        ));
        refusals.push((
            Code::RateLimited,
            "`rate_limited`: too many failures; wait and try again.",
        ));
    }
    if path.ends_with("/accept_invite/") {
        refusals.push((
            Code::Conflict,
            "`conflict`: the e-mail address has an account already.",
        ));
    }
    let about_a_call = path.starts_with("/api/v1/activity/call/");
    if about_a_call && method != "get" {
        refusals.push((
            Code::CallEnded,
            "`call_ended`: the call is over, or is not up yet.\n\n`conflict`: it is not in a state that allows this.",
        ));
        refusals.push((
            Code::PermissionRequired,
            "`permission_required`: this is not for the asking user to do.",
        ));
    }
    if path.ends_with("/recording/") && method == "get" {
        refusals.push((
            Code::Conflict,
            "`conflict`: the recording is still being made.",
        ));
    }
    if path.ends_with("/coach_leg/") && method == "post" {
        refusals.push((
            Code::CallFull,
            "`inbound_call`: the lead called in.\n\n`external_number`: the call is not from an internal number.\n\n`call_full`: it has as many parties as it may.\n\n`user_offline`: coaching takes a sign-in with `client_type` `native`.",
        ));
        refusals.push((
            Code::PlanRequired,
            "`plan_required`: the organization's plan has no coaching.\n\n`own_call`: a rep cannot coach their own call.",
        ));
        refusals.push((
            Code::InviteExpired,
            "`invite_expired`: the invitation is no longer open.",
        ));
    }
    if path.ends_with("/invitation/") && method == "post" {
        refusals.push((
            Code::UserOffline,
            "`user_offline`: somebody has no desktop app online; nobody was invited.",
        ));
        refusals.push((
            Code::RateLimited,
            "`rate_limited`: too many invitations are open.",
        ));
    }
    if path.ends_with("/decline/") {
        refusals.push((
            Code::InviteExpired,
            "`invite_expired`: the invitation is no longer open.",
        ));
    }
    refusals
}

/// Whether an operation takes the permission to manage the organization.
fn is_managed(path: &str, method: &str) -> bool {
    let method = method.to_uppercase().parse().unwrap_or_default();
    access::rule(&method, path)
        .is_some_and(|rule| rule.who == access::Who::Permission(Permission::ManageOrganization))
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
pub async fn document(text: Arc<str>) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        text.to_string(),
    )
        .into_response()
}

/// The document as text, made once.
pub fn text(document: &utoipa::openapi::OpenApi) -> Arc<str> {
    match complete(document) {
        Ok(value) => value.to_string().into(),
        Err(error) => {
            tracing::error!(%error, "the OpenAPI document could not be written");
            "{}".into()
        }
    }
}
