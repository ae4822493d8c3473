//! Calls that come in.

use super::call::caller;
use super::error::Refused;
use super::extract::{Caller, Id, JsonBody};
use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
use wire::{Call, CallId, InboundCallRequest};

/// Takes a call that came in: rep and lead speak from now on. Only the rep may.
///
/// It rings as a call with direction `inbound` and status `ringing`, which `call_changed` tells. Connect
/// the rep's audio with `…/media/`. To decline, hang up.
#[utoipa::path(
    post, path = "/api/v1/activity/call/{id}/answer/", tag = "call", params(("id" = CallId, Path)),
    responses((status = 200, description = "The call, which is in progress.", body = Call))
)]
pub async fn answer(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
) -> Result<Json<Call>, Refused> {
    Ok(Json(app.calls.answer(&caller(&who), &id).await?))
}

/// Lets the simulated lead call in. Only where the service runs for itself alone (`--demo`).
#[utoipa::path(
    post, path = "/api/v1/demo/inbound_call/", tag = "call", request_body = InboundCallRequest,
    responses((status = 201, description = "It rings.", body = Call))
)]
pub async fn inbound_call(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    JsonBody(request): JsonBody<InboundCallRequest>,
) -> Result<(StatusCode, Json<Call>), Refused> {
    if !app.config.demo {
        return Err(Refused::not_found("simulated lead"));
    }
    let call = app.calls.receive(&caller(&who), &request).await?;
    Ok((StatusCode::CREATED, Json(call)))
}
