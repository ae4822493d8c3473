//! Clients that others would write: generated from the OpenAPI document by two public generators, compiled,
//! and doing the main job against the real service.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The program, with demo data, in a folder of its own.
struct Service {
    child: Child,
    base: String,
    folder: TempDir,
}

impl Service {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_service"))
            .args([
                "--listen",
                "127.0.0.1:0",
                "--workers",
                "1",
                "--demo",
                "--demo-password",
                "demo-password",
            ])
            .args(["--log", "warn", "--data"])
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let base = format!("http://{}", ready["http"].as_str().unwrap());
        Self {
            child,
            base,
            folder,
        }
    }

    /// Writes the OpenAPI document beside the data.
    async fn document(&self) -> PathBuf {
        let url = format!("{}/api/openapi.json", self.base);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let path = self.folder.path().join("openapi.json");
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(path)
}

/// Runs it to its end; what it wrote. The test fails when it does.
fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    let text = String::from_utf8_lossy(stdout).into_owned();
    let complaint = String::from_utf8_lossy(stderr);
    assert!(output.status.success(), "{command:?}:\n{text}\n{complaint}");
    text
}

/// Whether the set-up of the tests has installed a generator.
fn is_there(generator: &Path) -> bool {
    let there = generator.exists();
    if !there {
        eprintln!(
            "not tested: no {}; make test installs it",
            generator.display()
        );
    }
    there
}

/// What a client says when it is done: the modes that its coach was in, and the recording's bytes.
fn assert_done(said: &str, recording: &Path) {
    let said: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(
        said["modes"],
        serde_json::json!(["listen", "whisper", "barge", "listen"])
    );
    let bytes = std::fs::read(recording).unwrap();
    assert!(bytes.starts_with(b"OggS"), "no Ogg: {:?}", &bytes[..4]);
    assert_eq!(said["bytes"].as_u64(), Some(bytes.len() as u64));
}

#[tokio::test]
async fn a_generated_typescript_client_does_the_main_job() {
    let tools = here("typescript/node_modules");
    if !is_there(&tools.join(".bin/openapi-typescript")) {
        return;
    }
    let service = Service::start();
    let document = service.document().await;
    let folder = service.folder.path().join("typescript");
    std::fs::create_dir(&folder).unwrap();
    for file in ["package.json", "tsconfig.json", "job.ts"] {
        std::fs::copy(here("typescript").join(file), folder.join(file)).unwrap();
    }
    std::os::unix::fs::symlink(&tools, folder.join("node_modules")).unwrap();
    let tool = |name: &str| {
        let mut command = Command::new(tools.join(".bin").join(name));
        command.current_dir(&folder);
        command
    };
    run(tool("openapi-typescript")
        .arg(&document)
        .args(["--output", "api.ts"]));
    run(&mut tool("tsc"));
    let recording = folder.join("recording.ogg");
    let said = run(Command::new("node")
        .current_dir(&folder)
        .args(["job.js", &service.base])
        .arg(&recording));
    assert_done(&said, &recording);
}

#[tokio::test]
async fn a_generated_python_client_does_the_main_job() {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv-clients/bin");
    if !is_there(&tools.join("openapi-python-client")) {
        return;
    }
    let service = Service::start();
    let document = service.document().await;
    let folder = service.folder.path();
    let package = folder.join("call_coaching");
    let said = run(Command::new(tools.join("openapi-python-client"))
        .args([
            "generate",
            "--meta",
            "none",
            "--fail-on-warning",
            "--config",
        ])
        .arg(here("python/config.yaml"))
        .arg("--path")
        .arg(&document)
        .arg("--output-path")
        .arg(&package));
    assert!(!said.contains("Warning"), "{said}");
    let python = || {
        let mut command = Command::new(tools.join("python"));
        command.current_dir(folder).env("PYTHONPATH", folder);
        command
    };
    run(python()
        .args(["-W", "error", "-m", "compileall", "-q"])
        .arg(&package));
    let recording = folder.join("recording.ogg");
    let said = run(python()
        .arg(here("python/job.py"))
        .arg(&service.base)
        .arg(&recording));
    assert_done(&said, &recording);
}
