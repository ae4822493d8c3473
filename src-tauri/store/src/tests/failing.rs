//! Whatever fails while the store is written, and at whichever step: it is as if nothing had been asked,
//! and the next write is done.

use super::*;
use crate::StoreError;
use crate::database::POSTGRES_CONNECTIONS;
use crate::sql::Pool;
use crate::testing::{is_postgres, new_store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::process::Command;
use std::task::Poll;

/// Steps of a write, at most.
const STEPS_MAX: u64 = 100_000;
/// Where the child finds its store.
const STORE: &str = "FAILING_STORE";

/// Two minutes of a round, which are charged together or not at all.
async fn write(store: &Database, round: u64) -> Result<u64, StoreError> {
    let minute = round as u32 * 2;
    let both = [charge("1", minute), charge("1", minute + 1)];
    let call = call_id("1");
    store
        .save_charges(&organization("acme"), &call, &both)
        .await
}

/// How many minutes are charged now, after a write that did not answer: it may have been done, or not, but
/// not in part.
async fn after_no_answer(store: &Database, before: u64) -> u64 {
    let (lines, spent) = written(store).await;
    assert_eq!(lines, spent);
    assert!(lines == before || lines == before + 2, "{before}, {lines}");
    lines
}

/// How many minutes are charged, by the ledger and by the balance.
async fn written(store: &Database) -> (u64, u64) {
    let lines = sql("SELECT count(*) AS count FROM ledger").count(&store.reader);
    let lines = lines.await.unwrap();
    let balance = store.balance(&organization("acme")).await.unwrap();
    let price = charge("1", 0).price().0;
    let spent = -balance.balance_micro_dollars.0 / price;
    (lines.unsigned_abs(), spent.unsigned_abs())
}

fn is_unavailable<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

/// The future's result; none when it was polled so many times and is dropped.
async fn polled<F: Future>(times: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_full_disk_is_over_as_soon_as_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Database::open(folder.path(), 1_000_000, false)
        .await
        .unwrap();
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    let fill = async || {
        let mut tx = store.write("acme").await?;
        sql("INSERT INTO lead (id, organization_id, display_name)
             VALUES ('lead_' || hex(randomblob(8)), $1, hex(randomblob(3000)))")
        .bind(acme.as_str())
        .execute(&mut tx)
        .await?;
        tx.commit().await
    };
    let mut leads = 0;
    let full = loop {
        match fill().await {
            Ok(()) => leads += 1,
            Err(error) => break error,
        }
        assert!(leads < 1_000, "it is never full");
    };
    assert!(matches!(full, StoreError::Unavailable(_)), "{full:?}");
    // For as long as it is full, it says so.
    for _ in 0..3 {
        for refused in [fill().await, store.probe().await] {
            assert!(is_unavailable(&refused), "{refused:?}");
        }
    }
    let other = Database::open(folder.path(), 0, false).await.unwrap();
    other.meddle("DELETE FROM lead").await.unwrap();
    store.probe().await.unwrap();
    assert_eq!(write(&store, 0).await, Ok(2));
    fill().await.unwrap();
}

#[tokio::test]
async fn b2_a_write_that_is_interrupted_is_done_or_undone() {
    if is_postgres() {
        eprintln!("not tested: PostgreSQL interrupts nothing by itself");
        return;
    }
    let (_folder, store) = new_store().await;
    store.add_organization(&organization("acme")).await.unwrap();
    let Pool::Sqlite(pool) = &store.writer else {
        panic!("a store on SQLite");
    };
    let mut done = 0;
    for step in 0..STEPS_MAX {
        let mut connection = pool.acquire().await.unwrap();
        let mut left = step;
        connection
            .lock_handle()
            .await
            .unwrap()
            .set_progress_handler(1, move || {
                // Once, and never again.
                left = left.wrapping_sub(1);
                left != u64::MAX
            });
        drop(connection);
        let tried = write(&store, 2 * step).await;
        if tried.is_ok() {
            assert!(step > 20, "{step} steps");
            return;
        }
        assert!(is_unavailable(&tried), "step {step}: {tried:?}");
        let next = write(&store, 2 * step + 1).await;
        assert_eq!(next, Ok(2), "after step {step}");
        done = after_no_answer(&store, done + 2).await;
    }
    panic!("a write never ends");
}

#[tokio::test]
async fn b2_a_write_that_nobody_waits_for_any_more_is_done_or_undone() {
    let (_folder, store) = new_store().await;
    store.add_organization(&organization("acme")).await.unwrap();
    let mut done = 0;
    for times in 0..STEPS_MAX {
        if let Some(tried) = polled(times, write(&store, 2 * times)).await {
            assert_eq!(tried, Ok(2));
            // How many answers are there at once is the machine's affair.
            assert!(times > 0, "it was dropped at least once");
            return;
        }
        let next = write(&store, 2 * times + 1).await;
        assert_eq!(next, Ok(2), "after step {times}");
        done = after_no_answer(&store, done + 2).await;
    }
    panic!("a write never ends");
}

#[tokio::test]
async fn a_store_that_another_process_holds_is_written_once_it_lets_go() {
    if is_postgres() {
        eprintln!("not tested: on PostgreSQL nobody holds all of it");
        return;
    }
    let (folder, store) = new_store().await;
    store.add_organization(&organization("acme")).await.unwrap();
    let file = folder.path().join(crate::database::FILE);
    let options = SqliteConnectOptions::new().filename(file);
    let mut other = options.connect().await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    store.meddle("PRAGMA busy_timeout = 1").await.unwrap();
    let refused = write(&store, 0).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    other.execute("COMMIT").await.unwrap();
    assert_eq!(write(&store, 0).await, Ok(2));
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    if !is_postgres() {
        eprintln!("not tested: SQLite has no server");
        return;
    }
    let (_folder, store) = new_store().await;
    store.add_organization(&organization("acme")).await.unwrap();
    for round in 0..3 {
        // All but the one that asks, which is a reader.
        sql(
            "SELECT count(pg_terminate_backend(pid)) AS count FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .count(&store.reader)
        .await
        .unwrap();
        // Each that there was to write with is found to be gone once, at most.
        let mut tried = write(&store, round).await;
        for _ in 0..POSTGRES_CONNECTIONS {
            if is_unavailable(&tried) {
                tried = write(&store, round).await;
            }
        }
        assert_eq!(tried, Ok(2));
    }
}

/// Lets this process's files grow to so many bytes, or as they like.
fn limit_files(bytes: &str) {
    let done = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--fsize={bytes}:"))
        .status();
    assert!(done.unwrap().success(), "the limit is set");
}

/// What runs where the system refuses to write. Not a test of its own.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(STORE) else {
        return;
    };
    let store = Database::open(folder.as_ref(), 0, false).await.unwrap();
    store.add_organization(&organization("acme")).await.unwrap();
    for round in 0..3 {
        limit_files("1");
        for _ in 0..3 {
            let refused = write(&store, round).await;
            assert!(is_unavailable(&refused), "{refused:?}");
        }
        limit_files("unlimited");
        assert_eq!(write(&store, round).await, Ok(2));
        let charged = (round + 1) * 2;
        assert_eq!(written(&store).await, (charged, charged));
    }
}

#[test]
fn a_disk_that_fails_is_written_once_it_is_well() {
    if !cfg!(target_os = "linux") || Command::new("prlimit").arg("-V").output().is_err() {
        eprintln!("not tested: there is no prlimit to make writing fail with");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // A file that may not grow is an error, and no signal that ends the process.
    let child = Command::new("sh")
        .args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "tests::failing::child", "--nocapture"])
        .env(STORE, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
}
