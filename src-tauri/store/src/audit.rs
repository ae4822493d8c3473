//! The audit log.

use crate::StoreError;
use crate::database::Database;
use crate::sql::{Order, Row, sql, to_text};
use wire::{AuditAction, AuditEntry, CallId, List, ListQuery, OrganizationId, Timestamp, UserId};

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

impl Database {
    /// Adds lines in this order, all or none. One that is there already is passed over.
    pub async fn append_audit(&self, entries: &[(Whose, AuditEntry)]) -> Result<(), StoreError> {
        let mut tx = self.write("audit").await?;
        for (whose, entry) in entries {
            let (organization, member, email) = match whose {
                Whose::Organization(id) => (Some(id.as_str()), None, None),
                Whose::Member(id) => (None, Some(id.as_str()), None),
                Whose::Email(email) => (None, None, Some(email.as_str())),
            };
            // An organization that is not there has no log: no row, no line.
            sql(
                "INSERT INTO audit (id, organization_id, date, action, allowed, code, account_id,
                                    device_id, address, call_id, target, detail)
                 SELECT $1, organization.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM organization
                 WHERE id = coalesce($12,
                     (SELECT organization_id FROM membership WHERE account_id = $13),
                     (SELECT organization_id FROM membership
                      JOIN account ON account.id = membership.account_id WHERE email = $14))
                 ON CONFLICT DO NOTHING",
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
            .execute(&mut tx).await?;
        }
        tx.commit().await
    }

    /// An organization's lines, newest first.
    pub async fn audit_entries(
        &self,
        organization: &OrganizationId,
        filter: &AuditFilter,
        page: &ListQuery,
    ) -> Result<List<AuditEntry>, StoreError> {
        sql("SELECT * FROM audit WHERE organization_id = $1
                 AND ($2 IS NULL OR account_id = $2) AND ($3 IS NULL OR call_id = $3)
                 AND ($4 IS NULL OR action = $4) AND ($5 IS NULL OR allowed = $5)
                 AND ($6 IS NULL OR date >= $6) AND ($7 IS NULL OR date < $7)")
        .bind(organization.as_str())
        .bind(filter.user_id.as_ref().map(UserId::as_str))
        .bind(filter.call_id.as_ref().map(CallId::as_str))
        .bind(filter.action.as_ref().map(to_text).transpose()?)
        .bind(filter.allowed)
        .bind(filter.from.map(|from| from.0))
        .bind(filter.to.map(|to| to.0))
        .page(&self.reader, Order::NewestFirst(&["seq"]), page, read_entry)
        .await
    }
}

fn read_entry(row: &Row) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: row.named("id")?,
        date: row.moment("date")?,
        action: row.named("action")?,
        allowed: row.truth("allowed")?,
        code: row.optional_named("code")?,
        user_id: row.optional_named("account_id")?,
        device_id: row.optional_named("device_id")?,
        address: row.optional_text("address")?,
        call_id: row.optional_named("call_id")?,
        target: row.optional_text("target")?,
        detail: row.optional_text("detail")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::new_store;
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
        let (_folder, database) = new_store().await;
        database.seed_demo("hash", 0, Timestamp(1)).await.unwrap();
        let row = sql("SELECT min(id) AS id FROM organization").one(&database.reader);
        let organization: OrganizationId = row.await.unwrap().named("id").unwrap();
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
            let done = sql(statement).execute(&database.writer).await;
            // Told in a sentence of ours: what the engine says is for no client.
            let refused =
                matches!(&done, Err(StoreError::Conflict(text)) if !text.contains("audit"));
            assert!(refused, "{statement}: {done:?}");
        }
        // PostgreSQL has no such statement.
        if !crate::testing::is_postgres() {
            sql(
                "INSERT OR REPLACE INTO audit (seq, id, organization_id, date, action, allowed)
                 SELECT seq, 'audi_new', organization_id, 9, 'sign_in', 0 FROM audit",
            )
            .execute(&database.writer)
            .await
            .unwrap();
        }
        let all = AuditFilter::default();
        let kept = database
            .audit_entries(&organization, &all, &ListQuery::default())
            .await;
        assert_eq!(kept.unwrap().data, [entry("2"), entry("1")]);
    }
}
