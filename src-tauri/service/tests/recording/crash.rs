//! The program itself, killed while it records, and with a store that speaks S3.

use super::file::{decode, seconds};
use super::sound::moment_ms;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(30);

struct Program {
    child: Child,
    log: PathBuf,
    base: String,
    http: reqwest::Client,
    token: String,
}

impl Program {
    async fn start(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        // To write a file longer than is allowed is an error, and no signal that ends the process.
        let mut child = Command::new("sh")
            .args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#])
            .arg(env!("CARGO_BIN_EXE_service"))
            .arg("--data")
            .arg(folder)
            .args([
                "--workers",
                "1",
                "--demo",
                "--demo-password",
                "demo-password",
                "--listen",
                "127.0.0.1:0",
            ])
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let base = format!("http://{}", ready["http"].as_str().unwrap());
        let http = reqwest::Client::new();
        let body = json!({
            "email": "riley@demo.example", "password": "demo-password", "client_type": "native"
        });
        let tokens: Value = http
            .post(format!("{base}/api/v1/auth/sign_in/"))
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        Self {
            child,
            log: folder.join("log"),
            base,
            http,
            token: tokens["access_token"].as_str().unwrap().to_owned(),
        }
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.base);
        let asked = self.http.get(url).bearer_auth(&self.token).send();
        asked.await.unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.base);
        let asked = self.http.post(url).bearer_auth(&self.token).json(body);
        asked.send().await.unwrap().json().await.unwrap()
    }

    /// Places a call, whose lead talks.
    async fn call(&self) -> String {
        let leads = self.get("/api/v1/lead/?query=Globex").await;
        let numbers = self.get("/api/v1/phone_number/").await;
        let body = json!({
            "local_phone_id": numbers["data"][0]["id"], "lead_id": leads["data"][0]["id"],
        });
        let call = self.post("/api/v1/activity/call/", &body).await;
        format!("/api/v1/activity/call/{}/", call["id"].as_str().unwrap())
    }

    /// The call, once its recording stands so.
    async fn recorded(&self, path: &str, status: &str) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let call = self.get(path).await;
            if call["recording"]["status"] == status {
                return call;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "never {status}: {call}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn file(&self, path: &str, folder: &Path) -> Vec<i16> {
        let url = format!("{}{path}recording/", self.base);
        let asked = self.http.get(url).bearer_auth(&self.token).send();
        let bytes = asked.await.unwrap().bytes().await.unwrap();
        let file = folder.join("heard.ogg");
        std::fs::write(&file, bytes).unwrap();
        decode(&file)
    }

    /// The status of an answer, and what it says.
    async fn try_sign_in(&self, email: &str) -> (u16, Value) {
        let body = json!({"email": email, "password": "demo-password", "client_type": "web"});
        let url = format!("{}/api/v1/auth/sign_in/", self.base);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn set_held(&self, path: &str, held: bool) {
        let url = format!("{}{path}hold/", self.base);
        let asked = self.http.put(url).bearer_auth(&self.token);
        let answer = asked.json(&json!({"held": held})).send().await.unwrap();
        let call: Value = answer.json().await.unwrap();
        assert_eq!(call["held"], held, "{call}");
    }

    /// Waits until it says that it is ready, or that it is not.
    async fn is_ready(&self, status: u16) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let url = format!("{}/ready", self.base);
        loop {
            let answer = self.http.get(&url).send().await.unwrap();
            if answer.status() == status {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "never {status}: {}",
                answer.text().await.unwrap()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Lets its files grow to so many bytes, or as they like.
    fn limit_files(&self, bytes: &str) {
        let limited = Command::new("prlimit")
            .args(["--pid", &self.child.id().to_string()])
            .arg(format!("--fsize={bytes}:"))
            .status();
        assert!(limited.unwrap().success());
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Ends it as asked, and returns its log.
    fn stop(mut self) -> String {
        self.signal("-TERM");
        let ended = self.child.wait().unwrap();
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert!(ended.success(), "{log}");
        log
    }
}

/// There is no such file: a voice is synthesized, which is quicker than to read one.
const NO_SPEECH: &str = "/no/speech";
/// A lead who talks all the time.
const TALKS: [&str; 3] = ["--lead-speech", NO_SPEECH, "--lead-talks-over"];

/// A program with such a lead, the path of a call with them, and the call while it is recorded.
async fn talking(folder: &Path) -> (Program, String, Value) {
    let program = Program::start(folder, &TALKS, &[]).await;
    let path = program.call().await;
    let call = program.recorded(&path, "recording").await;
    (program, path, call)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as i64
}

#[tokio::test]
async fn r2_a_service_that_is_killed_loses_at_most_a_second_and_the_file_plays() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, path, call) = talking(folder.path()).await;
    let started = &call["recording"]["date_started"];
    let started = moment_ms(started);
    // Killed at a moment that is no multiple of anything, after some seconds.
    let kill_at = started + 3_370;
    let wait = u64::try_from(kill_at - now_ms()).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(wait)).await;
    let lasted_s = (now_ms() - started) as f64 / 1000.0;
    program.signal("-KILL");
    program.child.wait().unwrap();

    // As it lies there.
    let call_id = path.split('/').nth_back(1).unwrap();
    let spool = folder.path().join("recordings/spool");
    let raw = decode(&spool.join(format!("{call_id}.ogg")));
    println!("recorded {lasted_s:.2} s, kept {:.2} s", seconds(&raw));
    assert!(seconds(&raw) > lasted_s - 1.0);
    assert!(seconds(&raw) < lasted_s + 0.2);
    assert!(
        raw.iter().any(|sample| sample.abs() > 500),
        "there is speech in it"
    );

    // And once the next service has finished it.
    let program = Program::start(folder.path(), &TALKS, &[]).await;
    let call = program.recorded(&path, "stored").await;
    assert_eq!(call["hangup_cause"], "service_stopped");
    let finished = program.file(&path, folder.path()).await;
    assert!(
        finished.len() == raw.len(),
        "{} {}",
        finished.len(),
        raw.len()
    );
    let length_ms = call["recording"]["duration_ms"].as_f64().unwrap();
    assert!((length_ms / 1000.0 - seconds(&finished)).abs() < 0.01);
    let peaks = program.get(&format!("{path}recording/peaks/")).await;
    let values = peaks["peaks"].as_array().unwrap();
    assert!(
        values.iter().any(|peak| peak.as_u64().unwrap() > 10),
        "{peaks}"
    );
    assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 0);
    program.stop();
}

#[tokio::test]
async fn r2_a_recording_that_runs_is_stored_whole_when_the_service_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--lead-speech", NO_SPEECH];
    let program = Program::start(folder.path(), &arguments, &[]).await;
    let path = program.call().await;
    program.recorded(&path, "recording").await;
    program.stop();
    let spool = folder.path().join("recordings/spool");
    assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 0);
    let program = Program::start(folder.path(), &arguments, &[]).await;
    let call = program.get(&path).await;
    assert_eq!(call["recording"]["status"], "stored", "{call}");
    program.file(&path, folder.path()).await;
    program.stop();
}

#[tokio::test]
async fn r2_b2_a_disk_that_takes_nothing_is_forgotten_once_it_does() {
    if !cfg!(target_os = "linux") || Command::new("prlimit").arg("-V").output().is_err() {
        eprintln!("not tested: there is no prlimit to make writing fail with");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut program, path, call) = talking(folder.path()).await;
    let answered = moment_ms(&call["date_answered"]);
    program.limit_files("1");
    for _ in 0..3 {
        let (status, refused) = program.try_sign_in("riley@demo.example").await;
        assert_eq!(status, 503, "{refused}");
        assert_eq!(refused["error"]["code"], "unavailable");
    }
    program.is_ready(503).await;
    // The call goes on.
    program.set_held(&path, true).await;
    program.set_held(&path, false).await;

    program.limit_files("unlimited");
    program.is_ready(200).await;
    let (status, tokens) = program.try_sign_in("admin@demo.example").await;
    assert_eq!(status, 200, "{tokens}");
    // What happened meanwhile is told now.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let url = format!(
            "{}/api/v1/audit/?action=sign_in&allowed=false",
            program.base
        );
        let asked = program.http.get(url);
        let asked = asked.bearer_auth(tokens["access_token"].as_str().unwrap());
        let log: Value = asked.send().await.unwrap().json().await.unwrap();
        let lines = log["data"].as_array().unwrap();
        if lines
            .iter()
            .filter(|line| line["code"] == "unavailable")
            .count()
            == 3
        {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{log}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // And once it is killed, the call has the length that it had.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let lasted_ms = now_ms() - answered;
    program.signal("-KILL");
    program.child.wait().unwrap();
    let program = Program::start(folder.path(), &TALKS, &[]).await;
    let call = program.recorded(&path, "stored").await;
    let duration_s = call["duration"].as_i64().unwrap();
    println!("the call lasted {lasted_ms} ms, and has {duration_s} s");
    assert!((duration_s * 1000 - lasted_ms).abs() < 3_000, "{call}");
    let length_ms = call["recording"]["duration_ms"].as_i64().unwrap();
    assert!(length_ms > lasted_ms - 2_000, "{call}");
    program.stop();
}

/// An S3 server that the set-up of the tests has installed.
struct S3 {
    child: Child,
    endpoint: String,
}

impl S3 {
    async fn start() -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let server = root.join("target/venv-s3/bin/moto_server");
        if !server.exists() {
            eprintln!("not tested: there is no S3 server; .ci/setup test installs one");
            return None;
        }
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let child = Command::new(server)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{port}");
        let s3 = Self { child, endpoint };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let http = reqwest::Client::new();
        while http
            .put(format!("{}/recordings", s3.endpoint))
            .send()
            .await
            .is_err()
        {
            assert!(
                tokio::time::Instant::now() < deadline,
                "no S3 server came up"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(s3)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn r2_recordings_are_kept_in_s3_when_that_is_configured_and_its_keys_are_nowhere() {
    let Some(s3) = S3::start().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--lead-speech",
        NO_SPEECH,
        "--recordings",
        "s3://recordings/calls",
        "--recordings-endpoint",
        &s3.endpoint,
        "--recordings-allow-http",
        "--log=debug",
    ];
    let keys = [
        ("AWS_ACCESS_KEY_ID", "key-of-the-test"),
        ("AWS_SECRET_ACCESS_KEY", "secret-of-the-test"),
    ];
    let program = Program::start(folder.path(), &arguments, &keys).await;
    let path = program.call().await;
    program.recorded(&path, "recording").await;
    program.post(&format!("{path}hangup/"), &json!({})).await;
    program.recorded(&path, "stored").await;
    program.file(&path, folder.path()).await;
    assert!(!folder.path().join("recordings/store").exists());
    let log = program.stop();
    assert!(!log.contains("secret-of-the-test"));
}
