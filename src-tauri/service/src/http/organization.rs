//! People and what they may do.

use super::check::{invalid, name, to_its_end};
use super::error::Refused;
use super::extract::{Caller, Id, JsonBody, Params};
use crate::app::App;
use crate::audit::{self, Note};
use crate::clock::now;
use axum::Json;
use axum::extract::State;
use std::sync::Arc;
use wire::{
    AuditAction, Availability, Group, List, ListQuery, Me, Member, Membership, MembershipId,
    MembershipPatch, Organization, OrganizationId, OrganizationPatch, Role, User, UserId,
};

/// Days that recordings are kept at most, a hundred years.
const RETENTION_DAYS_MAX: u32 = 36_500;
/// Micro-dollars that count as a low balance at most, a million dollars.
const LOW_BALANCE_MAX: i64 = 1_000_000_000_000;

/// Who is signed in, in which organization, with which role and permissions.
#[utoipa::path(
    get, path = "/api/v1/me/", tag = "organization",
    responses((status = 200, description = "The signed-in user.", body = Me))
)]
pub async fn me(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Json<Me>, Refused> {
    let me = app.store.me(&who.user_id, now()).await?;
    me.map(Json).ok_or_else(|| Refused::not_found("user"))
}

/// The organization's active members, by name.
#[utoipa::path(
    get, path = "/api/v1/user/", tag = "organization", params(ListQuery),
    responses((status = 200, description = "One page.", body = List<User>))
)]
pub async fn users(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<User>>, Refused> {
    let users = app.store.users(&who.organization_id, &query);
    Ok(Json(users.await?))
}

/// One member of the organization, also one who is not active any more.
#[utoipa::path(
    get, path = "/api/v1/user/{id}/", tag = "organization", params(("id" = UserId, Path)),
    responses((status = 200, description = "The user.", body = User))
)]
pub async fn user(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<UserId>,
) -> Result<Json<User>, Refused> {
    let user = app.store.user(&who.organization_id, &id);
    user.await?
        .map(Json)
        .ok_or_else(|| Refused::not_found("user"))
}

/// Who is online with which type of client, and on which calls: every active member. Changes come as
/// `availability_changed` on the WebSocket.
#[utoipa::path(
    get, path = "/api/v1/user/availability/", tag = "organization",
    responses((status = 200, description = "Every active member.", body = Availability))
)]
pub async fn user_availability(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
) -> Result<Json<Availability>, Refused> {
    Ok(Json(app.availability(&who.organization_id).await?))
}

/// The organization's roles, with the permissions that each holds.
#[utoipa::path(
    get, path = "/api/v1/role/", tag = "organization", params(ListQuery),
    responses((status = 200, description = "One page.", body = List<Role>))
)]
pub async fn roles(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<Role>>, Refused> {
    let roles = app.store.roles(&who.organization_id, &query);
    Ok(Json(roles.await?))
}

/// The organization's groups, with their active members.
#[utoipa::path(
    get, path = "/api/v1/group/", tag = "organization", params(ListQuery),
    responses((status = 200, description = "One page.", body = List<Group>))
)]
pub async fn groups(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<Group>>, Refused> {
    let groups = app.store.groups(&who.organization_id, &query);
    Ok(Json(groups.await?))
}

/// Every member, active or not, by name.
///
/// It takes the permission `manage_organization`. Everybody sees the active ones under `/api/v1/user/`.
#[utoipa::path(
    get, path = "/api/v1/membership/", tag = "administration", params(ListQuery),
    responses((status = 200, description = "One page.", body = List<Member>))
)]
pub async fn memberships(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<Member>>, Refused> {
    let members = app.store.every_member(&who.organization_id, &query);
    Ok(Json(members.await?))
}

/// Gives a member another role, deactivates or activates them, or says whether their calls are recorded.
///
/// It takes the permission `manage_organization`, and takes effect at once, also on calls in progress:
/// a coach who may not listen any more is out of the call, one who may not barge any more is moved to
/// Listen; who is deactivated is signed out everywhere. The last active member who may manage the
/// organization stays one (`conflict`).
#[utoipa::path(
    patch, path = "/api/v1/membership/{id}/", tag = "administration",
    params(("id" = MembershipId, Path)), request_body = MembershipPatch,
    responses((status = 200, description = "The membership, as it is now.", body = Membership))
)]
pub async fn patch_membership(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<MembershipId>,
    note: Note,
    JsonBody(patch): JsonBody<MembershipPatch>,
) -> Result<Json<Membership>, Refused> {
    note.detail(told(&patch));
    to_its_end(async move {
        let change = app
            .store
            .patch_membership(&who.organization_id, &id, &patch)
            .await?
            .ok_or_else(|| Refused::not_found("membership or role"))?;
        note.target(&change.user_id);
        tracing::info!(
            by = %who.user_id, user_id = %change.user_id, active = change.active,
            role_id = %change.membership.role_id, "a membership was changed"
        );
        app.member_changed(&who.organization_id, &change).await;
        Ok(Json(change.membership))
    })
    .await
}

/// What the audit log says of it: `role role_1, deactivated`.
fn told(patch: &MembershipPatch) -> String {
    let role = patch.role_id.as_ref().map(|role| format!("role {role}"));
    let active = patch.active.map(|active| {
        let word = if active { "activated" } else { "deactivated" };
        word.to_owned()
    });
    let recording = patch.recording.as_ref().and_then(audit::name);
    let recording = recording.map(|recording| format!("recording {recording}"));
    let parts: Vec<String> = role.into_iter().chain(active).chain(recording).collect();
    parts.join(", ")
}

/// Changes the organization's name, its plan, how it records, and what counts as a low balance.
///
/// It takes the permission `manage_organization`. What is not given stays. A plan takes effect at once,
/// also on calls in progress; how it records, from the next call on.
#[utoipa::path(
    patch, path = "/api/v1/organization/{id}/", tag = "administration",
    params(("id" = OrganizationId, Path)), request_body = OrganizationPatch,
    responses((status = 200, description = "The organization, as it is now.", body = Organization))
)]
pub async fn patch_organization(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<OrganizationId>,
    note: Note,
    JsonBody(patch): JsonBody<OrganizationPatch>,
) -> Result<Json<Organization>, Refused> {
    if let Some(plan) = &patch.plan {
        note.action(AuditAction::PlanChanged);
        note.detail(audit::name(plan).unwrap_or_default());
    }
    if id != who.organization_id {
        return Err(Refused::not_found("organization"));
    }
    let patch = checked(patch)?;
    to_its_end(async move {
        let organization = app
            .store
            .patch_organization(&id, &patch, now())
            .await?
            .ok_or_else(|| Refused::not_found("organization"))?;
        tracing::info!(
            by = %who.user_id, organization_id = %id, plan = ?organization.plan,
            recording = ?organization.recording, "the organization was changed"
        );
        app.organization_changed(&organization, patch.plan.is_some())
            .await;
        if patch.low_balance_micro_dollars.is_some() {
            app.balances.note(id);
        }
        Ok(Json(organization))
    })
    .await
}

fn checked(mut patch: OrganizationPatch) -> Result<OrganizationPatch, Refused> {
    if patch == OrganizationPatch::default() {
        return Err(invalid("There is nothing to change in the body."));
    }
    if let Some(text) = patch.name.take() {
        patch.name = Some(name("name", &text)?);
    }
    let days = patch
        .recording
        .as_ref()
        .map(|recording| recording.retention_days);
    if days.is_some_and(|days| days > RETENTION_DAYS_MAX) {
        return Err(invalid(format!(
            "`retention_days` takes 0, for as long as the lead is kept, to {RETENTION_DAYS_MAX}."
        )));
    }
    let low = patch.low_balance_micro_dollars.map(|amount| amount.0);
    if low.is_some_and(|low| !(0..=LOW_BALANCE_MAX).contains(&low)) {
        return Err(invalid(format!(
            "`low_balance_micro_dollars` takes 0 to {LOW_BALANCE_MAX}."
        )));
    }
    Ok(patch)
}
