//! The service under measurement: a separate process on a new store, with enough members to coach.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use voice::EncoderSettings;

use crate::api::Api;
use crate::error::BenchError;
use crate::program::Program;
use crate::speech;

/// A running service. It ends, and its store is deleted, when this is dropped.
pub struct Service {
    pub api: Api,
    program: Program,
    address: SocketAddr,
    // Last: the store goes after the process.
    _folder: tempfile::TempDir,
}

/// Settings that differ between measurements.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setting {
    /// Media worker threads; 0 for one per core.
    pub workers: usize,
    /// The local port of a trunk that takes calls in G.711 A-law; `None` simulates leads.
    pub trunk_port: Option<u16>,
}

impl Service {
    /// Starts it with this many extra managers, and waits until it serves.
    pub fn start(members: usize, encoding: &EncoderSettings) -> Result<Self, BenchError> {
        Self::start_set(members, encoding, Setting::default())
    }

    pub fn start_set(
        members: usize,
        encoding: &EncoderSettings,
        setting: Setting,
    ) -> Result<Self, BenchError> {
        let folder = tempfile::tempdir().map_err(BenchError::system("make a folder"))?;
        let log = std::fs::File::create(folder.path().join("log"))
            .map_err(BenchError::system("write a log"))?;
        let mut command = Command::new(beside_this_program("service")?);
        command
            .args([
                "--demo",
                "--demo-password",
                "demo-password",
                "--listen",
                "127.0.0.1:0",
                "--log",
                "warn",
                "--lead-talks-over",
                "true",
            ])
            .arg("--data")
            .arg(folder.path().join("data"))
            .args(["--demo-members", &members.to_string()])
            .args(["--workers", &setting.workers.to_string()])
            .args(["--opus-bitrate-bps", &encoding.bitrate_bps.to_string()])
            .args(["--opus-complexity", &encoding.complexity.to_string()])
            .args([
                "--opus-expected-loss-percent",
                &encoding.expected_loss_percent.to_string(),
            ])
            .stdout(Stdio::piped())
            .stderr(log);
        if std::path::Path::new(speech::RECORDINGS).is_dir() {
            command.args(["--lead-speech", speech::RECORDINGS]);
        }
        if let Some(port) = setting.trunk_port {
            let file = folder.path().join("settings.toml");
            std::fs::write(&file, telephony(port)).map_err(BenchError::system("write settings"))?;
            command.arg("--config").arg(file);
        }
        let mut program = Program::start(&mut command)?;
        let address = ready(&mut program).map_err(|error| {
            let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            BenchError::Unexpected(format!(
                "the service did not start: {error}; it said: {last:?}"
            ))
        })?;
        Ok(Self {
            api: Api::new(address)?,
            program,
            address,
            _folder: folder,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Where it serves HTTP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// One local trunk that is never probed: only calls are measured.
fn telephony(port: u16) -> String {
    format!(
        "[[telephony.trunks]]\nname = \"bench\"\nhost = \"127.0.0.1\"\nport = {port}\n\
         codecs = [\"pcma\"]\noptions_s = 0\n"
    )
}

/// The e-mail address of a member that `--demo-members` made, from 1 on.
pub fn member(number: usize) -> String {
    format!("member-{number:04}@demo.example")
}

/// Reads the service's output until it says where it serves.
fn ready(program: &mut Program) -> Result<SocketAddr, BenchError> {
    let stdout = program
        .take_stdout()
        .ok_or_else(|| BenchError::Unexpected("It has no output.".into()))?;
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .map_err(BenchError::system("read its output"))?;
    let said: Value =
        serde_json::from_str(&line).map_err(BenchError::unexpected("a line of JSON"))?;
    let address = said["http"].as_str().unwrap_or_default();
    address
        .parse()
        .map_err(BenchError::unexpected("an address"))
}

fn beside_this_program(name: &str) -> Result<PathBuf, BenchError> {
    let this = std::env::current_exe().map_err(BenchError::system("find this program"))?;
    let path = this.with_file_name(name);
    if path.exists() {
        return Ok(path);
    }
    Err(BenchError::Unexpected(format!(
        "{} is not built: cargo build --release -p service",
        path.display()
    )))
}
