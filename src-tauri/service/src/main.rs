//! The program `service`: reads its settings, runs [`service::start`], and stops on a signal.

use clap::{Parser, Subcommand};
use service::{Config, Flags, Hooks, LogFormat};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A flag or the file is wrong; clap's own code for a wrong flag.
const WRONG_SETTINGS: u8 = 2;

// No words of its own: what `--help` begins with is said at the settings.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// Stop when no WebSocket was in and no request came for so many seconds: for a service that is
    /// bundled with windows, and must not outlive the last one. 0 is never.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    stop_when_idle_s: u64,
    #[command(subcommand)]
    task: Option<Task>,
}

/// What is done instead of serving.
#[derive(Debug, Subcommand)]
enum Task {
    /// Copy an embedded store into one file, also while a service works with it. A store on PostgreSQL
    /// is backed up with `pg_dump`.
    Backup {
        /// The folder of the store.
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// The file, which must not be there yet.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Put such a copy back as the embedded store of a folder.
    Restore {
        /// The copy.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The folder of the store.
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// Write over a store that is there.
        #[arg(long)]
        force: bool,
    },
    /// Copy an embedded store into a PostgreSQL database that holds nothing yet, all or nothing, while
    /// no service works with either. Recordings stay where they are.
    CopyStore {
        /// The folder of the store.
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// The database.
        #[arg(long, value_name = "postgres://…")]
        to: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(task) = arguments.task {
        return perform(task);
    }
    let config = match Config::load(&arguments.flags) {
        Ok(config) => config,
        Err(error) => return complain(&error, WRONG_SETTINGS),
    };
    if let Err(error) = log(&config) {
        return complain(&format!("log: {error}"), WRONG_SETTINGS);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, 1),
    };
    let idle = Duration::from_secs(arguments.stop_when_idle_s);
    match runtime.block_on(run(config, idle)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the service ends");
            complain(&*error, 1)
        }
    }
}

/// Does the task, and ends.
fn perform(task: Task) -> ExitCode {
    let is_of_file = matches!(task, Task::Backup { .. } | Task::Restore { .. });
    if is_of_file && std::env::var_os("CALL_COACHING_DATABASE").is_some() {
        let advice = "the store is on PostgreSQL (CALL_COACHING_DATABASE): back it up with pg_dump, \
                      put it back with pg_restore";
        return complain(advice, WRONG_SETTINGS);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, 1),
    };
    let done = runtime.block_on(async {
        match task {
            Task::Backup { data, to } => service::backup(&data, &to).await,
            Task::Restore { from, data, force } => service::restore(&from, &data, force).await,
            Task::CopyStore { data, to } => service::copy_store(&data, &to).await.map(|rows| {
                let _ = writeln!(std::io::stdout(), "{rows} rows copied");
            }),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, 1),
    }
}

async fn run(config: Config, idle: Duration) -> Result<(), Box<dyn std::error::Error>> {
    // Before the start, so that a signal during it is not lost.
    let mut stop = Stop::new()?;
    let running = tokio::select! {
        running = service::start(config, Hooks::default()) => running?,
        () = stop.asked() => return Ok(()),
    };
    let ready = serde_json::json!({ "ready": true, "http": running.http_addr.to_string() });
    // Whoever started us may not care to read it.
    let _ = writeln!(std::io::stdout(), "{ready}");
    tokio::select! {
        () = stop.asked() => {}
        () = running.idle_for(idle), if !idle.is_zero() => tracing::info!("nobody uses it"),
    }
    tokio::select! {
        () = running.stop() => Ok(()),
        // Asked twice: at once.
        () = stop.asked() => Err("stopped before everything was closed".into()),
    }
}

/// SIGTERM and SIGINT.
#[cfg(unix)]
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(windows)]
struct Stop(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Stop {
    fn new() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn asked(&mut self) {
        let _ = self.0.recv().await;
    }
}

fn log(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    // The SIP stack writes whole messages, with credentials, to its finer levels.
    let levels = Targets::from_str(&config.log)?.with_target("rsipstack", Level::WARN);
    let registry = tracing_subscriber::registry().with(levels);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Json => registry
            .with(
                lines
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false),
            )
            .try_init()?,
        LogFormat::Text => registry.with(lines.with_ansi(false)).try_init()?,
    }
    Ok(())
}

fn complain(error: &(impl std::fmt::Display + ?Sized), code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "service: {error}");
    ExitCode::from(code)
}
