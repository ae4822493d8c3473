//! Groups, and who is in them.

use crate::StoreError;
use crate::database::{Database, all_members, column, failed, text};
use sqlx::SqliteConnection;
use wire::{Group, GroupId, GroupRequest, OrganizationId, UserId};

/// Groups of an organization at most.
pub const GROUPS_MAX: i64 = 1_000;

impl Database {
    /// Makes one; none when a member is none of the organization's.
    pub async fn create_group(
        &self,
        organization: &OrganizationId,
        id: GroupId,
        request: &GroupRequest,
    ) -> Result<Option<Group>, StoreError> {
        let mut tx = self.write().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM team WHERE organization_id = ?")
            .bind(organization.as_str())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed)?;
        if count >= GROUPS_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization has at most {GROUPS_MAX} groups. Delete one first."
            )));
        }
        sqlx::query("INSERT INTO team (id, organization_id, name) VALUES (?, ?, ?)")
            .bind(id.as_str())
            .bind(organization.as_str())
            .bind(&request.name)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        let Some(group) = fill(&mut tx, organization, &id, request).await? else {
            return Ok(None);
        };
        tx.commit().await.map_err(failed)?;
        Ok(Some(group))
    }

    /// Changes name and active members; who is not active keeps their place. None as above, and when
    /// there is no such group.
    pub async fn change_group(
        &self,
        organization: &OrganizationId,
        id: &GroupId,
        request: &GroupRequest,
    ) -> Result<Option<Group>, StoreError> {
        let mut tx = self.write().await?;
        let changed = sqlx::query("UPDATE team SET name = ? WHERE id = ? AND organization_id = ?")
            .bind(&request.name)
            .bind(id.as_str())
            .bind(organization.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        if changed.rows_affected() == 0 {
            return Ok(None);
        }
        sqlx::query(
            "DELETE FROM team_member WHERE team_id = ? AND account_id IN (
                 SELECT account_id FROM membership WHERE organization_id = ? AND active)",
        )
        .bind(id.as_str())
        .bind(organization.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        let Some(group) = fill(&mut tx, organization, id, request).await? else {
            return Ok(None);
        };
        tx.commit().await.map_err(failed)?;
        Ok(Some(group))
    }

    /// Deletes one; whether there was one.
    pub async fn delete_group(
        &self,
        organization: &OrganizationId,
        id: &GroupId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let deleted = sqlx::query("DELETE FROM team WHERE id = ? AND organization_id = ?")
            .bind(id.as_str())
            .bind(organization.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(deleted.rows_affected() > 0)
    }
}

/// Puts members into a group; how it is then. None when one of them is not the organization's.
async fn fill(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    id: &GroupId,
    request: &GroupRequest,
) -> Result<Option<Group>, StoreError> {
    if !all_members(connection, organization, &request.members).await? {
        return Ok(None);
    }
    for member in &request.members {
        sqlx::query("INSERT OR IGNORE INTO team_member (team_id, account_id) VALUES (?, ?)")
            .bind(id.as_str())
            .bind(member.as_str())
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    let rows = sqlx::query(
        "SELECT team.name, membership.account_id FROM team
         LEFT JOIN team_member ON team_member.team_id = team.id
         LEFT JOIN membership ON membership.account_id = team_member.account_id
                                 AND membership.active
         WHERE team.id = ?",
    )
    .bind(id.as_str())
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let mut members: Vec<UserId> = Vec::with_capacity(rows.len());
    for row in &rows {
        if !sqlx::ValueRef::is_null(&sqlx::Row::try_get_raw(row, "account_id").map_err(failed)?) {
            members.push(column(row, "account_id")?);
        }
    }
    let name = rows.first().map(|row| text(row, "name")).transpose()?;
    Ok(name.map(|name| Group {
        id: id.clone(),
        name,
        members,
    }))
}
