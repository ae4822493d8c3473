//! Copies of the store: made while a service runs, and put back.

use crate::StoreError;
use crate::database::FILE;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(30);

/// Copies the store of this folder into one file, as it is at one moment, also while a service works
/// with it. The file must not be there yet; recordings are not in it.
///
/// # Errors
/// [`StoreError`] when there is no store, or the file is there or cannot be written.
pub async fn backup(folder: &Path, to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::Conflict(format!(
            "{} already exists",
            to.display()
        )));
    }
    let part = beside(to, "part");
    remove(&part)?;
    let options = SqliteConnectOptions::new()
        .filename(folder.join(FILE))
        .busy_timeout(WAIT);
    let mut store = options.connect().await?;
    let copied = sqlx::query("VACUUM INTO ?")
        .bind(part.display().to_string())
        .execute(&mut store)
        .await;
    store.close().await?;
    copied?;
    // What is in it is for nobody else to read: hashes of passwords and of tokens.
    settle(&part, to)
}

/// Puts a copy back as the store of this folder, which is made when it is missing. A store that is
/// there is written over only with `force`, and never while a service works with it.
///
/// # Errors
/// [`StoreError`] when the copy is none, or a store is there.
pub async fn restore(from: &Path, folder: &Path, force: bool) -> Result<(), StoreError> {
    check(from).await?;
    std::fs::create_dir_all(folder).map_err(|error| unavailable(folder, &error))?;
    let store = folder.join(FILE);
    if store.exists() {
        if !force {
            return Err(StoreError::Conflict(format!(
                "{} already exists; use --force to replace it",
                store.display()
            )));
        }
        unused(&store).await?;
    }
    let part = beside(&store, "part");
    std::fs::copy(from, &part).map_err(|error| unavailable(&part, &error))?;
    // A log of the old store does not belong to the new one.
    for end in ["-wal", "-shm"] {
        let mut log = store.clone().into_os_string();
        log.push(end);
        remove(Path::new(&log))?;
    }
    settle(&part, &store)
}

/// That a file is a whole store of ours.
async fn check(from: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(from).read_only(true);
    let mut copy = options.connect().await?;
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut copy)
        .await?;
    let ours: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_schema WHERE name IN ('_sqlx_migrations', 'membership')",
    )
    .fetch_one(&mut copy)
    .await?;
    copy.close().await?;
    if sound == "ok" && ours == 2 {
        Ok(())
    } else {
        Err(StoreError::Conflict(format!(
            "{} isn't a backup of a database",
            from.display()
        )))
    }
}

/// That nobody works with a store: only then can its log be folded in for good.
async fn unused(store: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(store)
        .busy_timeout(Duration::from_secs(1))
        .journal_mode(SqliteJournalMode::Delete);
    let opened = options.connect().await.map_err(|error| match error {
        sqlx::Error::Database(inner) if inner.message().contains("locked") => {
            StoreError::Conflict("a service is using the database; stop it first".into())
        }
        other => other.into(),
    })?;
    opened.close().await?;
    Ok(())
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

fn remove(file: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(unavailable(file, &error))
        }
        _ => Ok(()),
    }
}

/// Gives a file that is whole its name, once it is surely on the disk.
fn settle(part: &Path, file: &Path) -> Result<(), StoreError> {
    let written = std::fs::OpenOptions::new()
        .write(true)
        .open(part)
        .and_then(|file| {
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            }
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(part, file));
    written.map_err(|error| unavailable(file, &error))
}

fn unavailable(file: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", file.display()))
}
