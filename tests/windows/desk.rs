//! A desk: a screen, a session bus, a key ring and a sound card, all of a test's own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::pulse::{Pulse, Recording};

/// Programs of the desk, ended with it.
pub struct Desk {
    pub pulse: Pulse,
    display: String,
    bus: String,
    folder: tempfile::TempDir,
    programs: Vec<Child>,
    /// What is done to the disks that windows see, before one is opened.
    disks: Option<String>,
}

impl Desk {
    /// With these microphones and loudspeakers, and an unlocked key ring.
    pub fn set(microphones: &[&str], loudspeakers: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["run", "data"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("a folder");
        }
        let mut desk = Self {
            pulse: Pulse::start(microphones, loudspeakers),
            display: String::new(),
            bus: String::new(),
            folder,
            programs: Vec::new(),
            disks: None,
        };
        desk.display = format!(
            ":{}",
            desk.first_line(
                "Xvfb",
                &[
                    "-displayfd",
                    "1",
                    "-screen",
                    "0",
                    "1600x1000x24",
                    "-nolisten",
                    "tcp",
                    // Else it would begin anew whenever its last program ends.
                    "-noreset"
                ]
            )
        );
        desk.bus = desk.first_line("dbus-daemon", &["--session", "--nofork", "--print-address"]);
        desk.unlock_key_ring();
        desk
    }

    /// What programs on this desk have in their environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("XDG_RUNTIME_DIR", self.folder.path().join("run"))
            .env("XDG_DATA_HOME", self.folder.path().join("data"))
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .env("HOME", self.folder.path())
            .env("PULSE_SERVER", self.pulse.server())
            .env("LC_ALL", "C.UTF-8")
            // Without a graphics card Mesa's software puts pages together. In its 22.3 the threads that
            // do so have been seen to let go of what another still looked at: it has none.
            .env("LP_NUM_THREADS", "0")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null());
        command
    }

    /// Windows that are opened from now on see their folders as this script has mounted them, and nobody
    /// else does. It knows `$HOME` and the `$XDG_…_HOME`. Whether that can be done here: by root only.
    pub fn mounts(&mut self, script: &str) -> bool {
        let can = Command::new("unshare").args(["--mount", "true"]).status();
        let can = can.is_ok_and(|status| status.success());
        if can {
            self.disks = Some(script.to_owned());
        } else {
            println!("skipped: only root may mount a folder");
        }
        can
    }

    /// The driver of a window.
    pub fn driver(&self) -> Command {
        let Some(script) = &self.disks else {
            return self.command("WebKitWebDriver");
        };
        let script = format!("set -e\n{script}\nexec WebKitWebDriver \"$@\"");
        let mut command = self.command("unshare");
        command.args(["--mount", "sh", "-c", &script, "sh"]);
        command
    }

    /// Starts a program that ends with the desk. What it says is in the file of its name.
    pub fn start(&mut self, program: &str, arguments: &[&str]) {
        let said = std::fs::File::create(self.path(program)).expect("a file");
        let mut command = self.command(program);
        command.args(arguments).stdout(said).stderr(Stdio::null());
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("{program}: {error}. Run `make test`, which installs it.")
        });
        self.programs.push(child);
    }

    /// The process of the key ring.
    pub fn key_ring(&self) -> u32 {
        self.programs.last().expect("it was started last").id()
    }

    /// The address of the session bus.
    pub fn bus(&self) -> &str {
        &self.bus
    }

    /// What a program says.
    pub fn says(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The app's windows that can be seen.
    pub fn windows(&self) -> Vec<String> {
        self.windows_called("Call Coaching")
    }

    /// The windows of this title that can be seen.
    pub fn windows_called(&self, title: &str) -> Vec<String> {
        let title = format!("^{title}$");
        let found = self.says("xdotool", &["search", "--onlyvisible", "--name", &title]);
        found.lines().map(str::to_owned).collect()
    }

    /// Asks the app's window to close, as its frame's button does.
    pub fn close_window(&self) {
        self.close("Call Coaching");
    }

    /// Asks the only window of this title to close.
    pub fn close(&self, title: &str) {
        use x11rb::connection::Connection;
        use x11rb::protocol::xproto::{ClientMessageEvent, ConnectionExt, EventMask};

        let windows = self.windows_called(title);
        let [window] = windows.as_slice() else {
            panic!("not one {title}: {windows:?}");
        };
        let window: u32 = window.parse().expect("a window's number");
        let (display, _) = x11rb::connect(Some(&self.display)).expect("the screen");
        let atom = |name: &str| {
            let atom = display.intern_atom(false, name.as_bytes());
            atom.expect("asked").reply().expect("an atom").atom
        };
        let close = [atom("WM_DELETE_WINDOW"), 0, 0, 0, 0];
        let message = ClientMessageEvent::new(32, window, atom("WM_PROTOCOLS"), close);
        let sent = display.send_event(false, window, EventMask::NO_EVENT, message);
        sent.expect("asked").check().expect("the window is there");
        display.flush().expect("it's sent");
    }

    /// A folder or a file of whoever uses this desk, such as `config`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the app keeps settings.
    pub fn config(&self, identifier: &str) -> PathBuf {
        self.folder.path().join("config").join(identifier)
    }

    /// Everything that programs on this desk left in files.
    pub fn files(&self) -> Vec<PathBuf> {
        fn below(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => below(&entry.path(), found),
                    Ok(kind) if kind.is_file() => found.push(entry.path()),
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        below(self.folder.path(), &mut found);
        found
    }

    /// Presses (`keydown`) or lets go (`keyup`) keys, wherever the focus is.
    pub fn keys(&self, action: &str, keys: &str) {
        let done = self.command("xdotool").args([action, keys]).status();
        let done = done.expect("xdotool runs; Debian has it in xdotool");
        assert!(done.success(), "xdotool {action} {keys}");
    }

    /// Gives the only window on this desk the focus, and presses a key.
    pub fn presses_in_window(&self, key: &str) {
        let search = ["search", "--onlyvisible", "--name", "^Call Coaching$"];
        let focus = ["windowfocus", "--sync", "key", key];
        let done = self.command("xdotool").args(search).args(focus).status();
        let done = done.expect("xdotool runs; Debian has it in xdotool");
        assert!(done.success(), "xdotool {focus:?}");
    }

    /// The processes in which pages of this desk's windows run.
    pub fn pages(&self) -> Vec<String> {
        let ours = format!("DISPLAY={}", self.display);
        let is_ours = |process: &Path| {
            let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
            let variables = std::fs::read(process.join("environ")).unwrap_or_default();
            let mut variables = variables.split(|byte| *byte == 0);
            name.starts_with("WebKitWebProc") && variables.any(|one| one == ours.as_bytes())
        };
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let ours = processes.filter(|process| is_ours(&process.path()));
        ours.map(|process| process.file_name().to_string_lossy().into_owned())
            .collect()
    }

    /// What a loudspeaker plays from now on.
    pub fn ear(&self, loudspeaker: &str) -> Recording {
        self.pulse.record_from(loudspeaker)
    }

    /// Starts a program that prints one line when it is ready.
    fn first_line(&mut self, program: &str, arguments: &[&str]) -> String {
        let mut child = self
            .command(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{program}: {error}. Run `make test`, which installs it.")
            });
        let output = child.stdout.take().expect("it was asked for");
        self.programs.push(child);
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it says a line");
        assert!(!line.trim().is_empty(), "{program} ended at once");
        line.trim().to_owned()
    }

    fn unlock_key_ring(&mut self) {
        let mut child = self
            .command("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("gnome-keyring-daemon runs; Debian has it in gnome-keyring");
        let mut input = child.stdin.take().expect("it was asked for");
        input.write_all(b"pass").expect("it reads its password");
        self.programs.push(child);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for program in self.programs.iter_mut().rev() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// A port that nobody has just now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}
