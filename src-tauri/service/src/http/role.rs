//! Roles: what came with the organization, and what it makes for itself (A1).

use super::check::{fresh, name, to_its_end};
use super::error::Refused;
use super::routes::{Ask, Routes};
use crate::audit;
use wire::{List, ListQuery, Role, RoleId, RoleRequest, route};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_ROLES, list)
        .on(route::CREATE_ROLE, create)
        .on(route::CHANGE_ROLE, change)
        .on(route::DELETE_ROLE, delete)
}

async fn list(
    Ask {
        app, who, input, ..
    }: Ask<(), ListQuery>,
) -> Result<List<Role>, Refused> {
    let roles = app.store.roles(&who.organization_id, &input);
    Ok(roles.await?)
}

async fn create(ask: Ask<(), RoleRequest>) -> Result<Role, Refused> {
    let Ask { app, who, note, .. } = ask;
    let request = checked(ask.input)?;
    note.detail(told(&request));
    let id = fresh(RoleId::from_suffix)?;
    let role = app
        .store
        .create_role(&who.organization_id, id, &request)
        .await?;
    note.target(&role.id);
    tracing::info!(by = %who.user_id, role_id = %role.id, "created a role");
    app.directory_changed(&who.organization_id);
    Ok(role)
}

async fn change(ask: Ask<RoleId, RoleRequest>) -> Result<Role, Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let request = checked(ask.input)?;
    note.detail(told(&request));
    to_its_end(async move {
        let change = app
            .store
            .change_role(&who.organization_id, &id, &request)
            .await?
            .ok_or_else(|| Refused::not_found("role"))?;
        tracing::info!(
            by = %who.user_id, role_id = %id, permissions = ?change.role.permissions,
            members = change.members.len(), "changed a role"
        );
        app.role_changed(&who.organization_id, &change).await;
        Ok(change.role)
    })
    .await
}

async fn delete(Ask { app, who, id, .. }: Ask<RoleId, ()>) -> Result<(), Refused> {
    if !app.store.delete_role(&who.organization_id, &id).await? {
        return Err(Refused::not_found("role"));
    }
    tracing::info!(by = %who.user_id, role_id = %id, "deleted a role");
    app.directory_changed(&who.organization_id);
    Ok(())
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
        name: name(&request.name)?,
        permissions: request.permissions,
    })
}
