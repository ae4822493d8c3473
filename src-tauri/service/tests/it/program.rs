//! The program itself: its settings, its one line of output, its log, and how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Program {
    child: Child,
    http: String,
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
    command
        .arg("--data")
        .arg(folder)
        .args(["--workers", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts it and reads the line that says where it serves.
fn start(command: &mut Command) -> Program {
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    if line.is_empty() {
        let output = child.wait_with_output().unwrap();
        panic!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["ready"], true);
    Program {
        child,
        http: ready["http"].as_str().unwrap().to_owned(),
    }
}

/// Sends a signal and returns the exit code and the log.
fn stop(mut program: Program, signal: &str) -> (Option<i32>, String) {
    let sent = Command::new("kill")
        .args([signal, &program.child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let mut log = String::new();
    let mut stderr = program.child.stderr.take().unwrap();
    stderr.read_to_string(&mut log).unwrap();
    (program.child.wait().unwrap().code(), log)
}

#[tokio::test]
async fn it_says_where_it_serves_logs_without_secrets_and_ends_when_asked() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let program = start(command(folder.path()).args(["--listen", "127.0.0.1:0", "--demo"]));
        let http = reqwest::Client::new();
        let base = format!("http://{}", program.http);
        let tokens: Value = http
            .post(format!("{base}/api/v1/auth/sign_in/"))
            .json(&serde_json::json!({
                "email": "riley@demo.example", "password": "demo-password", "client_type": "web"
            }))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let token = tokens["access_token"].as_str().unwrap();
        let answer = http
            .get(format!(
                "{base}/api/v1/activity/call/acti_unknown/?secret=query"
            ))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        let request_id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let (exit, log) = stop(program, signal);
        assert_eq!(exit, Some(0), "{log}");
        let lines: Vec<Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect();
        let served = lines
            .iter()
            .find(|line| line["span"]["request_id"] == request_id.as_str())
            .unwrap_or_else(|| panic!("{log}"));
        assert_eq!(served["span"]["call_id"], "acti_unknown", "{served}");
        assert_eq!(served["status"], 404);
        for secret in [
            token,
            tokens["refresh_token"].as_str().unwrap(),
            "demo-password",
            "secret=query",
        ] {
            assert!(!log.contains(secret), "the log holds {secret}");
        }
        assert!(
            lines.iter().any(|line| line["message"] == "stopped"),
            "{log}"
        );
    }
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "listen = \"127.0.0.3:0\"\nlog_format = \"text\"\n").unwrap();
    let address_with = |variable: Option<&str>, flag: Option<&str>| {
        let mut command = command(&folder.path().join("data"));
        command.arg("--config").arg(&file);
        if let Some(variable) = variable {
            command.env("CALL_COACHING_LISTEN", variable);
        }
        if let Some(flag) = flag {
            command.args(["--listen", flag]);
        }
        let program = start(&mut command);
        let address = program.http.clone();
        assert_eq!(stop(program, "-TERM").0, Some(0));
        address
    };
    let address = address_with(None, None);
    assert!(address.starts_with("127.0.0.3:"), "{address}");
    let address = address_with(Some("127.0.0.2:0"), None);
    assert!(address.starts_with("127.0.0.2:"), "{address}");
    let address = address_with(Some("127.0.0.2:0"), Some("127.0.0.1:0"));
    assert!(address.starts_with("127.0.0.1:"), "{address}");
}

#[test]
fn what_is_wrong_is_said_and_the_exit_code_tells_settings_from_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "partys_max = 5\n").unwrap();
    let not_a_folder = folder.path().join("file");
    std::fs::write(&not_a_folder, "").unwrap();
    let output = |arguments: &[&str], data: &Path| {
        let output = command(data).args(arguments).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.stdout.is_empty());
        (output.status.code(), complaint)
    };
    let (exit, complaint) = output(&["--config", file.to_str().unwrap()], folder.path());
    assert_eq!(exit, Some(2));
    assert!(complaint.contains("partys_max"), "{complaint}");
    let (exit, complaint) = output(&["--opus-complexity", "11"], folder.path());
    assert_eq!(exit, Some(2));
    assert!(complaint.contains("opus_complexity"), "{complaint}");
    let (exit, _) = output(&["--no-such-flag"], folder.path());
    assert_eq!(exit, Some(2));
    let (exit, complaint) = output(&["--listen", "127.0.0.1:0"], &not_a_folder);
    assert_eq!(exit, Some(1), "{complaint}");
    assert!(complaint.contains("file"), "{complaint}");
}

#[test]
fn help_explains_every_flag() {
    let output = Command::new(env!("CARGO_BIN_EXE_service"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for part in [
        "--media-advertise <ADDRESS>",
        "CALL_COACHING_MEDIA_ADVERTISE",
        "--parties-max <COUNT>",
        "SIGTERM",
    ] {
        assert!(help.contains(part), "no {part} in\n{help}");
    }
}
