//! The open database, on either engine.

use crate::StoreError;
use crate::sql::{Pool, Tx, sql};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, SqlStr};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// The store's file in its folder, on SQLite.
pub(crate) const FILE: &str = "call-coaching.sqlite";
const PAGE_BYTES: u64 = 4096;
const READERS: u32 = 4;
/// Connections to PostgreSQL that write, and those that read.
pub(crate) const POSTGRES_CONNECTIONS: u32 = 8;
const WAIT: Duration = Duration::from_secs(5);
/// After so long without work, a connection to PostgreSQL is tried before it is used.
const IDLE: Duration = Duration::from_secs(1);
const STATEMENTS_KEPT: usize = 200;

/// A step of the schema: its number, its name, its text.
type Step = (i64, &'static str, &'static str);

/// Every step of the schema on SQLite, in order. A step that was released is never changed.
const SQLITE: &[Step] = &[
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
    (
        8,
        "farewells",
        include_str!("../migrations/0008_farewells.sql"),
    ),
    (9, "company", include_str!("../migrations/0009_company.sql")),
    (10, "leads", include_str!("../migrations/0010_leads.sql")),
    (
        11,
        "accounts",
        include_str!("../migrations/0011_accounts.sql"),
    ),
    (
        12,
        "calling",
        include_str!("../migrations/0012_calling.sql"),
    ),
    (13, "import", include_str!("../migrations/0013_import.sql")),
];

/// The same on PostgreSQL, which came later: its first step is the whole of the seven.
const POSTGRES: &[Step] = &[
    (
        7,
        "schema",
        include_str!("../migrations/postgres/0007_schema.sql"),
    ),
    (
        8,
        "farewells",
        include_str!("../migrations/postgres/0008_farewells.sql"),
    ),
    (
        9,
        "company",
        include_str!("../migrations/postgres/0009_company.sql"),
    ),
    (
        10,
        "leads",
        include_str!("../migrations/postgres/0010_leads.sql"),
    ),
    (
        11,
        "accounts",
        include_str!("../migrations/postgres/0011_accounts.sql"),
    ),
    (
        12,
        "calling",
        include_str!("../migrations/postgres/0012_calling.sql"),
    ),
    (
        13,
        "import",
        include_str!("../migrations/postgres/0013_import.sql"),
    ),
];

/// The open database: a handle, cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    pub(crate) writer: Pool,
    pub(crate) reader: Pool,
}

impl Database {
    /// Opens the store in a folder, makes both when they are missing, and brings the schema up to date:
    /// SQLite, with one connection that writes and a few that read.
    pub async fn open(folder: &Path, bytes_max: u64, read_only: bool) -> Result<Self, StoreError> {
        if !read_only {
            std::fs::create_dir_all(folder).map_err(|error| {
                StoreError::Unavailable(format!("couldn't create {}: {error}", folder.display()))
            })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE))
            .foreign_keys(true)
            .busy_timeout(WAIT)
            .synchronous(SqliteSynchronous::Normal)
            .statement_cache_capacity(STATEMENTS_KEPT);
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
        let writer = pool(1).connect_with(writing.clone()).await?;
        // A connection that takes the place of one that failed opens the same file, or none.
        writer.set_connect_options(writing.create_if_missing(false));
        let reader = pool(READERS).connect_lazy_with(options.pragma("query_only", "1"));
        if !read_only {
            migrator(SQLITE).run(&writer).await?;
        }
        let database = Self {
            writer: Pool::Sqlite(writer),
            reader: Pool::Sqlite(reader),
        };
        if !read_only {
            database.find_places().await?;
        }
        Ok(database)
    }

    /// Connects with the PostgreSQL database of this URL, and brings its schema up to date.
    pub async fn connect(url: &str, read_only: bool) -> Result<Self, StoreError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(StoreError::Fault(
                "the database's URL must start with postgres:// or postgresql://".into(),
            ));
        }
        let mut options = PgConnectOptions::from_str(url)
            .map_err(|error| StoreError::Fault(format!("the database's URL isn't valid: {error}")))?
            .application_name("call-coaching")
            .statement_cache_capacity(STATEMENTS_KEPT)
            .options([("lock_timeout", WAIT.as_millis().to_string())])
            .disable_statement_logging();
        if read_only {
            options = options.options([("default_transaction_read_only", "on")]);
        }
        let pool = || {
            PgPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS)
                .acquire_timeout(WAIT)
                // Else each use asks the server first whether it is still there. Those that stood idle
                // for a while do.
                .test_before_acquire(false)
                .before_acquire(|connection, meta| {
                    Box::pin(async move {
                        if meta.idle_for >= IDLE {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
        };
        let writer = pool().connect_with(options.clone()).await?;
        if !read_only {
            migrator(POSTGRES).run(&writer).await?;
        }
        let database = Self {
            reader: Pool::Postgres(pool().connect_lazy_with(options)),
            writer: Pool::Postgres(writer),
        };
        if !read_only {
            database.find_places().await?;
        }
        Ok(database)
    }

    /// A transaction that writes what is of one owner: an organization, mostly, or a person or a
    /// sign-in. Of those with one owner only one is open at a time, so that what one has looked up
    /// still holds when it writes.
    ///
    /// SQLite has one writer at all. It takes the write lock at once, so that it never has to be tried
    /// again.
    pub(crate) async fn write(&self, owner: &str) -> Result<Tx, StoreError> {
        self.locked(&[owner]).await
    }

    /// A transaction that also writes what must be unique among all organizations.
    pub(crate) async fn write_across(&self, owner: &str) -> Result<Tx, StoreError> {
        // In this order always, so that no two wait for each other.
        self.locked(&["", owner]).await
    }

    async fn locked(&self, owners: &[&str]) -> Result<Tx, StoreError> {
        if let Pool::Sqlite(_) = self.writer {
            return Tx::begin(&self.writer, "BEGIN IMMEDIATE").await;
        }
        let mut tx = Tx::begin(&self.writer, "BEGIN").await?;
        for owner in owners {
            sql("SELECT pg_advisory_xact_lock($1)")
                .bind(lock_of(owner))
                .optional(&mut tx)
                .await?;
        }
        Ok(tx)
    }

    /// Writes something and takes it away again.
    pub async fn probe(&self) -> Result<(), StoreError> {
        // Five pages that were not there, so that a store without room is found out.
        let mut tx = self.write("write_probe").await?;
        sql("INSERT INTO write_probe (id, filler) VALUES (1, $1)
             ON CONFLICT (id) DO UPDATE SET filler = excluded.filler")
        .bind([0; 20_000].as_slice())
        .execute(&mut tx)
        .await?;
        sql("DELETE FROM write_probe").execute(&mut tx).await?;
        tx.commit().await
    }

    /// Whether it was closed: then nothing is written any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match &self.writer {
            Pool::Sqlite(pool) => pool.is_closed(),
            Pool::Postgres(pool) => pool.is_closed(),
        }
    }

    /// Writes what is pending and closes the files.
    pub async fn close(&self) {
        // The last connection to go folds SQLite's log into the file.
        for pool in [&self.reader, &self.writer] {
            match pool {
                Pool::Sqlite(pool) => pool.close().await,
                Pool::Postgres(pool) => pool.close().await,
            }
        }
    }
}

/// The number by which PostgreSQL locks for an owner: FNV-1a, the same in every service. Two owners
/// with one number wait for each other, and nothing worse.
fn lock_of(owner: &str) -> i64 {
    let hash = owner.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::from_ne_bytes(hash.to_ne_bytes())
}

fn migrator(steps: &'static [Step]) -> Migrator {
    let steps = steps.iter().map(|&(version, name, text)| {
        let text = SqlStr::from_static(text);
        Migration::new(version, name.into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(steps.collect())
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => error.into(),
            other => Self::Fault(other.to_string()),
        }
    }
}

/// What an error of an engine means to us. What it says itself is for our log, and for no client.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(inner) = &error else {
            return match error {
                sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Io(_) => Self::Unavailable(error.to_string()),
                _ => Self::Fault(error.to_string()),
            };
        };
        let code = inner.code().unwrap_or_default();
        let is_sqlite = inner
            .try_downcast_ref::<sqlx::sqlite::SqliteError>()
            .is_some();
        let meaning = if is_sqlite {
            sqlite_meaning(code.parse().unwrap_or_default())
        } else {
            postgres_meaning(&code)
        };
        match meaning {
            Meaning::Unavailable => Self::Unavailable(inner.message().to_owned()),
            Meaning::Conflict => {
                tracing::warn!(%error, "the store refused a change that contradicts what it holds");
                Self::Conflict("This conflicts with a newer change. Reload, then try again.".into())
            }
            Meaning::Fault => Self::Fault(inner.message().to_owned()),
        }
    }
}

enum Meaning {
    Unavailable,
    Conflict,
    Fault,
}

/// The result code is in the low byte of the extended one (<https://www.sqlite.org/rescode.html>).
fn sqlite_meaning(code: u32) -> Meaning {
    const ABORTED: u32 = 4;
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const NO_MEMORY: u32 = 7;
    const READ_ONLY: u32 = 8;
    const INTERRUPTED: u32 = 9;
    const IO: u32 = 10;
    const FULL: u32 = 13;
    const CANNOT_OPEN: u32 = 14;
    const CONSTRAINT: u32 = 19;
    match code & 0xff {
        ABORTED | BUSY | LOCKED | NO_MEMORY | READ_ONLY | INTERRUPTED | IO | FULL | CANNOT_OPEN => {
            Meaning::Unavailable
        }
        CONSTRAINT => Meaning::Conflict,
        _ => Meaning::Fault,
    }
}

/// By classes of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres_meaning(code: &str) -> Meaning {
    const READ_ONLY: &str = "25006";
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    match code {
        READ_ONLY | LOCK_NOT_AVAILABLE => Meaning::Unavailable,
        _ => match code.get(..2) {
            // Connection, rollback, resources, an operator's stop, the system.
            Some("08" | "40" | "53" | "57" | "58") => Meaning::Unavailable,
            Some("23") => Meaning::Conflict,
            _ => Meaning::Fault,
        },
    }
}
