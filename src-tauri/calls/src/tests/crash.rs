//! B2 on a real store: a service that is killed at any moment of a call charges each started minute once.

use super::world::*;
use crate::{CallsSettings, abandoned};
use call::{Limits, owed};
use media::{LeadSignal, MediaEvent};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use store::Database;
use wire::*;

/// A minute of the test's: many start before each kill.
const MINUTE_MS: u64 = 30;
const ROUNDS: u64 = 200;
/// Two stores at once, for the time that a start takes.
const STORES: u64 = 2;
const STORE: &str = "CRASH_STORE";
/// What the child says once coaches have come and gone.
const COACHED: &str = "coached";

fn settings() -> CallsSettings {
    CallsSettings {
        limits: Limits {
            minute_ms: MINUTE_MS,
            // Else no minute would be charged before the kill.
            silence_ms: 0,
            charge_after_ms: 0,
            ..Limits::default()
        },
        ..CallsSettings::default()
    }
}

fn is_postgres(place: &str) -> bool {
    place.starts_with("postgres:")
}

/// The store at a PostgreSQL URL, or in a folder.
async fn open(place: &str) -> Database {
    let opened = if is_postgres(place) {
        Database::connect(place, false).await
    } else {
        Database::open(Path::new(place), 0, false).await
    };
    opened.unwrap()
}

/// What is killed: a call with three coaches, who come and go all the time. Not a test of its own.
#[test]
fn child() {
    let Ok(place) = std::env::var(STORE) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = open(&place).await;
        let world = World::on(settings(), database).await;
        {
            let key = (organization("acme"), user("jordan"));
            let mut members = world.directory.members.lock().unwrap();
            members.insert(key, authority(true, true));
        }
        let call = world.place().await.id;
        world.line_says(LeadSignal::Answered).await;
        let coaches = ["morgan", "casey", "jordan"];
        // A leg of the media each, in the order of the joins: 0 and 1 are rep and lead.
        let mut next = 2;
        for round in 0.. {
            let name = coaches[round % 3];
            if world.join(name, &call).await.is_ok() {
                let leg = mix::LegNumber(next);
                next += 1;
                let connected = MediaEvent::Connected {
                    call: call.clone(),
                    leg,
                };
                world.media_events.send(connected).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(7)).await;
            if round == 5 {
                println!("{COACHED}");
            }
            if round % 5 == 4 {
                let leaves = caller(coaches[round % 3], "acme");
                let _ = world.calls.leave(&leaves, &call).await;
            }
        }
    });
}

/// Starts a service over the store, kills it after a while, and starts what a service starts with. The
/// while begins with the process or, since that takes long on a busy machine, once its call is coached.
async fn round(place: &str, coached: bool, delay: Duration) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "tests::crash::child",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(STORE, place)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    if coached {
        let said = BufReader::new(child.stdout.take().unwrap());
        // The first words of the line are the test harness's.
        let mut lines = said.lines().map_while(Result::ok);
        let waits = tokio::task::spawn_blocking(move || lines.any(|line| line.ends_with(COACHED)));
        assert!(waits.await.unwrap(), "it ended by itself");
    }
    tokio::time::sleep(delay).await;
    assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    if is_postgres(place) {
        store::testing::wait_until_unused(place).await;
    }
    let database = open(place).await;
    abandoned::close(&database, MINUTE_MS).await.unwrap();
    let legs = reconcile(&database).await;
    database.close().await;
    legs
}

/// The ledger against the legs, to the micro-dollar; how many coaches' legs there are.
async fn reconcile(database: &Database) -> usize {
    let acme = organization("acme");
    let calls = database.calls_since(Timestamp(0)).await.unwrap();
    let mut owes = BTreeSet::new();
    let (mut sum, mut legs) = (0, 0);
    for (_, call) in &calls {
        assert!(call.status.is_over(), "{call:?}");
        assert!(
            call.coach_legs
                .iter()
                .all(|leg| leg.status == CoachLegStatus::Done)
        );
        legs += call.coach_legs.len();
        for charge in owed(call, MINUTE_MS) {
            sum -= charge.price().0;
            assert!(owes.insert((charge.leg_id, charge.minute)), "owed twice");
        }
    }
    let span = (Timestamp(0), Timestamp(i64::MAX));
    let lines = database
        .named_ledger_entries(&acme, span, u32::MAX)
        .await
        .unwrap();
    let charged: Vec<_> = lines.iter().map(|(line, ..)| line).collect();
    let minutes: BTreeSet<_> = charged
        .iter()
        .map(|line| (line.leg_id.clone().unwrap(), line.minute.unwrap()))
        .collect();
    assert_eq!(minutes.len(), charged.len(), "a minute is charged twice");
    let forgotten: Vec<_> = owes.difference(&minutes).collect();
    let invented: Vec<_> = minutes.difference(&owes).collect();
    assert!(forgotten.is_empty(), "not charged: {forgotten:?}");
    assert!(invented.is_empty(), "charged and not owed: {invented:?}");
    let added_up: i64 = charged.iter().map(|line| line.micro_dollars.0).sum();
    let balance = database.balance(&acme).await.unwrap().balance_micro_dollars;
    assert_eq!((added_up, balance), (sum, MicroDollars(sum)));
    assert!(database.wrong_balances().await.unwrap().is_empty());
    legs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b2_killed_at_any_moment_each_started_minute_is_charged_once() {
    let mut stores = tokio::task::JoinSet::new();
    for store in 0..STORES {
        stores.spawn(async move {
            let folder = tempfile::tempdir().unwrap();
            let url = store::testing::new_url().await;
            let place = url.unwrap_or_else(|| folder.path().display().to_string());
            let database = open(&place).await;
            let acme = organization("acme");
            database.add_organization(&acme).await.unwrap();
            database.close().await;
            let mut legs = 0;
            for number in 0..ROUNDS / STORES {
                let seed = store * 1000 + number + 1;
                let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
                let delay = Duration::from_millis(random % 340);
                let coached = number % 4 != 0;
                println!("seed {seed}: killed after {delay:?}, {legs} legs so far");
                legs = round(&place, coached, delay).await;
            }
            legs
        });
    }
    while let Some(legs) = stores.join_next().await {
        let legs = legs.expect("a store is reconciled each time");
        // Else the kills all came before anything had happened.
        assert!(legs > 100, "{legs} legs in all");
    }
}
