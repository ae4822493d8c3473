//! The organization as a whole, as those see it who manage it.

use super::organizations::{organization_now, read_user};
use super::{Database, bounds, column, failed, from_text, to_text};
use crate::store::{Administration, StoreError};
use async_trait::async_trait;
use sqlx::Row;
use wire::{ListQuery, Member, Organization, OrganizationId, OrganizationPatch};

#[async_trait]
impl Administration for Database {
    async fn every_member(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<Member>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT account.id, first_name, last_name, email, membership.id AS membership_id,
                    role_id, active, recording,
                    (SELECT group_concat(team_id) FROM team_member
                     JOIN team ON team.id = team_member.team_id
                     WHERE team_member.account_id = account.id
                       AND team.organization_id = membership.organization_id) AS groups
             FROM membership JOIN account ON account.id = membership.account_id
             WHERE membership.organization_id = ?
             ORDER BY first_name, last_name, account.id LIMIT ? OFFSET ?",
        )
        .bind(organization.as_str())
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| {
            let groups: Option<String> = row.try_get("groups").map_err(failed)?;
            Ok(Member {
                membership_id: column(row, "membership_id")?,
                user: read_user(row)?,
                role_id: column(row, "role_id")?,
                active: row.try_get("active").map_err(failed)?,
                group_ids: groups
                    .iter()
                    .flat_map(|list| list.split(','))
                    .map(|id| from_text(id.to_owned()))
                    .collect::<Result<_, _>>()?,
                recording: column(row, "recording")?,
            })
        })
        .collect()
    }

    async fn patch_organization(
        &self,
        organization: &OrganizationId,
        patch: &OrganizationPatch,
    ) -> Result<Option<Organization>, StoreError> {
        let recording = patch.recording.as_ref();
        let mut tx = self.write().await?;
        let row = sqlx::query(
            "UPDATE organization SET
                 name = coalesce(?, name), plan = coalesce(?, plan),
                 recording_enabled = coalesce(?, recording_enabled),
                 recording_announced = coalesce(?, recording_announced),
                 recording_retention_days = coalesce(?, recording_retention_days),
                 low_balance = coalesce(?, low_balance)
             WHERE id = ?
             RETURNING name AS organization_name, plan,
                       recording_enabled, recording_announced, recording_retention_days",
        )
        .bind(patch.name.as_ref())
        .bind(patch.plan.as_ref().map(to_text).transpose()?)
        .bind(recording.map(|recording| recording.enabled))
        .bind(recording.map(|recording| recording.announced))
        .bind(recording.map(|recording| recording.retention_days))
        .bind(patch.low_balance_micro_dollars.map(|amount| amount.0))
        .bind(organization.as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        row.map(|row| organization_now(organization.clone(), &row))
            .transpose()
    }
}
