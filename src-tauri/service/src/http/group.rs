//! Groups, and who is in them.

use super::check::{fresh, name, people};
use super::error::Refused;
use super::routes::{Ask, Routes};
use wire::{Group, GroupId, GroupRequest, List, ListQuery, route};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_GROUPS, list)
        .on(route::CREATE_GROUP, create)
        .on(route::CHANGE_GROUP, change)
        .on(route::DELETE_GROUP, delete)
}

async fn list(
    Ask {
        app, who, input, ..
    }: Ask<(), ListQuery>,
) -> Result<List<Group>, Refused> {
    let groups = app.store.groups(&who.organization_id, &input);
    Ok(groups.await?)
}

async fn create(ask: Ask<(), GroupRequest>) -> Result<Group, Refused> {
    let Ask { app, who, note, .. } = ask;
    let request = checked(ask.input)?;
    note.detail(&request.name);
    let id = fresh(GroupId::from_suffix)?;
    let group = app
        .store
        .create_group(&who.organization_id, id, &request)
        .await?
        .ok_or_else(|| Refused::not_found("user"))?;
    note.target(&group.id);
    tracing::info!(by = %who.user_id, group_id = %group.id, "created a group");
    app.directory_changed(&who.organization_id);
    Ok(group)
}

async fn change(ask: Ask<GroupId, GroupRequest>) -> Result<Group, Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let request = checked(ask.input)?;
    note.detail(&request.name);
    let group = app
        .store
        .change_group(&who.organization_id, &id, &request)
        .await?
        .ok_or_else(|| Refused::not_found("group or user"))?;
    tracing::info!(by = %who.user_id, group_id = %id, "changed a group");
    app.directory_changed(&who.organization_id);
    Ok(group)
}

async fn delete(Ask { app, who, id, .. }: Ask<GroupId, ()>) -> Result<(), Refused> {
    if !app.store.delete_group(&who.organization_id, &id).await? {
        return Err(Refused::not_found("group"));
    }
    tracing::info!(by = %who.user_id, group_id = %id, "deleted a group");
    app.directory_changed(&who.organization_id);
    Ok(())
}

fn checked(request: GroupRequest) -> Result<GroupRequest, Refused> {
    people("members", &request.members)?;
    Ok(GroupRequest {
        name: name(&request.name)?,
        members: request.members,
    })
}
