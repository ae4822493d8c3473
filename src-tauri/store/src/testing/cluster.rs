//! A PostgreSQL server of a test program's own: in a folder of its own, reached by a socket in it, never
//! run by root, and gone when the program is, however that ended.

use crate::Database;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Runs the server, says where it is, and waits until its own input ends: then whoever started it has
/// gone. Nothing of it is worth keeping, so nothing is flushed.
const SERVE: &str = r#"
set -e
trap '' INT TERM HUP
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
PATH=${bin:+$bin:}$PATH
here=$(mktemp -d /tmp/call-coaching-postgres-XXXXXX)
trap 'rm -rf "$here"' EXIT
cd "$here"
initdb --pgdata=data --username=tests --auth=trust --encoding=UTF8 --locale=C --no-sync >log 2>&1 ||
    { cat log >&2; exit 1; }
postgres -D data -k "$here" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
    -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off \
    -c max_connections=600 -c shared_buffers=64MB >>log 2>&1 </dev/null &
server=$!
until pg_isready --quiet --host="$here" --username=tests --dbname=postgres; do
    kill -0 $server || { cat log >&2; exit 1; }
    sleep 0.05
done
echo "$here"
cat >/dev/null
kill -QUIT $server
wait $server || true
"#;

const TEMPLATE: &str = "store_template";
/// A minute of looking each 5 ms.
const UNUSED_TRIES: u32 = 12_000;

struct Cluster {
    folder: String,
    made: AtomicU64,
    /// Makes the template once, and databases one after the other.
    making: tokio::sync::Mutex<bool>,
    /// Held as long as this program lives.
    _server: Child,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

/// A new database on this program's server, as a store has it that holds nothing yet: its URL.
pub(super) async fn new_database() -> String {
    let cluster = CLUSTER.get_or_init(Cluster::start);
    let mut has_template = cluster.making.lock().await;
    if !*has_template {
        cluster.create(TEMPLATE, "template1").await;
        let template = Database::connect(&cluster.url(TEMPLATE), false).await;
        template.expect("the schema is made").close().await;
        *has_template = true;
    }
    let name = format!("store_{}", cluster.made.fetch_add(1, Ordering::Relaxed));
    cluster.create(&name, TEMPLATE).await;
    cluster.url(&name)
}

/// Waits until no one is connected to this database: what a killed program had under way has then been
/// done or undone.
pub(super) async fn wait_until_unused(url: &str) {
    let options = PgConnectOptions::from_str(url).expect("the URL is right");
    let name = options.get_database().unwrap_or_default().to_owned();
    let mut server = options
        .database("postgres")
        .connect()
        .await
        .expect("the server answers");
    for _ in 0..UNUSED_TRIES {
        let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1";
        let connected: i64 = sqlx::query_scalar(query)
            .bind(&name)
            .fetch_one(&mut server)
            .await
            .expect("the server answers");
        if connected == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("someone stays connected to {name}");
}

impl Cluster {
    fn start() -> Self {
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let mut command = if is_root {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                "sh",
            ]);
            command
        } else {
            Command::new("sh")
        };
        let mut server = command
            .args(["-c", SERVE])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell runs");
        let mut folder = String::new();
        let said = server.stdout.take().expect("its output is ours");
        let read = BufReader::new(said).read_line(&mut folder);
        let folder = folder.trim().to_owned();
        assert!(
            read.is_ok() && !folder.is_empty(),
            "PostgreSQL does not start: is the package `postgresql` installed?"
        );
        Self {
            folder,
            made: AtomicU64::new(0),
            making: tokio::sync::Mutex::new(false),
            _server: server,
        }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://tests@localhost/{database}?host={}", self.folder)
    }

    async fn create(&self, database: &str, template: &str) {
        let options = PgConnectOptions::from_str(&self.url("postgres")).expect("the URL is right");
        let mut server = options.connect().await.expect("the server answers");
        let statement = format!("CREATE DATABASE {database} TEMPLATE {template}");
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut server)
            .await
            .expect("a database is made");
        server.close().await.expect("the server answers");
    }
}
