//! The program `service`: reads its settings, runs [`service::start`], and stops on a signal.

use clap::{Parser, Subcommand};
use service::operator::{self, SetupLinkRequest};
use service::{Config, Flags, Hooks, LogFormat};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;
use store::{Database, Operation, OrganizationSummary};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use wire::{OrganizationId, PhoneNumberKind, Plan};

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
    /// Create a one-time link that sets up an organization with its first admin, and print it. Works while
    /// the service runs
    SetupLink {
        #[command(flatten)]
        at: Place,
        /// Organization that waits for its first admin. Without it, the link creates a new one
        #[arg(long, value_name = "ID", value_parser = OrganizationId::parse)]
        organization: Option<OrganizationId>,
        /// Plan of the new organization
        #[arg(long, value_name = "PLAN", default_value = "enterprise", value_parser = plan)]
        plan: Plan,
        /// Let the new organization's admins add credit by themselves
        #[arg(long)]
        allow_top_up: bool,
        /// Hours until the link expires
        #[arg(long, value_name = "HOURS", default_value_t = 72,
              value_parser = clap::value_parser!(u32).range(1..=720))]
        hours: u32,
    },
    /// Create, list or suspend organizations. Works while the service runs
    #[command(subcommand)]
    Organization(OrganizationTask),
    /// Change an organization's plan. Works while the service runs
    #[command(subcommand)]
    Plan(PlanTask),
    /// Assign trunk numbers to organizations. Works while the service runs
    #[command(subcommand)]
    Number(NumberTask),
    /// Give an organization credit, or correct its balance. Works while the service runs
    #[command(subcommand)]
    Credit(CreditTask),
    /// Serve demo data, to look around: on this computer only, and in a data folder of its own
    Demo {
        #[command(flatten)]
        flags: Box<Flags>,
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

/// Which service a task is for.
#[derive(Debug, clap::Args)]
struct Place {
    /// Settings file of the service (TOML)
    #[arg(long, env = "CALL_COACHING_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder [default: data]
    #[arg(long, env = "CALL_COACHING_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// PostgreSQL database, if the service uses one
    #[arg(
        long,
        env = "CALL_COACHING_DATABASE",
        value_name = "postgres://…",
        hide_env_values = true
    )]
    database: Option<String>,
    /// Address where people reach the service, such as https://calls.example.com
    #[arg(long, env = "CALL_COACHING_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum OrganizationTask {
    /// Create an organization, and print its id and a set-up link for its first admin
    Create {
        #[command(flatten)]
        at: Place,
        /// Its name
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Its country, two letters (ISO 3166-1)
        #[arg(long, value_name = "CODE", default_value = "US")]
        country: String,
        /// Its time zone (IANA)
        #[arg(long, value_name = "ZONE", default_value = "UTC")]
        time_zone: String,
        /// Its plan
        #[arg(long, value_name = "PLAN", default_value = "enterprise", value_parser = plan)]
        plan: Plan,
        /// Let its admins add credit by themselves
        #[arg(long)]
        allow_top_up: bool,
    },
    /// List all organizations
    List {
        #[command(flatten)]
        at: Place,
    },
    /// Sign everyone out of an organization, and let no one sign in. Calls in progress end
    Suspend {
        #[command(flatten)]
        at: Place,
        /// Which
        #[arg(value_name = "ID", value_parser = OrganizationId::parse)]
        organization: OrganizationId,
        /// Lift the suspension
        #[arg(long)]
        lift: bool,
    },
    /// Let an organization's admins add credit by themselves, or no longer
    TopUp {
        #[command(flatten)]
        at: Place,
        /// Which
        #[arg(value_name = "ID", value_parser = OrganizationId::parse)]
        organization: OrganizationId,
        /// Whether they may
        #[arg(value_name = "true|false", action = clap::ArgAction::Set)]
        allowed: bool,
    },
}

#[derive(Debug, Subcommand)]
enum PlanTask {
    /// Set the plan. It takes effect within seconds, also on calls in progress
    Set {
        #[command(flatten)]
        at: Place,
        /// Which organization
        #[arg(value_name = "ID", value_parser = OrganizationId::parse)]
        organization: OrganizationId,
        /// startup, professional, business_legacy or enterprise
        #[arg(value_name = "PLAN", value_parser = plan)]
        plan: Plan,
    },
}

#[derive(Debug, Subcommand)]
enum NumberTask {
    /// Assign a number. The organization can call from it, and calls to it ring there
    Assign {
        #[command(flatten)]
        at: Place,
        /// Which organization
        #[arg(value_name = "ID", value_parser = OrganizationId::parse)]
        organization: OrganizationId,
        /// Number in E.164 format, such as +15551234567
        #[arg(value_name = "NUMBER")]
        number: String,
        /// What it's called in the app
        #[arg(long, value_name = "NAME", default_value = "Main line")]
        label: String,
        /// internal, external (caller ID only) or virtual (forwards)
        #[arg(long, value_name = "KIND", default_value = "internal", value_parser = kind)]
        kind: PhoneNumberKind,
    },
    /// Take a number away from an organization
    Unassign {
        #[command(flatten)]
        at: Place,
        /// Which organization
        #[arg(value_name = "ID", value_parser = OrganizationId::parse)]
        organization: OrganizationId,
        /// The number
        #[arg(value_name = "NUMBER")]
        number: String,
    },
}

#[derive(Debug, Subcommand)]
enum CreditTask {
    /// Add credit; a negative amount is a correction
    Add {
        #[command(flatten)]
        at: Place,
        /// Which organization
        #[arg(value_name = "ID", value_parser = OrganizationId::parse)]
        organization: OrganizationId,
        /// Dollars, such as 25 or -3.50
        #[arg(value_name = "DOLLARS", allow_hyphen_values = true)]
        dollars: String,
        /// Why. The organization's admins can read it
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

/// A plan, by its name in the API.
fn plan(text: &str) -> Result<Plan, String> {
    named(text, "startup, professional, business_legacy or enterprise")
}

/// A kind of number, by its name in the API.
fn kind(text: &str) -> Result<PhoneNumberKind, String> {
    named(text, "internal, external or virtual")
}

fn named<T: serde::de::DeserializeOwned>(text: &str, names: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|_| format!("use {names}"))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (flags, demo) = match arguments.task {
        None => (arguments.flags, None),
        Some(Task::Demo { flags }) => (*flags, Some(true)),
        Some(task) => return perform(task),
    };
    let flags = Flags {
        demo: demo.or(flags.demo),
        ..flags
    };
    let config = match Config::load(&flags) {
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
    match runtime.block_on(done(task)) {
        Ok(lines) => {
            // Whoever reads it may have closed the pipe.
            let _ = std::io::stdout().write_all(lines.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => complain(&*error, 1),
    }
}

/// What a task prints once it is done.
async fn done(task: Task) -> Result<String, Box<dyn std::error::Error>> {
    match task {
        Task::Backup { data, to } => service::backup(&data, &to).await?,
        Task::Restore { from, data, force } => service::restore(&from, &data, force).await?,
        Task::CopyStore { data, to } => {
            let rows = service::copy_store(&data, &to).await?;
            return Ok(format!("{rows} rows copied\n"));
        }
        Task::SetupLink {
            at,
            organization,
            plan,
            allow_top_up,
            hours,
        } => {
            let (config, store) = at.open().await?;
            let request = SetupLinkRequest {
                organization,
                plan,
                top_up_allowed: allow_top_up,
                hours,
            };
            let link = operator::setup_link(&store, &config, request).await?;
            store.close().await;
            return Ok(format!("{link}\n"));
        }
        Task::Organization(task) => return of_organization(task).await,
        Task::Plan(PlanTask::Set {
            at,
            organization,
            plan,
        }) => at.operate(&organization, Operation::Plan(plan)).await?,
        Task::Number(NumberTask::Assign {
            at,
            organization,
            number,
            label,
            kind,
        }) => {
            let assignment = operator::assignment(&number, &label, kind)?;
            at.operate(&organization, assignment).await?;
        }
        Task::Number(NumberTask::Unassign {
            at,
            organization,
            number,
        }) => {
            let number = operator::e164(&number)?;
            at.operate(&organization, Operation::Unassign { number })
                .await?;
        }
        Task::Credit(CreditTask::Add {
            at,
            organization,
            dollars,
            note,
        }) => {
            let credit = operator::credit(&dollars, &note)?;
            at.operate(&organization, credit).await?;
        }
        Task::Demo { .. } => {}
    }
    Ok(String::new())
}

async fn of_organization(task: OrganizationTask) -> Result<String, Box<dyn std::error::Error>> {
    match task {
        OrganizationTask::Create {
            at,
            name,
            country,
            time_zone,
            plan,
            allow_top_up,
        } => {
            let (config, store) = at.open().await?;
            let place = (&*name, &*country, &*time_zone);
            let id = operator::create_organization(&store, place, plan, allow_top_up).await?;
            let request = SetupLinkRequest {
                organization: Some(id.clone()),
                ..SetupLinkRequest::default()
            };
            let link = operator::setup_link(&store, &config, request).await?;
            store.close().await;
            return Ok(format!("{id}\n{link}\n"));
        }
        OrganizationTask::List { at } => {
            let (_, store) = at.open().await?;
            let all = operator::organizations(&store).await?;
            store.close().await;
            return Ok(all.iter().map(listed).collect());
        }
        OrganizationTask::Suspend {
            at,
            organization,
            lift,
        } => {
            at.operate(&organization, Operation::Suspended(!lift))
                .await?;
        }
        OrganizationTask::TopUp {
            at,
            organization,
            allowed,
        } => {
            at.operate(&organization, Operation::TopUpAllowed(allowed))
                .await?;
        }
    }
    Ok(String::new())
}

/// A line about an organization, as JSON: it is read by programs as well.
fn listed(one: &OrganizationSummary) -> String {
    let line = serde_json::json!({
        "id": one.id,
        "name": one.name,
        "plan": one.plan,
        "members": one.members,
        "numbers": one.numbers,
        "balance_micro_dollars": one.balance,
        "top_up_allowed": one.top_up_allowed,
        "suspended": one.suspended,
    });
    format!("{line}\n")
}

impl Place {
    async fn open(&self) -> Result<(Config, Database), Box<dyn std::error::Error>> {
        let config = Config::load(&Flags {
            config: self.config.clone(),
            data: self.data.clone(),
            database: self.database.clone(),
            public_url: self.public_url.clone(),
            ..Flags::default()
        })?;
        let store = operator::open(&config).await?;
        Ok((config, store))
    }

    async fn operate(
        &self,
        organization: &OrganizationId,
        operation: Operation,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let (_, store) = self.open().await?;
        let done = operator::operate(&store, organization, &operation).await;
        store.close().await;
        Ok(done?)
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
