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

/// The exit code for an invalid flag or settings file: the one that clap uses.
const WRONG_SETTINGS: u8 = 2;

// A doc comment here would replace the text that `--help` begins with.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// Stop after this many seconds without a request or an open WebSocket. The desktop app uses this
    /// for its bundled service. 0 means never
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    stop_when_idle_s: u64,
    #[command(subcommand)]
    task: Option<Task>,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
enum Task {
    /// Back up the embedded database into one file, even while the service runs. Back up PostgreSQL
    /// with `pg_dump`
    Backup {
        /// Data folder
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// File to write. It must not exist yet
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Restore a backup into a data folder. Stop the service first
    Restore {
        /// Backup file
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Data folder. Created if it doesn't exist
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// Replace a database that is already there
        #[arg(long)]
        force: bool,
    },
    /// Copy an embedded database into an empty PostgreSQL database. Stop the service first
    CopyStore {
        /// Data folder
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// PostgreSQL database
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
        return complain(
            &format!("the log setting isn't valid: {error}"),
            WRONG_SETTINGS,
        );
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
            tracing::error!(%error, "the service failed");
            complain(&*error, 1)
        }
    }
}

/// Runs a task instead of the service.
fn perform(task: Task) -> ExitCode {
    let is_of_file = matches!(task, Task::Backup { .. } | Task::Restore { .. });
    if is_of_file && std::env::var_os("CALL_COACHING_DATABASE").is_some() {
        let advice = "the data is in PostgreSQL (CALL_COACHING_DATABASE is set). Use pg_dump to back it \
                      up and pg_restore to restore it";
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
    // Whoever started us may have closed the pipe.
    let _ = writeln!(std::io::stdout(), "{ready}");
    tokio::select! {
        () = stop.asked() => {}
        () = running.idle_for(idle), if !idle.is_zero() => tracing::info!("no one is using the service"),
    }
    tokio::select! {
        () = running.stop() => Ok(()),
        // A second signal doesn't wait.
        () = stop.asked() => Err("stopped by a second signal before everything was closed".into()),
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
