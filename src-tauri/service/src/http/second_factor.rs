//! The second step of signing in, and what people do with their second factor.

use super::check;
use super::error::Refused;
use super::routes::{Anybody, Ask, Routes};
use std::time::Instant;
use store::clock::now;
use wire::{
    MembershipId, PasswordProof, RecoveryCodes, SecondFactorCode, SecondFactorSetup,
    SecondFactorSignIn, SecondFactorStatus, SecondStepRequest, TicketRequest, Tokens, route,
};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::SECOND_STEP, second_step)
        .on(route::SET_UP_AT_SIGN_IN, set_up_at_sign_in)
        .on(route::CONFIRM_AT_SIGN_IN, confirm_at_sign_in)
        .on(route::SECOND_FACTOR, status)
        .on(route::SET_UP_SECOND_FACTOR, set_up)
        .on(route::CONFIRM_SECOND_FACTOR, confirm)
        .on(route::RENEW_RECOVERY_CODES, renew)
        .on(route::REMOVE_SECOND_FACTOR, remove)
        .on(route::REMOVE_MEMBERS_SECOND_FACTOR, remove_of_member)
}

async fn second_step(ask: Ask<(), SecondStepRequest, Anybody>) -> Result<Tokens, Refused> {
    let (app, input) = (ask.app, ask.input);
    check::code(&input.code)?;
    let (address, at) = (ask.who.address, Instant::now());
    let tokens = app
        .auth
        .second_step(&input.ticket, &input.code, address, at, now())
        .await;
    app.metrics.sign_in(tokens.is_ok());
    let tokens = tokens?;
    ask.note.signed_in(&tokens);
    Ok(tokens)
}

async fn set_up_at_sign_in(
    ask: Ask<(), TicketRequest, Anybody>,
) -> Result<SecondFactorSetup, Refused> {
    Ok(ask
        .app
        .auth
        .set_up_by_ticket(&ask.input.ticket, now())
        .await?)
}

async fn confirm_at_sign_in(
    ask: Ask<(), SecondStepRequest, Anybody>,
) -> Result<SecondFactorSignIn, Refused> {
    let (app, input) = (ask.app, ask.input);
    check::code(&input.code)?;
    let (address, at) = (ask.who.address, Instant::now());
    let confirmed = app
        .auth
        .confirm_by_ticket(&input.ticket, &input.code, address, at, now());
    let (tokens, recovery_codes) = confirmed.await?;
    app.metrics.sign_in(true);
    ask.note.signed_in(&tokens);
    Ok(SecondFactorSignIn {
        tokens,
        recovery_codes,
    })
}

async fn status(Ask { app, who, .. }: Ask<(), ()>) -> Result<SecondFactorStatus, Refused> {
    Ok(app.auth.second_factor(&who.user_id).await?)
}

async fn set_up(ask: Ask<(), PasswordProof>) -> Result<SecondFactorSetup, Refused> {
    let address = ask.address()?;
    let Ask {
        app, who, input, ..
    } = ask;
    Ok(app
        .auth
        .set_up_second_factor(&who, &input, address, Instant::now(), now())
        .await?)
}

async fn confirm(ask: Ask<(), SecondFactorCode>) -> Result<RecoveryCodes, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    check::code(&input.code)?;
    let recovery_codes = app
        .auth
        .confirm_set_up(&who.user_id, &input.code, Instant::now(), now())
        .await?;
    tracing::info!(user_id = %who.user_id, "a member set up a second factor");
    Ok(RecoveryCodes { recovery_codes })
}

async fn renew(ask: Ask<(), PasswordProof>) -> Result<RecoveryCodes, Refused> {
    let address = ask.address()?;
    let Ask {
        app, who, input, ..
    } = ask;
    let recovery_codes = app
        .auth
        .renew_recovery_codes(&who, &input, address, Instant::now())
        .await?;
    tracing::info!(user_id = %who.user_id, "a member renewed their recovery codes");
    Ok(RecoveryCodes { recovery_codes })
}

async fn remove(ask: Ask<(), PasswordProof>) -> Result<(), Refused> {
    let address = ask.address()?;
    let Ask {
        app, who, input, ..
    } = ask;
    app.auth
        .remove_second_factor(&who, &input, address, Instant::now())
        .await?;
    tracing::info!(user_id = %who.user_id, "a member removed their second factor");
    Ok(())
}

async fn remove_of_member(ask: Ask<MembershipId, ()>) -> Result<(), Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let removed = app
        .store
        .remove_members_second_factor(&who.organization_id, &id)
        .await?;
    let (user, had) = removed.ok_or_else(|| Refused::not_found("membership"))?;
    note.target(&user);
    if !had {
        return Err(crate::auth::AuthError::MemberHasNoSecondFactor.into());
    }
    tracing::info!(by = %who.user_id, user_id = %user, "removed a member's second factor");
    Ok(())
}
