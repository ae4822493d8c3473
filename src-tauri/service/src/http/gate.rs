//! The gate in front of every route.

use super::error::{Refused, method_not_allowed};
use super::line::Line;
use crate::access::{allows, authenticate, rule, rules_of};
use crate::app::App;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use store::Principal;
use wire::route::{Rule, Who};
use wire::{Code, Permission};

/// Lets through who may ask for this route, and puts who that is into the request.
pub async fn gate(
    State(app): State<Arc<App>>,
    matched: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    // Nothing is at this path: that is said below.
    let Some(matched) = matched else {
        return next.run(request).await;
    };
    let path = matched.as_str();
    let Some(rule) = rule(request.method(), path) else {
        return unlisted(path).await;
    };
    let line = rule
        .audited
        .map(|action| Line::new(app.clone(), action, path, &request));
    let admitted = admit(&app, rule, request.headers()).await;
    let who = admitted
        .as_ref()
        .map_or_else(|(who, _)| who.clone(), Option::clone);
    let line = line.map(|line| line.by(who));
    let response = match admitted {
        Ok(who) => {
            if let Some(who) = who {
                request.extensions_mut().insert(who);
            }
            if let Some(line) = &line {
                request.extensions_mut().insert(line.note());
            }
            next.run(request).await
        }
        Err((_, refused)) => refused.into_response(),
    };
    if let Some(line) = line {
        line.answered(&response);
    }
    response
}

/// Who asks, when the rule lets them; none where nobody has to say who they are.
///
/// # Errors
/// The refusal, with who was refused where that is known.
async fn admit(
    app: &App,
    rule: &Rule,
    headers: &HeaderMap,
) -> Result<Option<Principal>, (Option<Principal>, Refused)> {
    let nobody = |refused: Refused| (None, refused);
    if rule.who == Who::Anybody {
        return Ok(None);
    }
    let token = bearer(headers).ok_or_else(|| nobody(unauthenticated()))?;
    let who = authenticate(&app.auth, token).await;
    let who = who.map_err(|error| nobody(error.into()))?;
    let who = who.ok_or_else(|| nobody(unauthenticated()))?;
    if allows(rule.who, &who.permissions) {
        Ok(Some(who))
    } else {
        Err((Some(who), permission_required(rule.who)))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
}

/// The refusal of who has not said who they are.
pub fn unauthenticated() -> Refused {
    Refused::new(
        Code::Unauthenticated,
        "Send `Authorization: Bearer …` with a valid access token. Refresh yours or sign in.",
    )
}

fn permission_required(who: Who) -> Refused {
    let message = match who {
        Who::Permission(Permission::DeleteRecordings) => {
            "You don't have permission to delete recordings. An admin can change your role."
        }
        Who::Permission(Permission::CallCoachListen) => {
            "You don't have permission to listen to calls. An admin can change your role."
        }
        Who::Permission(Permission::CallCoachBarge) => {
            "You don't have permission to whisper and barge. An admin can change your role."
        }
        _ => "You don't have permission to manage the organization. An admin can change your role.",
    };
    Refused::new(Code::PermissionRequired, message)
}

/// What is not in the table is refused, also when it has a handler.
async fn unlisted(path: &str) -> Response {
    let methods: Vec<&str> = rules_of(path).map(|rule| rule.method.as_str()).collect();
    if methods.is_empty() {
        tracing::error!(path, "a route isn't in the table of routes");
        return Refused::not_found("path").into_response();
    }
    let mut response = method_not_allowed().await;
    if let Ok(allow) = HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}
