//! Groups, and who is in them.

use super::check::{fresh, name, people};
use super::error::Refused;
use super::extract::{Caller, Id, JsonBody};
use crate::app::App;
use crate::audit::Note;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
use wire::{Group, GroupId, GroupRequest};

/// Makes a group.
///
/// It takes the permission `manage_organization`. A person who is no member of the organization is
/// `not_found`.
#[utoipa::path(
    post, path = "/api/v1/group/", tag = "administration", request_body = GroupRequest,
    responses((status = 201, description = "The new group.", body = Group))
)]
pub async fn create_group(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    note: Note,
    JsonBody(request): JsonBody<GroupRequest>,
) -> Result<(StatusCode, Json<Group>), Refused> {
    let request = checked(request)?;
    note.detail(&request.name);
    let id = fresh(GroupId::from_suffix)?;
    let group = app
        .store
        .create_group(&who.organization_id, id, &request)
        .await?
        .ok_or_else(|| Refused::not_found("user"))?;
    note.target(&group.id);
    tracing::info!(by = %who.user_id, group_id = %group.id, "a group was made");
    app.directory_changed(&who.organization_id);
    Ok((StatusCode::CREATED, Json(group)))
}

/// Changes a group's name and its members.
///
/// It takes the permission `manage_organization`. The active members are those who are named; who is
/// not active keeps their place in the group. A person who is no member of the organization is
/// `not_found`.
#[utoipa::path(
    put, path = "/api/v1/group/{id}/", tag = "administration",
    params(("id" = GroupId, Path)), request_body = GroupRequest,
    responses((status = 200, description = "The group, as it is now.", body = Group))
)]
pub async fn change_group(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<GroupId>,
    note: Note,
    JsonBody(request): JsonBody<GroupRequest>,
) -> Result<Json<Group>, Refused> {
    let request = checked(request)?;
    note.detail(&request.name);
    let group = app
        .store
        .change_group(&who.organization_id, &id, &request)
        .await?
        .ok_or_else(|| Refused::not_found("group or user"))?;
    tracing::info!(by = %who.user_id, group_id = %id, "a group was changed");
    app.directory_changed(&who.organization_id);
    Ok(Json(group))
}

/// Deletes a group; its members stay members of the organization.
///
/// It takes the permission `manage_organization`.
#[utoipa::path(
    delete, path = "/api/v1/group/{id}/", tag = "administration", params(("id" = GroupId, Path)),
    responses((status = 204, description = "It is deleted."))
)]
pub async fn delete_group(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<GroupId>,
) -> Result<StatusCode, Refused> {
    if !app.store.delete_group(&who.organization_id, &id).await? {
        return Err(Refused::not_found("group"));
    }
    tracing::info!(by = %who.user_id, group_id = %id, "a group was deleted");
    app.directory_changed(&who.organization_id);
    Ok(StatusCode::NO_CONTENT)
}

fn checked(request: GroupRequest) -> Result<GroupRequest, Refused> {
    people("members", &request.members)?;
    Ok(GroupRequest {
        name: name("name", &request.name)?,
        members: request.members,
    })
}
