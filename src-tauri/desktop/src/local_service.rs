//! The bundled service: a process of its own beside the app, in local mode only.
//!
//! The first window that needs it starts it, and every window of this machine uses it. It belongs to
//! none of them: closing one must not end the calls of the others. It stops by itself when nobody asks
//! it anything any more, and when it is gone too early, whichever window notices first starts it again.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use client::Retry;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::watch;

use crate::disk;
use crate::presenter::{Change, Presenter};
use crate::view::{LocalService, LocalServiceStatus};

/// The program's names: installed, and as it is built.
const PROGRAMS: [&str; 2] = ["call-coaching-service", "service"];
/// How long it may take until it answers; a first start makes a store.
const READY_WAIT: Duration = Duration::from_secs(20);
/// How often a running service is looked at, which also keeps it running.
const LOOK_INTERVAL: Duration = Duration::from_secs(3);
/// It stops after so long without a look.
const IDLE_S: &str = "12";
/// The longest wait before it is started again, at first and ever.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(15);
/// Longer lines of the service's are no message of it.
const LINE_BYTES_MAX: usize = 4096;

/// How it is started.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// Its port on this machine.
    pub port: u16,
    /// The program, when it does not stand beside this one.
    pub program: Option<PathBuf>,
    /// The folder of its store; every profile has the same.
    pub data: PathBuf,
}

impl LocalSettings {
    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Keeps the bundled service running for as long as `wanted` is true. Ends with the app.
pub async fn keep_running(
    settings: LocalSettings,
    mut wanted: watch::Receiver<bool>,
    presenter: Presenter,
) {
    let http = reqwest::Client::new();
    let begun = Instant::now();
    let mut retry = Retry::within(RETRY_MIN, RETRY_MAX);
    loop {
        if !*wanted.borrow_and_update() {
            tell(&presenter, LocalServiceStatus::Off, None).await;
            if wanted.changed().await.is_err() {
                return;
            }
            continue;
        }
        if answers(&http, &settings).await {
            tell(&presenter, LocalServiceStatus::Running, None).await;
            tokio::select! {
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                changed = wanted.changed() => if changed.is_err() { return },
            }
            continue;
        }
        tell(&presenter, LocalServiceStatus::Starting, None).await;
        match start(&settings).await {
            Ok(()) => retry.worked(),
            // Two windows may start it at once: one of the two finds the port taken, and uses it.
            Err(_) if answers(&http, &settings).await => {}
            Err(message) => {
                log::error!("the bundled service: {message}");
                tell(&presenter, LocalServiceStatus::Failed, Some(message)).await;
                // Nobody else waits for it: there is no crowd to spread out.
                let wait = retry.failed(begun.elapsed(), 1.0);
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    changed = wanted.changed() => if changed.is_err() { return },
                }
            }
        }
    }
}

async fn tell(presenter: &Presenter, status: LocalServiceStatus, message: Option<String>) {
    presenter
        .tell(Change::LocalService(LocalService { status, message }))
        .await;
}

async fn answers(http: &reqwest::Client, settings: &LocalSettings) -> bool {
    let request = http
        .get(format!("{}/ready", settings.url()))
        .timeout(Duration::from_secs(2));
    request
        .send()
        .await
        .is_ok_and(|response| response.status().is_success())
}

/// Starts it and waits until it says that it is ready.
async fn start(settings: &LocalSettings) -> Result<(), String> {
    let program = find(settings.program.as_deref())
        .ok_or("Its program is missing. Install the app again.")?;
    std::fs::create_dir_all(&settings.data)
        .map_err(|error| format!("Couldn't create its data folder: {}.", disk::reason(&error)))?;
    let mut command = Command::new(program);
    command
        .arg("--demo")
        .arg("--data")
        .arg(&settings.data)
        .args(["--listen", &format!("127.0.0.1:{}", settings.port)])
        .args(["--log", "warn", "--stop-when-idle-s", IDLE_S])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(false);
    // An interrupt in the terminal of one window is not for it.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command
        .spawn()
        .map_err(|error| format!("Its program can't be started: {error}."))?;
    let Some(output) = child.stdout.take() else {
        return Err("It has no output.".into());
    };
    let mut lines = BufReader::new(output).lines();
    let ready = tokio::time::timeout(READY_WAIT, async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.len() < LINE_BYTES_MAX && line.contains("\"ready\":true") {
                return true;
            }
        }
        false
    });
    match ready.await {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err("It stopped before it was ready. Another program may be using its port.".into())
        }
        Err(_) => {
            let _ = child.kill().await;
            Err("It wasn't ready in time.".into())
        }
    }
}

/// The program: as told, or beside this one.
fn find(told: Option<&Path>) -> Option<PathBuf> {
    if let Some(path) = told {
        return Some(path.to_owned());
    }
    let here = std::env::current_exe().ok()?;
    let folder = here.parent()?;
    PROGRAMS
        .iter()
        .map(|name| {
            folder
                .join(name)
                .with_extension(std::env::consts::EXE_EXTENSION)
        })
        .find(|path| path.is_file())
}
