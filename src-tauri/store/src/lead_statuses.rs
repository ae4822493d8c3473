//! Where leads can stand: a list that each organization edits.

use crate::StoreError;
use crate::database::Database;
use crate::random::id_suffix;
use crate::sql::{Tx, sql};
use wire::{LeadStatus, LeadStatusId, List, ListQuery, OrganizationId, Timestamp};

/// Lead statuses of an organization at most.
pub const LEAD_STATUSES_MAX: i64 = 50;

/// Where leads can stand in a new organization. A new lead has the first.
pub const DEFAULT_LEAD_STATUSES: [&str; 4] =
    ["Potential", "Qualified", "Customer", "Not interested"];

/// Gives a new organization its first statuses.
pub(crate) async fn default_lead_statuses(
    tx: &mut Tx,
    organization: &OrganizationId,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (label, position) in DEFAULT_LEAD_STATUSES.into_iter().zip(0_i64..) {
        sql(
            "INSERT INTO lead_status (id, organization_id, position, label)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(format!("{}{}", LeadStatusId::PREFIX, id_suffix(now)))
        .bind(organization.as_str())
        .bind(position)
        .bind(label)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

impl Database {
    /// The organization's statuses, in their order.
    pub async fn lead_statuses(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<List<LeadStatus>, StoreError> {
        let rows = sql(
            "SELECT id, label FROM lead_status WHERE organization_id = $1
             ORDER BY position, id LIMIT $2 OFFSET $3",
        )
        .bind(organization.as_str())
        .bind(i64::from(page.limit()) + 1)
        .bind(page.skip())
        .all(&self.reader)
        .await?;
        let limit = page.limit() as usize;
        let statuses = rows.iter().take(limit).map(|row| {
            Ok(LeadStatus {
                id: row.named("id")?,
                label: row.text("label")?,
            })
        });
        Ok(List {
            data: statuses.collect::<Result<_, StoreError>>()?,
            has_more: rows.len() > limit,
            cursor: None,
        })
    }

    /// Adds one to the end. [`StoreError::Conflict`] when the label is taken or there are too many.
    pub async fn create_lead_status(
        &self,
        organization: &OrganizationId,
        id: LeadStatusId,
        label: &str,
    ) -> Result<LeadStatus, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let count = count(&mut tx, organization).await?;
        if count >= LEAD_STATUSES_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization can have up to {LEAD_STATUSES_MAX} lead statuses. Delete one first."
            )));
        }
        label_is_free(&mut tx, organization, None, label).await?;
        sql(
            "INSERT INTO lead_status (id, organization_id, position, label)
             VALUES ($1, $2, (SELECT coalesce(max(position), -1) + 1 FROM lead_status
                              WHERE organization_id = $2), $3)",
        )
        .bind(id.as_str())
        .bind(organization.as_str())
        .bind(label)
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(LeadStatus {
            id,
            label: label.to_owned(),
        })
    }

    /// Renames one. [`StoreError::Conflict`] when the label is taken.
    pub async fn change_lead_status(
        &self,
        organization: &OrganizationId,
        id: &LeadStatusId,
        label: &str,
    ) -> Result<Option<LeadStatus>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let known = sql("SELECT 1 FROM lead_status WHERE id = $1 AND organization_id = $2")
            .bind(id.as_str())
            .bind(organization.as_str())
            .exists(&mut tx)
            .await?;
        if !known {
            return Ok(None);
        }
        label_is_free(&mut tx, organization, Some(id), label).await?;
        sql("UPDATE lead_status SET label = $1 WHERE id = $2 AND organization_id = $3")
            .bind(label)
            .bind(id.as_str())
            .bind(organization.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(Some(LeadStatus {
            id: id.clone(),
            label: label.to_owned(),
        }))
    }

    /// Deletes one, and gives its leads another one; its label, or none when one of the two is not there.
    /// [`StoreError::Conflict`] for the last one, and when leads have it and would get none.
    pub async fn delete_lead_status(
        &self,
        organization: &OrganizationId,
        id: &LeadStatusId,
        replacement: Option<&LeadStatusId>,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let Some(label) = label_of(&mut tx, organization, id).await? else {
            return Ok(None);
        };
        let conflict = |why: &str| Err(StoreError::Conflict(why.into()));
        if count(&mut tx, organization).await? <= 1 {
            return conflict("There has to be at least one lead status. Add another one first.");
        }
        match replacement {
            Some(other) if other == id => {
                return conflict("A status can't replace itself. Choose another one.");
            }
            Some(other) => {
                if label_of(&mut tx, organization, other).await?.is_none() {
                    return Ok(None);
                }
                sql("UPDATE lead SET status_id = $1 WHERE organization_id = $2 AND status_id = $3")
                    .bind(other.as_str())
                    .bind(organization.as_str())
                    .bind(id.as_str())
                    .execute(&mut tx)
                    .await?;
            }
            None => {
                let used = sql(
                    "SELECT 1 FROM lead WHERE organization_id = $1 AND status_id = $2
                     LIMIT 1",
                )
                .bind(organization.as_str())
                .bind(id.as_str())
                .exists(&mut tx)
                .await?;
                if used {
                    return conflict("Leads have this status. Choose which one they get instead.");
                }
            }
        }
        sql("DELETE FROM lead_status WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(Some(label))
    }
}

async fn count(tx: &mut Tx, organization: &OrganizationId) -> Result<i64, StoreError> {
    sql("SELECT count(*) AS count FROM lead_status WHERE organization_id = $1")
        .bind(organization.as_str())
        .count(tx)
        .await
}

async fn label_of(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &LeadStatusId,
) -> Result<Option<String>, StoreError> {
    let row = sql("SELECT label FROM lead_status WHERE id = $1 AND organization_id = $2")
        .bind(id.as_str())
        .bind(organization.as_str())
        .optional(tx)
        .await?;
    row.map(|row| row.text("label")).transpose()
}

/// Two statuses whose names differ only in the case of letters could not be told apart by people.
async fn label_is_free(
    tx: &mut Tx,
    organization: &OrganizationId,
    of: Option<&LeadStatusId>,
    label: &str,
) -> Result<(), StoreError> {
    let wanted = label.to_lowercase();
    let rows = sql("SELECT id, label FROM lead_status WHERE organization_id = $1")
        .bind(organization.as_str())
        .all(tx)
        .await?;
    for row in &rows {
        let other: LeadStatusId = row.named("id")?;
        if Some(&other) != of && row.text("label")?.to_lowercase() == wanted {
            return Err(StoreError::Conflict(
                "There's already a status with this name. Choose another name.".into(),
            ));
        }
    }
    Ok(())
}
