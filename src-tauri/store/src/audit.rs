//! The audit log.

use crate::StoreError;
use crate::database::{Database, column, failed, from_text, to_text};
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use wire::{AuditAction, AuditEntry, CallId, OrganizationId, Timestamp, UserId};

/// Whose log a line belongs into. It is found when the line is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// This organization's.
    Organization(OrganizationId),
    /// That of this person's organization, whether they are active or not.
    Member(UserId),
    /// That of the organization with a member of this e-mail address, in lower case. Nobody's when
    /// there is none: then the line is not written.
    Email(String),
}

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Those of this person.
    pub user_id: Option<UserId>,
    /// Those of this call.
    pub call_id: Option<CallId>,
    /// Those of this kind.
    pub action: Option<AuditAction>,
    /// Only what was allowed, or only what was refused.
    pub allowed: Option<bool>,
    /// Since when, this moment included.
    pub from: Option<Timestamp>,
    /// Until when, this moment not included.
    pub to: Option<Timestamp>,
}

/// A line with its place in the log, by which reading goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its place: later lines have greater ones.
    pub seq: i64,
    /// The line.
    pub entry: AuditEntry,
}

impl Database {
    /// Adds lines in this order, all or none. One that is there already is passed over.
    pub async fn append_audit(&self, entries: &[(Whose, AuditEntry)]) -> Result<(), StoreError> {
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

    /// An organization's lines, newest first: `limit` of those before the place `before`, after
    /// passing over `skip`.
    pub async fn audit_entries(
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

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{AuditAction, AuditEntryId};

    fn entry(id: &str) -> AuditEntry {
        AuditEntry {
            id: AuditEntryId::from_suffix(id).unwrap(),
            date: Timestamp(1),
            action: AuditAction::CoachJoin,
            allowed: true,
            code: None,
            user_id: None,
            device_id: None,
            address: None,
            call_id: None,
            target: None,
            detail: Some(id.to_owned()),
        }
    }

    #[tokio::test]
    async fn a4_lines_are_added_once_and_are_neither_changed_nor_deleted_nor_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), 0, false).await.unwrap();
        database.seed_demo("hash", 0, Timestamp(1)).await.unwrap();
        let organization = sqlx::query_scalar("SELECT min(id) FROM organization")
            .fetch_one(&database.reader)
            .await
            .unwrap();
        let organization: OrganizationId = from_text(organization).unwrap();
        let ours = Whose::Organization(organization.clone());
        let nobody = Whose::Email("stranger@nowhere.example".into());
        let lines = [
            (ours.clone(), entry("1")),
            (ours.clone(), entry("2")),
            (nobody, entry("3")),
        ];
        database.append_audit(&lines).await.unwrap();
        // Tried again, since the answer was lost.
        database.append_audit(&lines).await.unwrap();
        for statement in [
            "UPDATE audit SET allowed = 0",
            "DELETE FROM audit",
            "DELETE FROM audit WHERE detail = '1'",
        ] {
            let done = sqlx::query(statement).execute(&database.writer).await;
            let error = done.unwrap_err().to_string();
            assert!(error.contains("only added to"), "{statement}: {error}");
        }
        sqlx::query(
            "INSERT OR REPLACE INTO audit (seq, id, organization_id, date, action, allowed)
             SELECT seq, 'audi_new', organization_id, 9, 'sign_in', 0 FROM audit",
        )
        .execute(&database.writer)
        .await
        .unwrap();
        let all = AuditFilter::default();
        let kept = database
            .audit_entries(&organization, &all, None, 10, 0)
            .await;
        let kept: Vec<_> = kept.unwrap().into_iter().map(|line| line.entry).collect();
        assert_eq!(kept, [entry("2"), entry("1")]);
    }
}
