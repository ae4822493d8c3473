//! What tests do to a store, and no service does.

#[expect(clippy::expect_used, clippy::panic, reason = "so does a test fail")]
mod cluster;

use crate::lead_search::fill;
use crate::sql::{Pool, sql};
use crate::{Database, LeadFields, StoreError};
use tempfile::TempDir;
use wire::{OrganizationId, Timestamp};

/// Names the engine that tests run on: `postgres`, or else SQLite.
pub const ENGINE: &str = "CALL_COACHING_TEST_DATABASE";

/// Whether tests run on PostgreSQL.
#[must_use]
pub fn is_postgres() -> bool {
    std::env::var(ENGINE).is_ok_and(|engine| engine == "postgres")
}

/// A new PostgreSQL database for what is to run on one: its URL. None when tests run on SQLite.
pub async fn new_url() -> Option<String> {
    if is_postgres() {
        Some(cluster::new_database().await)
    } else {
        None
    }
}

/// Waits until no one is connected to a store on PostgreSQL, such as a service that was killed.
pub async fn wait_until_unused(url: &str) {
    cluster::wait_until_unused(url).await;
}

/// A new store on the engine that tests run on, and the folder that it lasts with.
#[expect(clippy::expect_used, reason = "so does a test fail")]
pub async fn new_store() -> (TempDir, Database) {
    let folder = tempfile::tempdir().expect("a folder is made");
    let store = match new_url().await {
        Some(url) => Database::connect(&url, false).await,
        None => Database::open(folder.path(), 0, false).await,
    };
    (folder, store.expect("the store opens"))
}

impl Database {
    /// Makes an organization with this id, and nothing in it.
    pub async fn add_organization(&self, id: &OrganizationId) -> Result<(), StoreError> {
        let mut tx = self.write(id.as_str()).await?;
        sql("INSERT INTO organization (id, name, plan) VALUES ($1, 'Acme', 'enterprise')")
            .bind(id.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await
    }

    /// Enters many leads at once, each with contacts.
    pub async fn fill_leads(
        &self,
        organization: &OrganizationId,
        leads: &[LeadFields],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        fill(&mut tx, organization, leads, now).await?;
        tx.commit().await
    }

    /// Lets the engine learn what it holds, as it does by itself after a while.
    pub async fn analyze(&self) -> Result<(), StoreError> {
        self.meddle("ANALYZE").await.map(drop)
    }

    /// Runs a statement, past all that the store keeps to.
    pub async fn meddle(&self, statement: &'static str) -> Result<u64, StoreError> {
        sql(statement).execute(&self.writer).await
    }

    /// Lets a store on SQLite refuse to write, as one does whose disk became read-only, or write again.
    pub async fn set_writable(&self, writable: bool) -> Result<(), StoreError> {
        let (value, statement) = if writable {
            ("0", "PRAGMA query_only = 0")
        } else {
            ("1", "PRAGMA query_only = 1")
        };
        // Also the connections that take the place of those that fail.
        if let Pool::Sqlite(pool) = &self.writer {
            let options = pool.connect_options().as_ref().clone();
            pool.set_connect_options(options.pragma("query_only", value));
        }
        self.meddle(statement).await.map(drop)
    }
}
