//! Invitations into the organization, by links that are good once.

use super::check::{fresh, invalid, to_its_end};
use super::error::Refused;
use super::routes::{Anybody, Ask, Routes};
use crate::auth::email;
use std::time::Instant;
use store::NewInvite;
use store::clock::now;
use store::random;
use wire::{
    AcceptInviteRequest, InviteLookup, InviteOffer, List, ListQuery, MemberInvite, MemberInviteId,
    MemberInviteRequest, NewMemberInvite, Tokens, route,
};

const HOURS_MAX: u32 = 720;
const HOUR_MS: i64 = 3_600_000;
const GROUPS_MAX: usize = 100;

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_MEMBER_INVITES, list)
        .on(route::CREATE_MEMBER_INVITE, create)
        .on(route::REVOKE_MEMBER_INVITE, revoke)
        .on(route::LOOK_UP_INVITE, look_up)
        .on(route::ACCEPT_INVITE, accept)
}

async fn list(ask: Ask<(), ListQuery>) -> Result<List<MemberInvite>, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    let invites = app
        .store
        .invites(&who.organization_id, now(), &input)
        .await?;
    Ok(invites)
}

async fn create(ask: Ask<(), MemberInviteRequest>) -> Result<NewMemberInvite, Refused> {
    let Ask { app, who, note, .. } = ask;
    let request = ask.input;
    if !(1..=HOURS_MAX).contains(&request.expires_in_hours) {
        return Err(invalid(format!(
            "`expires_in_hours` must be 1 to {HOURS_MAX}."
        )));
    }
    if request.group_ids.len() > GROUPS_MAX {
        return Err(invalid(format!(
            "`group_ids` can have up to {GROUPS_MAX} entries."
        )));
    }
    let email = request.email.as_deref().map(email).transpose()?;
    if let Some(email) = &email {
        note.detail(email);
    }
    let at = now();
    let token = random::secret();
    let new = NewInvite {
        id: fresh(MemberInviteId::from_suffix)?,
        token_hash: random::hash(&token),
        email,
        role_id: request.role_id,
        group_ids: request.group_ids,
        inviter_id: who.user_id.clone(),
        now: at,
        expires_at: at.plus_millis(i64::from(request.expires_in_hours) * HOUR_MS),
    };
    let invite = app
        .store
        .create_invite(&who.organization_id, new)
        .await?
        .ok_or_else(|| Refused::not_found("role or group"))?;
    note.target(&invite.id);
    tracing::info!(by = %who.user_id, invite_id = %invite.id, "created an invite link");
    Ok(NewMemberInvite { invite, token })
}

async fn revoke(Ask { app, who, id, .. }: Ask<MemberInviteId, ()>) -> Result<(), Refused> {
    if !app.store.revoke_invite(&who.organization_id, &id).await? {
        return Err(Refused::not_found("invitation"));
    }
    tracing::info!(by = %who.user_id, invite_id = %id, "revoked an invite link");
    Ok(())
}

async fn look_up(ask: Ask<(), InviteLookup, Anybody>) -> Result<InviteOffer, Refused> {
    let (address, at) = (ask.who.address, Instant::now());
    let offer = ask
        .app
        .auth
        .invite_offer(&ask.input.token, address, at, now());
    Ok(offer.await?)
}

async fn accept(ask: Ask<(), AcceptInviteRequest, Anybody>) -> Result<Tokens, Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    to_its_end(async move {
        let (tokens, organization) = app
            .auth
            .accept_invite(&input, who.address, Instant::now(), now())
            .await?;
        note.signed_in(&tokens);
        app.metrics.sign_in(true);
        tracing::info!(user_id = %tokens.user_id, organization_id = %organization, "a member joined with an invite link");
        app.member_came(&organization, &tokens.user_id);
        Ok(tokens)
    })
    .await
}
