//! Signing in and staying signed in.

use super::error::Refused;
use super::routes::{Anybody, Ask, Routes};
use std::time::Instant;
use store::clock::now;
use wire::{RefreshRequest, SignInRequest, SignOutRequest, Tokens, route};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::SIGN_IN, sign_in)
        .on(route::REFRESH, refresh)
        .on(route::SIGN_OUT, sign_out)
}

async fn sign_in(ask: Ask<(), SignInRequest, Anybody>) -> Result<Tokens, Refused> {
    let (app, request) = (ask.app, ask.input);
    ask.note.tried(&request.email);
    let tokens = app
        .auth
        .sign_in(&request, ask.who.address, Instant::now(), now())
        .await;
    app.metrics.sign_in(tokens.is_ok());
    let tokens = tokens?;
    ask.note.signed_in(&tokens);
    Ok(tokens)
}

async fn refresh(ask: Ask<(), RefreshRequest, Anybody>) -> Result<Tokens, Refused> {
    let (app, request) = (ask.app, ask.input);
    match app.auth.refresh(&request.refresh_token, now()).await {
        Ok(tokens) => Ok(tokens),
        Err((error, ended)) => {
            if let Some(device) = ended {
                tracing::warn!(device_id = %device, "a refresh token was used twice; its sign-in is ended");
                app.hub.close_device(&device);
            }
            Err(error.into())
        }
    }
}

async fn sign_out(ask: Ask<(), SignOutRequest, Anybody>) -> Result<(), Refused> {
    let (user, device) = ask.app.auth.sign_out(&ask.input.refresh_token).await?;
    ask.note.signed_out(&user, &device);
    ask.app.hub.close_device(&device);
    Ok(())
}
