//! The store on SQLite: one connection that writes, a few that read, in one file beside its log.

use crate::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, SqlStr, Sqlite, SqliteConnection, Transaction};
use std::path::Path;
use std::time::Duration;
use wire::{ListQuery, OrganizationId, UserId};

/// The store's file in its folder.
pub(crate) const FILE: &str = "call-coaching.sqlite";
const PAGE_BYTES: u64 = 4096;
const READERS: u32 = 4;
const WAIT: Duration = Duration::from_secs(5);

/// Every step of the schema, in order. A step that was released is never changed.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (
        1,
        "accounts",
        include_str!("../migrations/0001_accounts.sql"),
    ),
    (2, "calls", include_str!("../migrations/0002_calls.sql")),
    (
        3,
        "administration",
        include_str!("../migrations/0003_administration.sql"),
    ),
    (4, "ledger", include_str!("../migrations/0004_ledger.sql")),
    (
        5,
        "recording",
        include_str!("../migrations/0005_recording.sql"),
    ),
    (6, "audit", include_str!("../migrations/0006_audit.sql")),
    (7, "callers", include_str!("../migrations/0007_callers.sql")),
];

/// The open database: a handle, cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    pub(crate) writer: SqlitePool,
    pub(crate) reader: SqlitePool,
}

impl Database {
    /// Opens the store in a folder, makes both when they are missing, and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] when the folder cannot be made, the file cannot be opened, or it is not ours.
    pub async fn open(folder: &Path, bytes_max: u64, read_only: bool) -> Result<Self, StoreError> {
        if !read_only {
            std::fs::create_dir_all(folder).map_err(|error| {
                StoreError::Unavailable(format!("{} cannot be made: {error}", folder.display()))
            })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE))
            .foreign_keys(true)
            .busy_timeout(WAIT)
            .synchronous(SqliteSynchronous::Normal)
            .statement_cache_capacity(200);
        let mut writing = options.clone().read_only(read_only);
        if !read_only {
            writing = writing
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .optimize_on_close(true, None);
        }
        if bytes_max > 0 {
            let pages = (bytes_max / PAGE_BYTES).max(1);
            writing = writing.pragma("max_page_count", pages.to_string());
        }
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(WAIT)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(writing).await.map_err(failed)?;
        let reader = pool(READERS).connect_lazy_with(options.pragma("query_only", "1"));
        let database = Self { writer, reader };
        if !read_only {
            migrator()
                .run(&database.writer)
                .await
                .map_err(not_migrated)?;
        }
        Ok(database)
    }

    /// A transaction that writes: it takes the write lock at once, so it never has to be tried again.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)
    }
}

impl Database {
    /// Writes something and takes it away again.
    pub async fn probe(&self) -> Result<(), StoreError> {
        // Five pages that were not there, so that a store without room is found out.
        let mut tx = self.write().await?;
        sqlx::query("INSERT OR REPLACE INTO write_probe (id, filler) VALUES (1, zeroblob(20000))")
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        sqlx::query("DELETE FROM write_probe")
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Writes what is pending and closes the files.
    pub async fn close(&self) {
        self.reader.close().await;
        // The last connection to go folds the log into the file.
        self.writer.close().await;
    }
}

pub(crate) fn migrator() -> Migrator {
    Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .map(|&(version, description, sql)| {
                Migration::new(
                    version,
                    description.into(),
                    MigrationType::Simple,
                    SqlStr::from_static(sql),
                    false,
                )
            })
            .collect(),
    )
}

pub(crate) fn not_migrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => failed(error),
        other => StoreError::Fault(other.to_string()),
    }
}

/// What an error of SQLite means to us. Its result code is in the low byte of the extended one
/// (<https://www.sqlite.org/rescode.html>).
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const NO_MEMORY: u32 = 7;
    const READ_ONLY: u32 = 8;
    const IO: u32 = 10;
    const FULL: u32 = 13;
    const CANNOT_OPEN: u32 = 14;
    const CONSTRAINT: u32 = 19;
    match &error {
        sqlx::Error::Database(inner) => {
            let code = inner.code().and_then(|code| code.parse::<u32>().ok());
            match code.map(|code| code & 0xff) {
                Some(BUSY | LOCKED | NO_MEMORY | READ_ONLY | IO | FULL | CANNOT_OPEN) => {
                    StoreError::Unavailable(inner.message().to_owned())
                }
                Some(CONSTRAINT) => StoreError::Conflict(inner.message().to_owned()),
                _ => StoreError::Fault(inner.message().to_owned()),
            }
        }
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Fault(error.to_string()),
    }
}

/// A column that is text and is read as a type of `wire`: an id, or an enum by its wire name.
pub(crate) fn column<T: DeserializeOwned>(row: &SqliteRow, name: &str) -> Result<T, StoreError> {
    let text: String = row.try_get(name).map_err(failed)?;
    from_text(text)
}

pub(crate) fn from_text<T: DeserializeOwned>(text: String) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|error| StoreError::Fault(format!("a stored text is not readable: {error}")))
}

/// Whether all of these are members of the organization, active or not.
pub(crate) async fn all_members(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    users: &[UserId],
) -> Result<bool, StoreError> {
    for user in users {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT 1 FROM membership WHERE account_id = ? AND organization_id = ?",
        )
        .bind(user.as_str())
        .bind(organization.as_str())
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
        if found.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How an enum of `wire` is stored: by its wire name.
pub(crate) fn to_text(value: &impl Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        _ => Err(StoreError::Fault("a value is no text".into())),
    }
}

pub(crate) fn text(row: &SqliteRow, name: &str) -> Result<String, StoreError> {
    row.try_get(name).map_err(failed)
}

/// `LIMIT` and `OFFSET` of a page, with one item more, which tells whether there are more.
pub(crate) fn bounds(page: &ListQuery) -> (i64, i64) {
    (i64::from(page.limit()) + 1, i64::from(page.skip()))
}

/// A whole thing as the API writes it.
pub(crate) fn to_body(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Fault(error.to_string()))
}

pub(crate) fn read_body<T: DeserializeOwned>(row: &SqliteRow) -> Result<T, StoreError> {
    serde_json::from_str(&text(row, "body")?)
        .map_err(|error| StoreError::Fault(format!("a stored body is not readable: {error}")))
}
