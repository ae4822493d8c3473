//! What tests do to a store, and no service does.

use crate::{Database, StoreError};
use wire::OrganizationId;

impl Database {
    /// Makes an organization with this id, and nothing in it.
    pub async fn add_organization(&self, id: &OrganizationId) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("INSERT INTO organization (id, name, plan) VALUES (?, 'Acme', 'enterprise')")
            .bind(id.as_str())
            .execute(&mut *tx)
            .await
            .map_err(crate::database::failed)?;
        tx.commit().await.map_err(crate::database::failed)
    }

    /// Lets the store refuse to write, as one does whose disk became read-only, or write again.
    pub async fn set_writable(&self, writable: bool) -> Result<(), StoreError> {
        let statement = if writable {
            "PRAGMA query_only = 0"
        } else {
            "PRAGMA query_only = 1"
        };
        sqlx::query(statement)
            .execute(&self.writer)
            .await
            .map_err(crate::database::failed)?;
        Ok(())
    }
}
