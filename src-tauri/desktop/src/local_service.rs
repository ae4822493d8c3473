//! The bundled service: a process of its own beside the app, for the team and the demo data of this
//! computer.
//!
//! The first window that needs it starts it, and every window of this user uses it. It belongs to none of
//! them: closing one must not end the calls of the others. It stops by itself when nobody asks it
//! anything any more, and when it is gone too early, whichever window notices first starts it again.
//!
//! The team and the demo data each have a folder, a port and a secret of their own (O1, O2). No other
//! user of the computer and no web page knows the secret, and a program that doesn't know it isn't taken
//! for the service.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use client::{LocalAnswer, LocalDoor, LocalSecret, LocalSecretError, Retry};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::watch;

use crate::disk;
use crate::link;
use crate::place::Local;
use crate::presenter::{Change, Presenter};
use crate::view::{LocalService, LocalServiceStatus};

/// The program's names: installed, and as it is built.
const PROGRAMS: [&str; 2] = ["call-coaching-service", "service"];
/// What the environment says about a service is for another one.
const VARIABLES: &str = "CALL_COACHING_";
/// In each folder: what app and service know, and everyone's password in the demo data.
const SECRET_FILE: &str = "local-secret";
const DEMO_PASSWORD_FILE: &str = "demo-password";
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
/// A set-up link for this computer's team is used at once, or made anew.
const SETUP_LINK_HOURS: &str = "1";
const NO_PROGRAM: &str = "Its program is missing. Install the app again.";

/// How it is started, wherever the app works.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// Its port on this machine for demo data; the team has the next one.
    pub port: u16,
    /// The program, when it does not stand beside this one.
    pub program: Option<PathBuf>,
    /// The folder with a folder for each; every profile has the same.
    pub folder: PathBuf,
}

/// The bundled service of one place.
#[derive(Debug, Clone)]
pub struct Bundled {
    /// Of which.
    pub place: Local,
    port: u16,
    program: Option<PathBuf>,
    folder: PathBuf,
    secret: LocalSecret,
}

impl LocalSettings {
    /// The service of this place. Its folder and its secret are made if they aren't there.
    ///
    /// # Errors
    /// In words, when they can't be.
    pub fn of(&self, place: Local) -> Result<Bundled, String> {
        let (name, port) = match place {
            Local::Demo => ("demo", self.port),
            Local::Team => ("team", self.port.saturating_add(1)),
        };
        let folder = self.folder.join(name);
        disk::make_private_folder(&folder).map_err(|error| {
            format!("Couldn't create its data folder: {}.", disk::reason(&error))
        })?;
        let file = folder.join(SECRET_FILE);
        let secret = LocalSecret::read_or_make(&file).map_err(|error| {
            let why = match &error {
                LocalSecretError::File(error) => disk::reason(error),
                other => other.to_string(),
            };
            format!("Couldn't use its secret in {}: {why}.", file.display())
        })?;
        Ok(Bundled {
            place,
            port,
            program: self.program.clone(),
            folder,
            secret,
        })
    }
}

impl Bundled {
    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it and the app know.
    pub fn secret(&self) -> LocalSecret {
        self.secret.clone()
    }

    /// Everyone's password in the demo data, which the service has made.
    ///
    /// # Errors
    /// In words, when it can't be read.
    pub fn demo_password(&self) -> Result<String, String> {
        let read = std::fs::read_to_string(self.folder.join(DEMO_PASSWORD_FILE));
        read.map(|text| text.trim().to_owned()).map_err(|error| {
            let why = disk::reason(&error);
            format!("Couldn't read the password of the demo data: {why}.")
        })
    }

    /// A link that sets up the team, good once; none if there is a team.
    ///
    /// # Errors
    /// In words, when the program can't make one.
    pub async fn setup_link(&self) -> Result<Option<String>, String> {
        let there = self.says(&["organization", "list", "--data"], &[]).await?;
        if !there.trim().is_empty() {
            return Ok(None);
        }
        let more = ["--allow-top-up", "--hours", SETUP_LINK_HOURS];
        let made = self.says(&["setup-link", "--data"], &more).await?;
        let token = made.trim().rsplit_once("/setup/#").map(|(_, token)| token);
        let link = token.and_then(|token| link::setup(token, &self.place.into()));
        let unexpected = "The service gave an unexpected answer. Install the app again.";
        link.map(Some).ok_or_else(|| unexpected.into())
    }

    /// What the program says to a task about this folder.
    async fn says(&self, task: &[&str], more: &[&str]) -> Result<String, String> {
        let mut command = self.command()?;
        command
            .args(task)
            .arg(&self.folder)
            .args(more)
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let ended = tokio::time::timeout(READY_WAIT, command.output()).await;
        let output = ended
            .map_err(|_| "The service didn't answer in time. Try again.".to_owned())?
            .map_err(|error| format!("The service can't be started: {error}."))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let why = said.lines().last().unwrap_or_default();
        let why = why.trim_start_matches("service: ");
        let why: String = why.chars().take(LINE_BYTES_MAX).collect();
        Err(format!("Couldn't set up the team: {why}."))
    }

    fn command(&self) -> Result<Command, String> {
        let mut command = Command::new(find(self.program.as_deref()).ok_or(NO_PROGRAM)?);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with(VARIABLES) {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(command)
    }
}

/// Keeps the bundled service of whichever place is wanted running. Ends with the app.
pub async fn keep_running(mut wanted: watch::Receiver<Option<Bundled>>, presenter: Presenter) {
    let begun = Instant::now();
    loop {
        let now = wanted.borrow_and_update().clone();
        match now {
            Some(bundled) => {
                let kept = keep(&bundled, begun, &presenter);
                tokio::select! {
                    () = kept => {}
                    changed = wanted.changed() => if changed.is_err() { return },
                }
            }
            None => {
                if wanted.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Keeps it running for as long as this is polled.
async fn keep(bundled: &Bundled, begun: Instant, presenter: &Presenter) {
    let mut retry = Retry::within(RETRY_MIN, RETRY_MAX);
    let tell = |status, message| {
        let place = bundled.place;
        let service = LocalService { status, message };
        async move { presenter.tell(Change::LocalService(place, service)).await }
    };
    let door = match LocalDoor::new(&bundled.url(), bundled.secret()) {
        Ok(door) => door,
        Err(error) => {
            tell(LocalServiceStatus::Failed, Some(error.to_string())).await;
            return std::future::pending().await;
        }
    };
    loop {
        let failed = match door.look().await {
            LocalAnswer::Ready => {
                tell(LocalServiceStatus::Running, None).await;
                tokio::time::sleep(LOOK_INTERVAL).await;
                continue;
            }
            LocalAnswer::Stranger => stranger(bundled.port),
            LocalAnswer::Silent => {
                tell(LocalServiceStatus::Starting, None).await;
                match start(bundled).await {
                    Ok(()) => {
                        retry.worked();
                        continue;
                    }
                    // Two windows may start it at once: one of the two finds the port taken, and uses it.
                    Err(message) => match door.look().await {
                        LocalAnswer::Ready => continue,
                        LocalAnswer::Stranger => stranger(bundled.port),
                        LocalAnswer::Silent => message,
                    },
                }
            }
        };
        log::error!("the bundled service: {failed}");
        tell(LocalServiceStatus::Failed, Some(failed)).await;
        // Nobody else waits for it: there is no crowd to spread out.
        tokio::time::sleep(retry.failed(begun.elapsed(), 1.0)).await;
    }
}

fn stranger(port: u16) -> String {
    format!(
        "Another program is using port {port}. Close it, or start the app with another --local-port."
    )
}

/// Starts it and waits until it says that it is ready.
async fn start(bundled: &Bundled) -> Result<(), String> {
    let mut command = bundled.command()?;
    if bundled.place == Local::Demo {
        command.arg("--demo");
    }
    command
        .arg("--data")
        .arg(&bundled.folder)
        .arg("--local-secret")
        .arg(bundled.folder.join(SECRET_FILE))
        .args(["--listen", &format!("127.0.0.1:{}", bundled.port)])
        .args(["--log", "warn", "--stop-when-idle-s", IDLE_S])
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path) -> LocalSettings {
        LocalSettings {
            port: 7780,
            program: None,
            folder: folder.to_owned(),
        }
    }

    #[test]
    fn o1_o2_the_team_and_the_demo_share_no_folder_no_port_and_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder.path().join("service"));
        let [team, demo] = [Local::Team, Local::Demo].map(|place| settings.of(place).unwrap());
        assert_eq!(demo.url(), "http://127.0.0.1:7780");
        assert_eq!(team.url(), "http://127.0.0.1:7781");
        assert!(!team.folder.starts_with(&demo.folder) && !demo.folder.starts_with(&team.folder));
        assert!(team.secret != demo.secret);
        let again = settings.of(Local::Team).unwrap();
        assert!(again.secret == team.secret, "each window has the same");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            for path in [&team.folder, &demo.folder] {
                let mode = std::fs::metadata(path).unwrap().permissions().mode();
                assert_eq!(mode & 0o077, 0, "others don't get into {}", path.display());
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn o2_a_secret_that_others_can_read_is_not_used_and_that_is_said_in_words() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let team = settings.of(Local::Team).unwrap();
        let file = team.folder.join(SECRET_FILE);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let said = settings.of(Local::Team).unwrap_err();
        assert!(
            said.contains("others on this computer can read it"),
            "{said}"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("service");
        std::fs::write(&file, "").unwrap();
        let said = settings(&file).of(Local::Demo).unwrap_err();
        assert!(
            said.contains("a file is where a folder should be"),
            "{said}"
        );
    }

    #[test]
    fn o2_the_demo_password_is_what_the_service_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let demo = settings(folder.path()).of(Local::Demo).unwrap();
        let said = demo.demo_password().unwrap_err();
        assert!(
            said.starts_with("Couldn't read the password of the demo data"),
            "{said}"
        );
        std::fs::write(demo.folder.join(DEMO_PASSWORD_FILE), "abc\n").unwrap();
        assert_eq!(demo.demo_password().unwrap(), "abc");
    }
}
