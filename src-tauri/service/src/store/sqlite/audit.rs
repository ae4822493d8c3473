//! The audit log.

use super::{Database, column, failed, from_text, to_text};
use crate::store::StoreError;
use crate::store::audit::{AuditFilter, AuditLog, Placed, Whose};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use wire::{AuditEntry, OrganizationId, Timestamp};

#[async_trait]
impl AuditLog for Database {
    async fn append(&self, entries: &[(Whose, AuditEntry)]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for (whose, entry) in entries {
            let (organization, member, email) = match whose {
                Whose::Organization(id) => (Some(id.as_str()), None, None),
                Whose::Member(id) => (None, Some(id.as_str()), None),
                Whose::Email(email) => (None, None, Some(email.as_str())),
            };
            // An organization that is not there has no log: no row, no line.
            sqlx::query(
                "INSERT INTO audit (id, organization_id, date, action, allowed, code, account_id,
                                    device_id, address, call_id, target, detail)
                 SELECT ?, organization.id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM organization
                 WHERE id = coalesce(?,
                     (SELECT organization_id FROM membership WHERE account_id = ?),
                     (SELECT organization_id FROM membership
                      JOIN account ON account.id = membership.account_id WHERE email = ?))",
            )
            .bind(entry.id.as_str())
            .bind(entry.date.0)
            .bind(to_text(&entry.action)?)
            .bind(entry.allowed)
            .bind(entry.code.as_ref().map(to_text).transpose()?)
            .bind(entry.user_id.as_ref().map(|id| id.as_str()))
            .bind(entry.device_id.as_ref().map(|id| id.as_str()))
            .bind(entry.address.as_deref())
            .bind(entry.call_id.as_ref().map(|id| id.as_str()))
            .bind(entry.target.as_deref())
            .bind(entry.detail.as_deref())
            .bind(organization)
            .bind(member)
            .bind(email)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    async fn entries(
        &self,
        organization: &OrganizationId,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
        skip: u32,
    ) -> Result<Vec<Placed>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM audit WHERE organization_id = ?1
                 AND (?2 IS NULL OR account_id = ?2) AND (?3 IS NULL OR call_id = ?3)
                 AND (?4 IS NULL OR action = ?4) AND (?5 IS NULL OR allowed = ?5)
                 AND (?6 IS NULL OR date >= ?6) AND (?7 IS NULL OR date < ?7)
                 AND (?8 IS NULL OR seq < ?8)
             ORDER BY seq DESC LIMIT ?9 OFFSET ?10",
        )
        .bind(organization.as_str())
        .bind(filter.user_id.as_ref().map(|id| id.as_str()))
        .bind(filter.call_id.as_ref().map(|id| id.as_str()))
        .bind(filter.action.as_ref().map(to_text).transpose()?)
        .bind(filter.allowed)
        .bind(filter.from.map(|from| from.0))
        .bind(filter.to.map(|to| to.0))
        .bind(before)
        .bind(i64::from(limit))
        .bind(i64::from(skip))
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?;
        rows.iter().map(placed).collect()
    }
}

fn placed(row: &SqliteRow) -> Result<Placed, StoreError> {
    Ok(Placed {
        seq: row.try_get("seq").map_err(failed)?,
        entry: AuditEntry {
            id: column(row, "id")?,
            date: Timestamp(row.try_get("date").map_err(failed)?),
            action: column(row, "action")?,
            allowed: row.try_get("allowed").map_err(failed)?,
            code: optional(row, "code")?,
            user_id: optional(row, "account_id")?,
            device_id: optional(row, "device_id")?,
            address: row.try_get("address").map_err(failed)?,
            call_id: optional(row, "call_id")?,
            target: row.try_get("target").map_err(failed)?,
            detail: row.try_get("detail").map_err(failed)?,
        },
    })
}

fn optional<T: DeserializeOwned>(row: &SqliteRow, name: &str) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.try_get(name).map_err(failed)?;
    text.map(from_text).transpose()
}
