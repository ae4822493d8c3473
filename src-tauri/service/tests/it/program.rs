//! The program itself: its settings, its one line of output, its log, and how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support::{self, PATIENCE, Service, text};
use serde_json::{Value, json};
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
        let program = start(command(folder.path()).args([
            "--listen",
            "127.0.0.1:0",
            "--demo",
            "--demo-password",
            "demo-password",
        ]));
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

/// A telephone, as SIP sees it.
struct Phone(tokio::net::UdpSocket);

impl Phone {
    /// The next request with this method, and whom to answer.
    async fn asked(&self, method: &str) -> (String, std::net::SocketAddr) {
        let mut buffer = [0; 4_096];
        let next = async {
            loop {
                let (length, from) = self.0.recv_from(&mut buffer).await.unwrap();
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if text.starts_with(method) {
                    return (text, from);
                }
            }
        };
        let asked = tokio::time::timeout(PATIENCE, next).await;
        asked.unwrap_or_else(|_| panic!("never {method}"))
    }

    /// Answers it with 200, and a session if it began one.
    async fn accept(&self, (request, from): &(String, std::net::SocketAddr)) {
        let own = self.0.local_addr().unwrap();
        let kept = ["via:", "from:", "to:", "call-id:", "cseq:"];
        let lines = request.lines().filter(|line| {
            let line = line.to_ascii_lowercase();
            kept.iter().any(|name| line.starts_with(name))
        });
        let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
        for line in lines {
            let is_first = line.to_ascii_lowercase().starts_with("to:") && !line.contains("tag=");
            let tag = if is_first { ";tag=phone" } else { "" };
            answer += &format!("{line}{tag}\r\n");
        }
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {} RTP/AVP 8\r\n",
            own.port()
        );
        let body = if request.starts_with("INVITE") {
            answer += "Content-Type: application/sdp\r\n";
            body
        } else {
            String::new()
        };
        answer += &format!(
            "Contact: <sip:phone@{own}>\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.send_to(answer.as_bytes(), from).await.unwrap();
    }
}

/// Waits until as many BYEs are kept.
async fn kept(store: &store::Database, count: usize) {
    let settled = async {
        while store.farewells().await.unwrap().len() != count {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let settled = tokio::time::timeout(PATIENCE, settled).await;
    assert!(settled.is_ok(), "never {count} kept");
}

#[tokio::test]
async fn after_a_crash_a_phone_is_told_that_its_call_is_over() {
    let phone = Phone(tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let port = phone.0.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("settings.toml");
    let settings = format!(
        "[telephony]\nrtp_bind = \"127.0.0.1\"\n[[telephony.trunks]]\nname = \"phone\"\n\
         host = \"127.0.0.1\"\nport = {port}\noptions_s = 0\n"
    );
    std::fs::write(&file, settings).unwrap();
    let begin = || {
        let mut command = command(&data);
        command.arg("--config").arg(&file);
        start(command.args([
            "--listen",
            "127.0.0.1:0",
            "--demo",
            "--demo-password",
            "demo-password",
        ]))
    };
    let program = begin();
    let service = Service {
        running: None,
        base: format!("http://{}", program.http),
        http: reqwest::Client::new(),
        folder,
        config: support::config(),
    };
    let rep = service.token_of("riley@demo.example").await;
    let (_socket, _) = service.welcomed(&rep).await;
    let leads = service.get("/api/v1/lead/?query=Globex", &rep).await;
    let numbers = service.get("/api/v1/phone_number/", &rep).await;
    let body =
        json!({"local_phone_id": numbers["data"][0]["id"], "lead_id": leads["data"][0]["id"]});
    let (status, call) = service
        .post("/api/v1/activity/call/", Some(&rep), body)
        .await;
    assert_eq!(status, 201, "{call}");
    let invite = phone.asked("INVITE").await;
    phone.accept(&invite).await;
    phone.asked("ACK").await;
    let store = store::Database::open(&data, 0, true).await.unwrap();
    kept(&store, 1).await;
    assert_eq!(stop(program, "-KILL").0, None);

    let program = begin();
    let bye = phone.asked("BYE").await;
    let call_id = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("Call-ID:"));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(call_id(&bye.0), call_id(&invite.0));
    phone.accept(&bye).await;
    kept(&store, 0).await;
    let (exit, log) = stop(program, "-TERM");
    assert_eq!(exit, Some(0));
    assert!(log.contains(&text(&call["id"])), "{log}");
    assert!(
        !log.contains("+15557000100"),
        "the log holds a number: {log}"
    );
}

/// Runs a task beside the service; what it printed, or why it failed.
fn task(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_service"))
        .args(arguments)
        .arg("--data")
        .arg(folder)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

#[tokio::test]
async fn o1_an_empty_service_logs_a_link_once_and_its_operator_does_the_rest_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let listen = [
        "--listen",
        "127.0.0.1:0",
        "--public-url",
        "https://calls.example",
    ];
    let program = start(command(folder.path()).args(listen));
    let link = task(
        folder.path(),
        &["setup-link", "--public-url", "https://calls.example"],
    );
    let link = link.unwrap();
    assert!(link.starts_with("https://calls.example/setup/#"), "{link}");

    let create = [
        "organization",
        "create",
        "--name",
        "Acme",
        "--plan",
        "startup",
    ];
    let created = task(folder.path(), &create).unwrap();
    let (id, second) = created.trim().split_once('\n').unwrap();
    assert!(
        id.starts_with("orga_") && second.contains("/setup/#"),
        "{created}"
    );
    for done in [
        &["plan", "set", id, "enterprise"][..],
        &["credit", "add", id, "25", "--note", "Invoice 7"],
        &["credit", "add", id, "-3.50", "--note", "Too much"],
        &["number", "assign", id, "+4930123456"],
        &["organization", "top-up", id, "true"],
        &["organization", "suspend", id],
    ] {
        assert_eq!(task(folder.path(), done).as_deref(), Ok(""), "{done:?}");
    }
    let list = task(folder.path(), &["organization", "list"]).unwrap();
    let one: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        one,
        json!({
            "id": id, "name": "Acme", "plan": "enterprise", "members": 0, "numbers": 1,
            "balance_micro_dollars": 21_500_000, "top_up_allowed": true, "suspended": true,
        })
    );
    for wrong in [
        &["plan", "set", id, "free"][..],
        &["plan", "set", "orga_none", "startup"],
        &["plan", "set", "none", "startup"],
        &["credit", "add", id, "a lot", "--note", "x"],
        &["credit", "add", id, "5"],
        &["number", "assign", id, "030123456"],
        &["number", "assign", id, "+4930123456"],
        &["number", "unassign", id, "+4930000000"],
        &["organization", "create", "--name", "\u{200B}"],
        &["setup-link", "--organization", "orga_none"],
    ] {
        let why = task(folder.path(), wrong).unwrap_err();
        assert!(
            !why.is_empty() && !why.contains("panicked"),
            "{wrong:?}: {why}"
        );
    }
    let (code, log) = stop(program, "-TERM");
    assert_eq!(code, Some(0));
    let offers = log.matches("https://calls.example/setup/#").count();
    assert_eq!(
        offers, 1,
        "the link of the first start, and no other: {log}"
    );

    // While a link is open, the next start makes no other.
    let (_, log) = stop(start(command(folder.path()).args(listen)), "-TERM");
    assert_eq!(log.matches("/setup/#").count(), 0, "{log}");
}

#[test]
fn o2_demo_data_is_asked_for_by_name_and_refuses_a_company_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_service"));
    demo.arg("demo").arg("--data").arg(folder.path());
    demo.args(["--workers", "1", "--listen", "127.0.0.1:0"]);
    let program = start(demo.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let password = std::fs::read_to_string(folder.path().join("demo-password")).unwrap();
    let (code, log) = stop(program, "-TERM");
    assert_eq!(code, Some(0));
    assert!(!log.contains(&password));
    let why = task(folder.path(), &["setup-link"]).unwrap_err();
    assert!(why.contains("demo data"), "{why}");
}
