//! Imports of leads: each as the API shows it, and where it stands.

mod undo;
mod work;

pub use work::{ImportWork, MadeLead};

use crate::StoreError;
use crate::database::Database;
use crate::sql::{Order, Row, sql, to_body, to_text};
use serde::{Deserialize, Serialize};
use wire::{
    Import, ImportId, ImportSettings, ImportState, List, ListQuery, OrganizationId, Timestamp,
};

/// Imports of an organization that aren't over, at most: their files take room.
pub const OPEN_IMPORTS_MAX: usize = 3;

/// An import as it's kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptImport {
    /// As the API shows it.
    pub import: Import,
    /// How its file is read; complete once its rows were checked.
    pub settings: ImportSettings,
}

/// Whether an import's file is needed no more.
#[must_use]
pub const fn is_over(state: ImportState) -> bool {
    matches!(
        state,
        ImportState::Done
            | ImportState::Cancelled
            | ImportState::Undoing
            | ImportState::Undone
            | ImportState::Failed
    )
}

impl Database {
    /// Makes one.
    pub async fn create_import(
        &self,
        organization: &OrganizationId,
        import: &Import,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let open = sql("SELECT state FROM import WHERE organization_id = $1
             AND state IN ('uploading', 'previewing', 'ready', 'running', 'interrupted')")
        .bind(organization.as_str())
        .all(&mut tx)
        .await?;
        if open.len() >= OPEN_IMPORTS_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization can have up to {OPEN_IMPORTS_MAX} imports at a time. Finish or \
                 cancel one first."
            )));
        }
        let kept = KeptImport {
            import: import.clone(),
            settings: ImportSettings::default(),
        };
        sql(
            "INSERT INTO import (id, organization_id, state, created_at, touched_at, body)
             VALUES ($1, $2, $3, $4, $4, $5)",
        )
        .bind(import.id.as_str())
        .bind(organization.as_str())
        .bind(to_text(&import.state)?)
        .bind(import.date_created.0)
        .bind(to_body(&kept)?)
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// One of the organization's.
    pub async fn import(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
    ) -> Result<Option<KeptImport>, StoreError> {
        sql("SELECT body FROM import WHERE id = $1 AND organization_id = $2")
            .bind(id.as_str())
            .bind(organization.as_str())
            .optional(&self.reader)
            .await?
            .as_ref()
            .map(Row::body)
            .transpose()
    }

    /// The organization's imports, newest first.
    pub async fn imports(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<List<Import>, StoreError> {
        sql("SELECT body, created_at, id FROM import WHERE organization_id = $1")
            .bind(organization.as_str())
            .page(
                &self.reader,
                Order::NewestFirst(&["created_at", "id"]),
                page,
                |row| Ok(row.body::<KeptImport>()?.import),
            )
            .await
    }

    /// Changes one, when it lets itself be changed; how it is then. None when there's no such import.
    pub async fn change_import(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
        now: Timestamp,
        change: impl FnOnce(&mut KeptImport) -> Result<(), StoreError> + Send,
    ) -> Result<Option<KeptImport>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let row = sql("SELECT body FROM import WHERE id = $1 AND organization_id = $2")
            .bind(id.as_str())
            .bind(organization.as_str())
            .optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let mut kept: KeptImport = row.body()?;
        change(&mut kept)?;
        save(&mut tx, &kept, now).await?;
        tx.commit().await?;
        Ok(Some(kept))
    }

    /// Whose imports are in one of these states, and when each was last touched.
    pub async fn imports_in(
        &self,
        states: &[ImportState],
    ) -> Result<Vec<(OrganizationId, KeptImport, Timestamp)>, StoreError> {
        let mut found = Vec::new();
        for state in states {
            let rows = sql("SELECT organization_id, body, touched_at FROM import WHERE state = $1")
                .bind(to_text(state)?)
                .all(&self.reader)
                .await?;
            for row in &rows {
                found.push((
                    row.named("organization_id")?,
                    row.body()?,
                    row.moment("touched_at")?,
                ));
            }
        }
        Ok(found)
    }
}

/// Writes how an import is now.
pub(crate) async fn save(
    tx: &mut crate::sql::Tx,
    kept: &KeptImport,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("UPDATE import SET state = $1, touched_at = $2, body = $3 WHERE id = $4")
        .bind(to_text(&kept.import.state)?)
        .bind(now.0)
        .bind(to_body(kept)?)
        .bind(kept.import.id.as_str())
        .execute(tx)
        .await?;
    Ok(())
}
