//! The roles that an organization makes for itself (A1).

use super::check::{fresh, name, to_its_end};
use super::error::Refused;
use super::extract::{Caller, Id, JsonBody};
use crate::app::App;
use crate::audit::{self, Note};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
use wire::{Role, RoleId, RoleRequest};

/// Makes a role.
///
/// It takes the permission `manage_organization`. `call_coach_barge` implies `call_coach_listen`, which
/// the answer then lists. A name that another role has, in whatever case of letters, is a `conflict`,
/// and so is a role beyond the hundredth.
#[utoipa::path(
    post, path = "/api/v1/role/", tag = "administration", request_body = RoleRequest,
    responses((status = 201, description = "The new role.", body = Role))
)]
pub async fn create_role(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    note: Note,
    JsonBody(request): JsonBody<RoleRequest>,
) -> Result<(StatusCode, Json<Role>), Refused> {
    let request = checked(request)?;
    note.detail(told(&request));
    let id = fresh(RoleId::from_suffix)?;
    let role = app
        .store
        .create_role(&who.organization_id, id, &request)
        .await?;
    note.target(&role.id);
    tracing::info!(by = %who.user_id, role_id = %role.id, "a role was made");
    app.directory_changed(&who.organization_id);
    Ok((StatusCode::CREATED, Json(role)))
}

/// Changes a role's name and permissions.
///
/// It takes the permission `manage_organization`, and takes effect at once for every member who holds
/// the role, also on calls in progress: who may not listen any more is out of the call, who may not
/// barge any more is moved to Listen. It is a `conflict` for a role that came with the organization,
/// for a name that another role has, and when nobody would be left who may manage the organization.
#[utoipa::path(
    put, path = "/api/v1/role/{id}/", tag = "administration",
    params(("id" = RoleId, Path)), request_body = RoleRequest,
    responses((status = 200, description = "The role, as it is now.", body = Role))
)]
pub async fn change_role(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<RoleId>,
    note: Note,
    JsonBody(request): JsonBody<RoleRequest>,
) -> Result<Json<Role>, Refused> {
    let request = checked(request)?;
    note.detail(told(&request));
    to_its_end(async move {
        let change = app
            .store
            .change_role(&who.organization_id, &id, &request)
            .await?
            .ok_or_else(|| Refused::not_found("role"))?;
        tracing::info!(
            by = %who.user_id, role_id = %id, permissions = ?change.role.permissions,
            members = change.members.len(), "a role was changed"
        );
        app.role_changed(&who.organization_id, &change).await;
        Ok(Json(change.role))
    })
    .await
}

/// Deletes a role.
///
/// It takes the permission `manage_organization`. It is a `conflict` for a role that came with the
/// organization, and for one that a member holds, active or not. Open invitations to the role end.
#[utoipa::path(
    delete, path = "/api/v1/role/{id}/", tag = "administration", params(("id" = RoleId, Path)),
    responses((status = 204, description = "It is deleted."))
)]
pub async fn delete_role(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<RoleId>,
) -> Result<StatusCode, Refused> {
    if !app.store.delete_role(&who.organization_id, &id).await? {
        return Err(Refused::not_found("role"));
    }
    tracing::info!(by = %who.user_id, role_id = %id, "a role was deleted");
    app.directory_changed(&who.organization_id);
    Ok(StatusCode::NO_CONTENT)
}

/// What the audit log says of it: `Trainee (new): call_coach_listen`.
fn told(request: &RoleRequest) -> String {
    let held: Vec<String> = request.permissions.iter().filter_map(audit::name).collect();
    let held = if held.is_empty() {
        "nothing".to_owned()
    } else {
        held.join(" ")
    };
    format!("{}: {held}", request.name)
}

fn checked(request: RoleRequest) -> Result<RoleRequest, Refused> {
    Ok(RoleRequest {
        name: name("name", &request.name)?,
        permissions: request.permissions,
    })
}
