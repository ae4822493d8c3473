//! One real app in a window, driven as a person would.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::json;
use thirtyfour::error::{WebDriverError, WebDriverResult};
use thirtyfour::extensions::query::{ElementQuery, ElementQueryable};
use thirtyfour::{By, Capabilities, WebDriver, WebElement};

use crate::desk::{Desk, free_port};

/// How long anything that must happen may take.
pub const PATIENCE: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(60);
const IDENTIFIER: &str = "com.callcoaching.desktop";

/// An app with its driver.
pub struct Window {
    pub name: &'static str,
    driver: WebDriver,
    program: Child,
}

/// How an app is started.
pub struct Start<'a> {
    /// Who it is for: `mic_…` and `spk_…` of the desk have this ending.
    pub name: &'static str,
    /// Its profile.
    pub profile: &'a str,
    /// Further arguments.
    pub arguments: &'a [&'a str],
}

impl Window {
    /// Starts the app, and waits for its first page.
    pub async fn open(desk: &Desk, start: Start<'_>) -> Self {
        set_devices(desk, &start);
        Self::reopen(desk, start).await
    }

    /// The same with what is set already.
    pub async fn reopen(desk: &Desk, start: Start<'_>) -> Self {
        let port = free_port();
        let log = std::fs::File::create(screens().join(format!("{}.log", file_name(start.name))));
        let program = desk
            .driver()
            .arg(format!("--port={port}"))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .stdout(Stdio::null())
            .stderr(log.map_or_else(|_| Stdio::null(), Stdio::from))
            .process_group(0)
            .spawn()
            .expect("WebKitWebDriver runs; Debian has it in webkit2gtk-driver");
        let mut arguments = vec!["--profile", start.profile];
        arguments.extend(start.arguments);
        let mut capabilities = Capabilities::default();
        let app = json!({ "binary": env!("CARGO_BIN_EXE_call-coaching"), "args": arguments });
        capabilities
            .set("webkitgtk:browserOptions", app)
            .expect("it is JSON");
        let server = format!("http://127.0.0.1:{port}");
        // An app that dies at its start would leave the driver waiting for ever.
        let made = tokio::time::timeout(PATIENCE, async {
            loop {
                if tokio::net::TcpStream::connect(("127.0.0.1", port))
                    .await
                    .is_ok()
                {
                    break WebDriver::new(&server, capabilities).await;
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        let driver = match made.await {
            Ok(Ok(driver)) => driver,
            Ok(Err(error)) => panic!("{}: no session: {error}", start.name),
            Err(_) => panic!("{}: the app did not start in {PATIENCE:?}", start.name),
        };
        Self {
            name: start.name,
            driver,
            program,
        }
    }

    /// Looks for an element for as long as anything may take.
    fn query(&self, id: &str) -> ElementQuery {
        self.driver.query(by(id)).wait(PATIENCE, LOOK)
    }

    /// Waits until something is to be seen.
    pub async fn see(&self, id: &str) -> WebElement {
        match self.query(id).and_displayed().first().await {
            Ok(element) => element,
            Err(error) => {
                self.shot_of_failure().await;
                panic!("{}: no {id}: {error}", self.name)
            }
        }
    }

    /// Clicks what can be clicked.
    pub async fn click(&self, id: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let clicked = match self.query(id).and_clickable().first().await {
                Ok(element) => self.click_at_rest(&element).await,
                Err(error) => Err(error),
            };
            let Err(error) = clicked else {
                return;
            };
            if tokio::time::Instant::now() > deadline || !is_passing(&error) {
                self.shot_of_failure().await;
                panic!("{}: {id} cannot be clicked: {error}", self.name);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Clicks what makes the window go: the driver may not live to say that it did.
    pub async fn clicks_away(&self, id: &str) {
        self.see(id).await;
        let later = format!(
            "const found = document.querySelector('[data-testid={id:?}]');
             setTimeout(() => found.click(), 100);"
        );
        self.script(&later).await;
    }

    /// A menu that is still moving to its place would be clicked beside.
    async fn click_at_rest(&self, element: &WebElement) -> WebDriverResult<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut before = element.rect().await?;
        while tokio::time::Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
            let now = element.rect().await?;
            if (now.x, now.y) == (before.x, before.y) {
                break;
            }
            before = now;
        }
        element.click().await
    }

    /// Waits until something is not there any more.
    pub async fn gone(&self, id: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // An element that goes while it is looked at is an error of the driver's, not of ours.
            if self
                .driver
                .find_all(by(id))
                .await
                .is_ok_and(|found| found.is_empty())
            {
                return;
            }
            if tokio::time::Instant::now() > deadline {
                self.shot_of_failure().await;
                panic!("{}: {id} stays", self.name);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until an attribute has this value.
    pub async fn sees(&self, id: &str, attribute: &'static str, value: &str) {
        let value = value.to_owned();
        let query = self.query(id).with_attribute(attribute, value.clone());
        if let Err(error) = query.first().await {
            let now = self.driver.find(by(id)).await;
            let now = match now {
                Ok(element) => element.attr(attribute).await.ok().flatten(),
                Err(_) => None,
            };
            self.shot_of_failure().await;
            panic!(
                "{}: {id}[{attribute}] is {now:?}, not {value}: {error}",
                self.name
            );
        }
    }

    /// Waits until some text is to be read in an element. The page is asked: the driver leaves out names,
    /// which are cut off where there is no room for them. Letters of any case count, and no isolates of
    /// names.
    pub async fn reads(&self, id: &str, text: &str) {
        self.see(id).await;
        let script = format!(
            "return [...document.querySelectorAll('[data-testid={id:?}]')].map((one) => one.innerText)"
        );
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // A page that is being loaded anew reads nothing.
            let now = self.driver.execute(&script, Vec::new()).await;
            let now = now.map_or(serde_json::Value::Null, |done| done.json().clone());
            let found = now.as_array().into_iter().flatten();
            let mut found = found.filter_map(|text| text.as_str());
            if found.any(|found| plain(found).contains(&plain(text))) {
                return;
            }
            if tokio::time::Instant::now() > deadline {
                self.shot_of_failure().await;
                panic!("{}: {id} reads {now}, not {text}", self.name);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the words that explain an element hold some text.
    pub async fn explains(&self, id: &str, text: &str) {
        let wanted = text.to_owned();
        let query = self.query(id);
        let has = move |found: &str| found.contains(&wanted);
        if let Err(error) = query.with_attribute("title", has).first().await {
            self.shot_of_failure().await;
            panic!("{}: {id} is not explained by {text}: {error}", self.name);
        }
    }

    /// Types into a field.
    pub async fn types(&self, id: &str, text: &str) {
        let field = self.see(id).await;
        field.clear().await.expect("a field can be emptied");
        field.send_keys(text).await.expect("a field takes text");
    }

    /// Chooses a file, as in the system's dialog.
    pub async fn chooses_file(&self, id: &str, path: &Path) {
        let field = self.query(id).first().await;
        let field = field.unwrap_or_else(|error| panic!("{}: no {id}: {error}", self.name));
        let path = path.to_str().expect("a path in UTF-8");
        let chosen = field.send_keys(path).await;
        chosen.unwrap_or_else(|error| panic!("{}: {id} takes no file: {error}", self.name));
    }

    /// Clicks a choice whose field can't be seen, by its name.
    pub async fn click_chip(&self, id: &str) {
        self.query(id).first().await.unwrap_or_else(|error| {
            panic!("{}: no {id}: {error}", self.name);
        });
        let click =
            format!("document.querySelector('[data-testid={id:?}]').closest('label').click()");
        self.script(&click).await;
    }

    /// Presses a key in the window.
    pub async fn presses(&self, key: &str) {
        let body = self.driver.find(By::Tag("body")).await.expect("a page");
        body.send_keys(key).await.expect("the page takes keys");
    }

    /// Runs a script in the page; what it returns.
    pub async fn script(&self, script: &str) -> serde_json::Value {
        let done = self.driver.execute(script, Vec::new()).await;
        done.unwrap_or_else(|error| panic!("{}: {script}: {error}", self.name))
            .json()
            .clone()
    }

    /// Runs a script in the page that calls `done` in the end; what it's called with.
    pub async fn script_until_done(&self, script: &str) -> serde_json::Value {
        let script = format!("const done = arguments[arguments.length - 1];\n{script}");
        let ended = self.driver.execute_async(&script, Vec::new()).await;
        ended
            .unwrap_or_else(|error| panic!("{}: {script}: {error}", self.name))
            .json()
            .clone()
    }

    async fn shot_of_failure(&self) {
        self.shot(&format!("failed-{}", file_name(self.name))).await;
    }

    /// A picture of the page as it is after two frames more, kept in `target/screens`.
    pub async fn shot(&self, name: &str) {
        let two_frames = "const done = arguments[arguments.length - 1];
            requestAnimationFrame(() => requestAnimationFrame(() => done(1)));";
        let _ = self.driver.execute_async(two_frames, Vec::new()).await;
        let path = screens().join(format!("{name}.png"));
        if let Err(error) = self.driver.screenshot(&path).await {
            println!("{}: no picture {name}: {error}", self.name);
        }
    }

    /// Pictures of this state in light and dark, at 100 % and 150 %.
    pub async fn shots(&self, name: &str) {
        for (zoom, ending) in [("1", ""), ("1.5", "-150")] {
            self.zoom(zoom).await;
            for theme in ["light", "dark"] {
                self.script(&format!(
                    "window.__theme ??= document.documentElement.dataset.theme ?? '';
                     document.documentElement.dataset.theme = '{theme}';"
                ))
                .await;
                self.shot(&format!("{name}-{theme}{ending}")).await;
            }
        }
        self.script("document.documentElement.dataset.theme = window.__theme;")
            .await;
        self.zoom("1").await;
    }

    /// Zooms the page, as its keys do.
    async fn zoom(&self, value: &str) {
        let zoom = format!(
            "window.__TAURI_INTERNALS__
               .invoke('plugin:webview|set_webview_zoom', {{ value: {value} }})
               .then(() => done(''), (error) => done(String(error)));"
        );
        let failed = self.script_until_done(&zoom).await;
        assert_eq!(failed, "", "{}: zoom", self.name);
    }

    /// Quits as when the machine is turned off: nothing is asked.
    pub async fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let group = format!("-{}", self.program.id());
        let _ = std::process::Command::new("kill")
            .args(["-KILL", "--", &group])
            .status();
        let _ = self.program.wait();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.end();
    }
}

fn plain(text: &str) -> String {
    let isolates = '\u{2066}'..='\u{2069}';
    text.to_lowercase()
        .replace(|sign| isolates.contains(&sign), "")
}

fn by(id: &str) -> By {
    By::Css(format!("[data-testid=\"{id}\"]"))
}

/// A name of a file of this test's own, since another may have a window of the same person.
fn file_name(name: &str) -> String {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    format!("{name}-{}", test.rsplit("::").next().unwrap_or_default())
}

/// Whether a click fails for a moment only: a menu that is being opened lets clicks through until it has
/// its place, and a row that is drawn anew isn't there for an instant.
fn is_passing(error: &WebDriverError) -> bool {
    let words = ["intercepted", "not interactable", "stale", "no longer"];
    let error = error.to_string();
    words.iter().any(|word| error.contains(word))
}

/// Where pictures are kept.
pub fn screens() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("a target folder");
    let folder = target.join("screens");
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    folder
}

/// Each app has a microphone and a loudspeaker of its own, and hears tones as they are: what is made
/// for voices would take a tone for noise.
fn set_devices(desk: &Desk, start: &Start<'_>) {
    let identifier = match start.profile {
        "default" => IDENTIFIER.to_owned(),
        profile => format!("{IDENTIFIER}.{profile}"),
    };
    let settings = json!({ "settings": {
        "microphone": format!("pulseaudio:mic_{}_source", start.name),
        "loudspeaker": format!("pulseaudio:spk_{}", start.name),
        "echo_cancellation": false,
        "noise_suppression": false,
        "gain_control": false,
        // One key can be had by one of them; Ctrl, Alt and an F key are the terminal switch.
        "hold_to_whisper": (start.name == "morgan").then_some("Control+Alt+M"),
    }});
    let folder = desk.config(&identifier);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("settings.json"), settings.to_string()).expect("settings are kept");
}
