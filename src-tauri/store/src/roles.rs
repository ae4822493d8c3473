//! The roles that an organization begins with, and those that it makes for itself (A1).

use crate::StoreError;
use crate::database::Database;
use crate::organizations::{keep_a_manager, permissions};
use crate::sql::{Tx, sql, to_text};
use wire::{OrganizationId, Permission, Role, RoleId, RoleRequest, UserId};

/// Roles of an organization at most.
pub const ROLES_MAX: i64 = 100;

/// The roles that every organization begins with (A1).
pub(crate) const BUILT_IN: &[(&str, &[Permission])] = &[
    (
        "Admin",
        &[
            Permission::CallCoachListen,
            Permission::CallCoachBarge,
            Permission::ManageOrganization,
            Permission::DeleteRecordings,
        ],
    ),
    (
        "Manager",
        &[Permission::CallCoachListen, Permission::CallCoachBarge],
    ),
    ("Trainee", &[Permission::CallCoachListen]),
    ("User", &[]),
];

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
        let mut tx = self.write(organization.as_str()).await?;
        let count = sql("SELECT count(*) AS count FROM role WHERE organization_id = $1")
            .bind(organization.as_str())
            .count(&mut tx)
            .await?;
        if count >= ROLES_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization can have up to {ROLES_MAX} roles. Delete one first."
            )));
        }
        name_is_free(&mut tx, organization, None, &request.name).await?;
        sql("INSERT INTO role (id, organization_id, name, built_in) VALUES ($1, $2, $3, 0)")
            .bind(id.as_str())
            .bind(organization.as_str())
            .bind(&request.name)
            .execute(&mut tx)
            .await?;
        let role = hold(&mut tx, &id, request).await?;
        tx.commit().await?;
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
        let mut tx = self.write(organization.as_str()).await?;
        if !own_role(&mut tx, organization, id).await? {
            return Ok(None);
        }
        name_is_free(&mut tx, organization, Some(id), &request.name).await?;
        sql("UPDATE role SET name = $1 WHERE id = $2")
            .bind(&request.name)
            .bind(id.as_str())
            .execute(&mut tx)
            .await?;
        sql("DELETE FROM role_permission WHERE role_id = $1")
            .bind(id.as_str())
            .execute(&mut tx)
            .await?;
        let role = hold(&mut tx, id, request).await?;
        keep_a_manager(&mut tx, organization).await?;
        let members = sql("SELECT account_id FROM membership WHERE role_id = $1 AND active = 1")
            .bind(id.as_str())
            .all(&mut tx)
            .await?
            .iter()
            .map(|row| row.named("account_id"))
            .collect::<Result<Vec<UserId>, _>>()?;
        tx.commit().await?;
        Ok(Some(RoleChange { role, members }))
    }

    /// Deletes one; whether there was one. [`StoreError::Conflict`] for a built-in one and for one that
    /// a member holds.
    pub async fn delete_role(
        &self,
        organization: &OrganizationId,
        id: &RoleId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        if !own_role(&mut tx, organization, id).await? {
            return Ok(false);
        }
        let members = sql("SELECT count(*) AS count FROM membership WHERE role_id = $1")
            .bind(id.as_str())
            .count(&mut tx)
            .await?;
        if members > 0 {
            let members = match members {
                1 => "1 member has".to_owned(),
                many => format!("{many} members have"),
            };
            return Err(StoreError::Conflict(format!(
                "{members} this role. Give them another one first."
            )));
        }
        sql("DELETE FROM role WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Whether there is such a role in the organization; one that came with it is not to be touched.
async fn own_role(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &RoleId,
) -> Result<bool, StoreError> {
    let row = sql("SELECT built_in FROM role WHERE id = $1 AND organization_id = $2")
        .bind(id.as_str())
        .bind(organization.as_str())
        .optional(tx)
        .await?;
    let Some(row) = row else {
        return Ok(false);
    };
    if row.truth("built_in")? {
        return Err(StoreError::Conflict(
            "Built-in roles can't be changed or deleted. Create a role of your own instead.".into(),
        ));
    }
    Ok(true)
}

/// Two roles whose names differ only in the case of letters could not be told apart by people.
async fn name_is_free(
    tx: &mut Tx,
    organization: &OrganizationId,
    of: Option<&RoleId>,
    name: &str,
) -> Result<(), StoreError> {
    let wanted = name.to_lowercase();
    let rows = sql("SELECT id, name FROM role WHERE organization_id = $1")
        .bind(organization.as_str())
        .all(tx)
        .await?;
    for row in &rows {
        let other: RoleId = row.named("id")?;
        if Some(&other) != of && row.text("name")?.to_lowercase() == wanted {
            return Err(StoreError::Conflict(
                "There's already a role with this name. Choose another name.".into(),
            ));
        }
    }
    Ok(())
}

/// Lets a role that holds nothing hold what is asked for; how it is then, with what that implies.
async fn hold(tx: &mut Tx, id: &RoleId, request: &RoleRequest) -> Result<Role, StoreError> {
    let mut wanted: Vec<Permission> = request.permissions.clone();
    wanted.sort_unstable();
    wanted.dedup();
    for permission in &wanted {
        sql("INSERT INTO role_permission (role_id, permission) VALUES ($1, $2)")
            .bind(id.as_str())
            .bind(to_text(permission)?)
            .execute(&mut *tx)
            .await?;
    }
    let row = sql(
        "SELECT name, built_in, (SELECT string_agg(permission, ',' ORDER BY permission) FROM role_permission
                                 WHERE role_permission.role_id = role.id) AS permissions
         FROM role WHERE id = $1",
    )
    .bind(id.as_str())
    .one(tx).await?;
    Ok(Role {
        id: id.clone(),
        name: row.text("name")?,
        permissions: permissions(&row)?,
        built_in: row.truth("built_in")?,
    })
}
