//! Signing in and staying signed in.

use super::check::to_its_end;
use super::error::Refused;
use super::routes::{Anybody, Ask, Routes};
use crate::auth::AuthError;
use std::time::Instant;
use store::clock::now;
use wire::{
    AuthOptions, EmailConfirmation, ForgotPasswordRequest, PasswordResetLookup, PasswordResetOffer,
    PasswordResetRequest, RefreshRequest, SignInRequest, SignOutRequest, Tokens, route,
};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::SIGN_IN, sign_in)
        .on(route::REFRESH, refresh)
        .on(route::SIGN_OUT, sign_out)
        .on(route::LOOK_UP_PASSWORD_RESET, look_up_reset)
        .on(route::RESET_PASSWORD, reset_password)
        .on(route::FORGOT_PASSWORD, forgot)
        .on(route::CONFIRM_EMAIL, confirm_email)
        .on(route::AUTH_OPTIONS, options)
}

async fn sign_in(ask: Ask<(), SignInRequest, Anybody>) -> Result<Tokens, Refused> {
    let (app, request) = (ask.app, ask.input);
    ask.note.tried(&request.email);
    let tokens = app
        .auth
        .sign_in(&request, ask.who.address, Instant::now(), now())
        .await;
    // Who is to show a second factor neither has signed in nor failed to.
    if !matches!(tokens, Err(AuthError::SecondStep { .. })) {
        app.metrics.sign_in(tokens.is_ok());
    }
    let tokens = tokens?;
    ask.note.signed_in(&tokens);
    Ok(tokens)
}

async fn refresh(ask: Ask<(), RefreshRequest, Anybody>) -> Result<Tokens, Refused> {
    let (app, request, address) = (ask.app, ask.input, ask.who.address);
    let refreshed = app.auth.refresh(&request.refresh_token, address, now());
    match refreshed.await {
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

async fn look_up_reset(
    ask: Ask<(), PasswordResetLookup, Anybody>,
) -> Result<PasswordResetOffer, Refused> {
    let (address, at) = (ask.who.address, Instant::now());
    let offer = ask
        .app
        .auth
        .reset_offer(&ask.input.token, address, at, now());
    Ok(offer.await?)
}

async fn reset_password(ask: Ask<(), PasswordResetRequest, Anybody>) -> Result<(), Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    to_its_end(async move {
        let reset = app
            .auth
            .reset_password(&input, who.address, Instant::now(), now())
            .await?;
        note.member(&reset.user_id);
        tracing::info!(user_id = %reset.user_id, "a password was reset with a link");
        app.signed_out(&reset.ended);
        Ok(())
    })
    .await
}

async fn forgot(ask: Ask<(), ForgotPasswordRequest, Anybody>) -> Result<(), Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    note.tried(&input.email);
    let email = app
        .auth
        .may_ask_reset(&input.email, who.address, Instant::now())?;
    // Behind the answer, which takes as long for nobody's address.
    tokio::spawn(async move {
        if let Err(error) = app.auth.mail_reset(&email, now()).await {
            tracing::error!(%error, "couldn't make a reset link");
        }
    });
    Ok(())
}

async fn confirm_email(ask: Ask<(), EmailConfirmation, Anybody>) -> Result<(), Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    to_its_end(async move {
        let confirmed = app
            .auth
            .confirm_email(&input.token, who.address, Instant::now(), now())
            .await?;
        let user = &confirmed.user.id;
        note.member(user);
        note.detail(&confirmed.email);
        tracing::info!(user_id = %user, "a member confirmed an email address");
        app.profile_changed(&confirmed.organization_id, user).await;
        Ok(())
    })
    .await
}

async fn options(ask: Ask<(), (), Anybody>) -> Result<AuthOptions, Refused> {
    Ok(AuthOptions {
        reset_by_mail: ask.app.auth.sends_mail(),
    })
}
