//! Signing in and staying signed in.

use super::error::Refused;
use super::extract::JsonBody;
use crate::app::App;
use crate::audit::Note;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use store::clock::now;
use wire::{RefreshRequest, SignInRequest, SignOutRequest, Tokens};

/// Signs in with e-mail and password.
///
/// Each sign-in is one device, with a `device_id` of its own. A user has at most twenty; the oldest
/// ends for the next. A wrong e-mail and a wrong password are answered alike, with `unauthenticated`.
/// After a number of failures, for an e-mail or from a network address, the answer is `rate_limited`.
#[utoipa::path(
    post, path = "/api/v1/auth/sign_in/", tag = "auth", request_body = SignInRequest,
    responses((status = 200, description = "Signed in.", body = Tokens)), security(())
)]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    note: Note,
    JsonBody(request): JsonBody<SignInRequest>,
) -> Result<Json<Tokens>, Refused> {
    note.tried(&request.email);
    let tokens = app
        .auth
        .sign_in(&request, address.ip(), Instant::now(), now())
        .await;
    app.metrics.sign_in(tokens.is_ok());
    let tokens = tokens?;
    note.signed_in(&tokens);
    Ok(Json(tokens))
}

/// Exchanges a refresh token for the next access and refresh token.
///
/// A refresh token is good once. One that was used before ends the whole sign-in, since somebody else
/// may hold it: its tokens are refused and its WebSockets closed.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh/", tag = "auth", request_body = RefreshRequest,
    responses((status = 200, description = "The next tokens.", body = Tokens)), security(())
)]
pub async fn refresh(
    State(app): State<Arc<App>>,
    JsonBody(request): JsonBody<RefreshRequest>,
) -> Result<Json<Tokens>, Refused> {
    match app.auth.refresh(&request.refresh_token, now()).await {
        Ok(tokens) => Ok(Json(tokens)),
        Err((error, ended)) => {
            if let Some(device) = ended {
                tracing::warn!(device_id = %device, "a refresh token was used twice; its sign-in is ended");
                app.hub.close_device(&device);
            }
            Err(error.into())
        }
    }
}

/// Ends a sign-in: its tokens are refused and its WebSockets closed.
#[utoipa::path(
    post, path = "/api/v1/auth/sign_out/", tag = "auth", request_body = SignOutRequest,
    responses((status = 204, description = "Signed out.")), security(())
)]
pub async fn sign_out(
    State(app): State<Arc<App>>,
    note: Note,
    JsonBody(request): JsonBody<SignOutRequest>,
) -> Result<StatusCode, Refused> {
    let (user, device) = app.auth.sign_out(&request.refresh_token).await?;
    note.signed_out(&user, &device);
    app.hub.close_device(&device);
    Ok(StatusCode::NO_CONTENT)
}
