//! Groups, and who is in them.

use crate::StoreError;
use crate::database::Database;
use crate::organizations::all_members;
use crate::sql::{Tx, sql};
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
        let mut tx = self.write(organization.as_str()).await?;
        let count = sql("SELECT count(*) AS count FROM team WHERE organization_id = $1")
            .bind(organization.as_str())
            .count(&mut tx)
            .await?;
        if count >= GROUPS_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization can have up to {GROUPS_MAX} groups. Delete one first."
            )));
        }
        sql("INSERT INTO team (id, organization_id, name) VALUES ($1, $2, $3)")
            .bind(id.as_str())
            .bind(organization.as_str())
            .bind(&request.name)
            .execute(&mut tx)
            .await?;
        let Some(group) = fill(&mut tx, organization, &id, request).await? else {
            return Ok(None);
        };
        tx.commit().await?;
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
        let mut tx = self.write(organization.as_str()).await?;
        let changed = sql("UPDATE team SET name = $1 WHERE id = $2 AND organization_id = $3")
            .bind(&request.name)
            .bind(id.as_str())
            .bind(organization.as_str())
            .execute(&mut tx)
            .await?;
        if changed == 0 {
            return Ok(None);
        }
        sql(
            "DELETE FROM team_member WHERE team_id = $1 AND account_id IN (
                 SELECT account_id FROM membership WHERE organization_id = $2 AND active = 1)",
        )
        .bind(id.as_str())
        .bind(organization.as_str())
        .execute(&mut tx)
        .await?;
        let Some(group) = fill(&mut tx, organization, id, request).await? else {
            return Ok(None);
        };
        tx.commit().await?;
        Ok(Some(group))
    }

    /// Deletes one; whether there was one.
    pub async fn delete_group(
        &self,
        organization: &OrganizationId,
        id: &GroupId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let deleted = sql("DELETE FROM team WHERE id = $1 AND organization_id = $2")
            .bind(id.as_str())
            .bind(organization.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(deleted > 0)
    }
}

/// Puts members into a group; how it is then. None when one of them is not the organization's.
async fn fill(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &GroupId,
    request: &GroupRequest,
) -> Result<Option<Group>, StoreError> {
    if !all_members(tx, organization, &request.members).await? {
        return Ok(None);
    }
    for member in &request.members {
        sql("INSERT INTO team_member (team_id, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(id.as_str())
            .bind(member.as_str())
            .execute(&mut *tx)
            .await?;
    }
    let rows = sql("SELECT team.name, membership.account_id FROM team
         LEFT JOIN team_member ON team_member.team_id = team.id
         LEFT JOIN membership ON membership.account_id = team_member.account_id
                                 AND membership.active = 1
         WHERE team.id = $1 ORDER BY membership.account_id")
    .bind(id.as_str())
    .all(tx)
    .await?;
    let mut members: Vec<UserId> = Vec::with_capacity(rows.len());
    for row in &rows {
        members.extend(row.optional_named::<UserId>("account_id")?);
    }
    let name = rows.first().map(|row| row.text("name")).transpose()?;
    Ok(name.map(|name| Group {
        id: id.clone(),
        name,
        members,
    }))
}
