//! What people do with their own accounts, and what an admin does for a member who lost their password.

use super::check::{name, to_its_end};
use super::error::Refused;
use super::routes::{Ask, Routes};
use crate::app::App;
use std::time::Instant;
use store::Principal;
use store::clock::now;
use wire::{
    DeviceId, EmailChange, EmailRequest, List, Me, MembershipId, NewPasswordReset, PasswordRequest,
    ProfilePatch, SignInPlace, SignOutEverywhereRequest, route,
};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::CHANGE_PROFILE, change_profile)
        .on(route::CHANGE_EMAIL, change_email)
        .on(route::CHANGE_PASSWORD, change_password)
        .on(route::LIST_SIGN_INS, list_sign_ins)
        .on(route::END_SIGN_IN, end_sign_in)
        .on(route::SIGN_OUT_EVERYWHERE, sign_out_everywhere)
        .on(route::CREATE_PASSWORD_RESET, create_reset)
}

async fn change_profile(ask: Ask<(), ProfilePatch>) -> Result<Me, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    let first = input.first_name.as_deref().map(name).transpose()?;
    // Not everyone has one.
    let last = match input.last_name.as_deref().map(str::trim) {
        Some("") => Some(String::new()),
        last => last.map(name).transpose()?,
    };
    to_its_end(async move {
        app.store
            .rename(&who.user_id, first.as_deref(), last.as_deref())
            .await?;
        tracing::info!(user_id = %who.user_id, "a member changed their name");
        app.profile_changed(&who.organization_id, &who.user_id)
            .await;
        own(&app, &who).await
    })
    .await
}

async fn change_email(ask: Ask<(), EmailRequest>) -> Result<EmailChange, Refused> {
    let address = ask.address()?;
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    to_its_end(async move {
        let (email, confirmation_sent) = app
            .auth
            .change_email(&who, &input, address, Instant::now(), now())
            .await?;
        note.detail(&email);
        if !confirmation_sent {
            tracing::info!(user_id = %who.user_id, "a member changed their email address");
            app.profile_changed(&who.organization_id, &who.user_id)
                .await;
        }
        Ok(EmailChange { confirmation_sent })
    })
    .await
}

async fn change_password(ask: Ask<(), PasswordRequest>) -> Result<(), Refused> {
    let address = ask.address()?;
    let Ask {
        app, who, input, ..
    } = ask;
    to_its_end(async move {
        let ended = app
            .auth
            .change_password(&who, &input, address, Instant::now())
            .await?;
        tracing::info!(user_id = %who.user_id, "a member changed their password");
        app.signed_out(&ended);
        Ok(())
    })
    .await
}

async fn list_sign_ins(Ask { app, who, .. }: Ask<(), ()>) -> Result<List<SignInPlace>, Refused> {
    let mut places = app.store.sign_ins(&who.user_id, now()).await?;
    for place in &mut places {
        place.current = place.device_id == who.device_id;
    }
    Ok(List {
        data: places,
        has_more: false,
        cursor: None,
    })
}

async fn end_sign_in(Ask { app, who, id, .. }: Ask<DeviceId, ()>) -> Result<(), Refused> {
    to_its_end(async move {
        if !app.store.end_device(&who.user_id, &id).await? {
            return Err(Refused::not_found("sign-in"));
        }
        tracing::info!(user_id = %who.user_id, device_id = %id, "a member signed out a device");
        app.signed_out(&[id]);
        Ok(())
    })
    .await
}

async fn sign_out_everywhere(ask: Ask<(), SignOutEverywhereRequest>) -> Result<(), Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    note.detail(if input.also_here { "all" } else { "all others" });
    to_its_end(async move {
        let but = (!input.also_here).then_some(who.sign_in_id.as_str());
        let ended = app.store.end_sign_ins(&who.user_id, but).await?;
        tracing::info!(user_id = %who.user_id, devices = ended.len(), "a member signed out elsewhere");
        app.signed_out(&ended);
        Ok(())
    })
    .await
}

async fn create_reset(ask: Ask<MembershipId, ()>) -> Result<NewPasswordReset, Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let made = app.auth.create_reset(&who, &id, now()).await?;
    let made = made.ok_or_else(|| Refused::not_found("membership"))?;
    note.target(&made.user_id);
    tracing::info!(by = %who.user_id, user_id = %made.user_id, "created a password reset link");
    Ok(made)
}

async fn own(app: &App, who: &Principal) -> Result<Me, Refused> {
    let me = app.store.me(&who.user_id, now()).await?;
    me.ok_or_else(|| Refused::not_found("user"))
}
