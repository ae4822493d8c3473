//! The roles that an organization makes for itself (A1).

use crate::StoreError;
use crate::database::{Database, column, failed, text, to_text};
use crate::organizations::{keep_a_manager, permissions};
use sqlx::{Row, SqliteConnection};
use wire::{OrganizationId, Permission, Role, RoleId, RoleRequest, UserId};

/// Roles of an organization at most.
pub const ROLES_MAX: i64 = 100;

/// A role that was changed, and whom that concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleChange {
    /// As it is now.
    pub role: Role,
    /// Its active members.
    pub members: Vec<UserId>,
}

impl Database {
    /// Makes one. [`StoreError::Conflict`] when the name is taken or there are too many.
    pub async fn create_role(
        &self,
        organization: &OrganizationId,
        id: RoleId,
        request: &RoleRequest,
    ) -> Result<Role, StoreError> {
        let mut tx = self.write().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM role WHERE organization_id = ?")
            .bind(organization.as_str())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed)?;
        if count >= ROLES_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization has at most {ROLES_MAX} roles. Delete one first."
            )));
        }
        name_is_free(&mut tx, organization, None, &request.name).await?;
        sqlx::query("INSERT INTO role (id, organization_id, name, built_in) VALUES (?, ?, ?, 0)")
            .bind(id.as_str())
            .bind(organization.as_str())
            .bind(&request.name)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        let role = hold(&mut tx, &id, request).await?;
        tx.commit().await.map_err(failed)?;
        Ok(role)
    }

    /// Changes one. [`StoreError::Conflict`] for a built-in one, a name that is taken, and when nobody
    /// would be left who may manage the organization.
    pub async fn change_role(
        &self,
        organization: &OrganizationId,
        id: &RoleId,
        request: &RoleRequest,
    ) -> Result<Option<RoleChange>, StoreError> {
        let mut tx = self.write().await?;
        if !own_role(&mut tx, organization, id).await? {
            return Ok(None);
        }
        name_is_free(&mut tx, organization, Some(id), &request.name).await?;
        sqlx::query("UPDATE role SET name = ? WHERE id = ?")
            .bind(&request.name)
            .bind(id.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        sqlx::query("DELETE FROM role_permission WHERE role_id = ?")
            .bind(id.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        let role = hold(&mut tx, id, request).await?;
        keep_a_manager(&mut tx, organization).await?;
        let members = sqlx::query("SELECT account_id FROM membership WHERE role_id = ? AND active")
            .bind(id.as_str())
            .fetch_all(&mut *tx)
            .await
            .map_err(failed)?
            .iter()
            .map(|row| column(row, "account_id"))
            .collect::<Result<Vec<UserId>, _>>()?;
        tx.commit().await.map_err(failed)?;
        Ok(Some(RoleChange { role, members }))
    }

    /// Deletes one; whether there was one. [`StoreError::Conflict`] for a built-in one and for one that
    /// a member holds.
    pub async fn delete_role(
        &self,
        organization: &OrganizationId,
        id: &RoleId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        if !own_role(&mut tx, organization, id).await? {
            return Ok(false);
        }
        let members: i64 = sqlx::query_scalar("SELECT count(*) FROM membership WHERE role_id = ?")
            .bind(id.as_str())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed)?;
        if members > 0 {
            let members = match members {
                1 => "1 member has".to_owned(),
                many => format!("{many} members have"),
            };
            return Err(StoreError::Conflict(format!(
                "{members} this role. Give them another one first."
            )));
        }
        sqlx::query("DELETE FROM role WHERE id = ?")
            .bind(id.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }
}

/// Whether there is such a role in the organization; one that came with it is not to be touched.
async fn own_role(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    id: &RoleId,
) -> Result<bool, StoreError> {
    let built_in: Option<bool> =
        sqlx::query_scalar("SELECT built_in FROM role WHERE id = ? AND organization_id = ?")
            .bind(id.as_str())
            .bind(organization.as_str())
            .fetch_optional(connection)
            .await
            .map_err(failed)?;
    match built_in {
        None => Ok(false),
        Some(false) => Ok(true),
        Some(true) => Err(StoreError::Conflict(
            "This role came with the organization and stays as it is. Make one of your own.".into(),
        )),
    }
}

/// Two roles whose names differ only in the case of letters could not be told apart by people.
async fn name_is_free(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    of: Option<&RoleId>,
    name: &str,
) -> Result<(), StoreError> {
    let wanted = name.to_lowercase();
    let rows = sqlx::query("SELECT id, name FROM role WHERE organization_id = ?")
        .bind(organization.as_str())
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    for row in &rows {
        let other: RoleId = column(row, "id")?;
        if Some(&other) != of && text(row, "name")?.to_lowercase() == wanted {
            return Err(StoreError::Conflict(
                "Another role has this name. Choose another name.".into(),
            ));
        }
    }
    Ok(())
}

/// Lets a role that holds nothing hold what is asked for; how it is then, with what that implies.
async fn hold(
    connection: &mut SqliteConnection,
    id: &RoleId,
    request: &RoleRequest,
) -> Result<Role, StoreError> {
    let mut wanted: Vec<Permission> = request.permissions.clone();
    wanted.sort_unstable();
    wanted.dedup();
    for permission in &wanted {
        sqlx::query("INSERT INTO role_permission (role_id, permission) VALUES (?, ?)")
            .bind(id.as_str())
            .bind(to_text(permission)?)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    let row = sqlx::query(
        "SELECT name, built_in, (SELECT group_concat(permission) FROM role_permission
                                 WHERE role_permission.role_id = role.id) AS permissions
         FROM role WHERE id = ?",
    )
    .bind(id.as_str())
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    Ok(Role {
        id: id.clone(),
        name: text(&row, "name")?,
        permissions: permissions(row.try_get("permissions").map_err(failed)?)?,
        built_in: row.try_get("built_in").map_err(failed)?,
    })
}
