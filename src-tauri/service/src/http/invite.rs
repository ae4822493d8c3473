//! Invitations into the organization, by links that are good once.

use super::check::{fresh, invalid, to_its_end};
use super::error::Refused;
use super::extract::{Caller, Id, JsonBody, Params};
use crate::app::App;
use crate::audit::Note;
use crate::auth::email;
use crate::clock::now;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use store::NewInvite;
use store::random;
use wire::{
    AcceptInviteRequest, InviteLookup, InviteOffer, List, ListQuery, MemberInvite, MemberInviteId,
    MemberInviteRequest, NewMemberInvite, Tokens,
};

const HOURS_MAX: u32 = 720;
const HOUR_MS: i64 = 3_600_000;
const GROUPS_MAX: usize = 100;

/// The organization's invitations by link, newest first. None holds what its link does.
///
/// It takes the permission `manage_organization`.
#[utoipa::path(
    get, path = "/api/v1/member_invite/", tag = "administration", params(ListQuery),
    responses((status = 200, description = "One page.", body = List<MemberInvite>))
)]
pub async fn invites(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<MemberInvite>>, Refused> {
    let invites = app.store.invites(&who.organization_id, now(), &query);
    Ok(Json(invites.await?))
}

/// Invites somebody into the organization, by a link.
///
/// It takes the permission `manage_organization`. The answer holds the link's secret, this once: the
/// service keeps only its SHA-256. The link is good once, until it expires, is taken back, or who
/// invited may not manage the organization any more. A role or group of another organization is
/// `not_found`; an e-mail address that has an account already is a `conflict`.
#[utoipa::path(
    post, path = "/api/v1/member_invite/", tag = "administration",
    request_body = MemberInviteRequest,
    responses((status = 201, description = "The invitation and its secret.", body = NewMemberInvite))
)]
pub async fn create_invite(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    note: Note,
    JsonBody(request): JsonBody<MemberInviteRequest>,
) -> Result<(StatusCode, Json<NewMemberInvite>), Refused> {
    if !(1..=HOURS_MAX).contains(&request.expires_in_hours) {
        return Err(invalid(format!(
            "`expires_in_hours` takes 1 to {HOURS_MAX}."
        )));
    }
    if request.group_ids.len() > GROUPS_MAX {
        return Err(invalid(format!("`group_ids` takes at most {GROUPS_MAX}.")));
    }
    let email = request.email.as_deref().map(email).transpose()?;
    if let Some(email) = &email {
        note.detail(email);
    }
    let at = now();
    let token = random::secret();
    let invite = app
        .store
        .create_invite(
            &who.organization_id,
            NewInvite {
                id: fresh(MemberInviteId::from_suffix)?,
                token_hash: random::hash(&token),
                email,
                role_id: request.role_id,
                group_ids: request.group_ids,
                inviter_id: who.user_id.clone(),
                now: at,
                expires_at: at.plus_millis(i64::from(request.expires_in_hours) * HOUR_MS),
            },
        )
        .await?
        .ok_or_else(|| Refused::not_found("role or group"))?;
    note.target(&invite.id);
    tracing::info!(by = %who.user_id, invite_id = %invite.id, "somebody was invited by link");
    Ok((StatusCode::CREATED, Json(NewMemberInvite { invite, token })))
}

/// Takes an invitation back: its link is good no more.
///
/// It takes the permission `manage_organization`. One that was used is a `conflict`.
#[utoipa::path(
    delete, path = "/api/v1/member_invite/{id}/", tag = "administration",
    params(("id" = MemberInviteId, Path)),
    responses((status = 204, description = "It is taken back."))
)]
pub async fn revoke_invite(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<MemberInviteId>,
) -> Result<StatusCode, Refused> {
    if !app.store.revoke_invite(&who.organization_id, &id).await? {
        return Err(Refused::not_found("invitation"));
    }
    tracing::info!(by = %who.user_id, invite_id = %id, "an invitation by link was taken back");
    Ok(StatusCode::NO_CONTENT)
}

/// What a link offers, before it is used.
///
/// A link that is wrong, used, taken back or too old is `invite_expired`, without saying which. It
/// counts as a failed sign-in from its network address; after a number of them the answer is
/// `rate_limited`.
#[utoipa::path(
    post, path = "/api/v1/auth/invite/", tag = "auth", request_body = InviteLookup,
    responses((status = 200, description = "What is offered.", body = InviteOffer)), security(())
)]
pub async fn offer(
    State(app): State<Arc<App>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    JsonBody(lookup): JsonBody<InviteLookup>,
) -> Result<Json<InviteOffer>, Refused> {
    let offer = app
        .auth
        .invite_offer(&lookup.token, address.ip(), Instant::now(), now());
    Ok(Json(offer.await?))
}

/// Uses a link: makes an account, becomes a member with the role and the groups that were offered, and
/// signs in.
///
/// A link is good once. `invite_expired` and `rate_limited` are as for `/api/v1/auth/invite/`. When the
/// invitation is for an e-mail address, another one is an `invalid_request`; one that has an account
/// already is a `conflict`. A password has 10 to 1024 bytes.
#[utoipa::path(
    post, path = "/api/v1/auth/accept_invite/", tag = "auth", request_body = AcceptInviteRequest,
    responses((status = 200, description = "Signed in.", body = Tokens)), security(())
)]
pub async fn accept(
    State(app): State<Arc<App>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    note: Note,
    JsonBody(request): JsonBody<AcceptInviteRequest>,
) -> Result<Json<Tokens>, Refused> {
    to_its_end(async move {
        let (tokens, organization) = app
            .auth
            .accept_invite(&request, address.ip(), Instant::now(), now())
            .await?;
        note.signed_in(&tokens);
        app.metrics.sign_in(true);
        tracing::info!(user_id = %tokens.user_id, organization_id = %organization, "a member came by a link");
        app.member_came(&organization, &tokens.user_id);
        Ok(Json(tokens))
    })
    .await
}
