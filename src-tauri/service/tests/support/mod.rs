//! A real service on a port of its own with a store of its own, and clients made of a plain HTTP and a
//! plain WebSocket library: nothing of the product's own client.
#![allow(dead_code, reason = "each test program uses its part")]

pub mod members;

use futures_util::{SinkExt, StreamExt};
use media::{SimulatedLine, SimulatedLineSettings};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::{Config, Hooks, Running};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// So long a test waits for what must come. No test measures time.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Service {
    pub running: Option<Running>,
    pub base: String,
    pub http: reqwest::Client,
    pub folder: TempDir,
    pub config: Config,
}

pub fn config() -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        demo: true,
        demo_password: Some("demo-password".into()),
        workers: 1,
        ..Config::default()
    }
}

/// A line whose leads are as in the demonstration, but say nothing: there is no speech to prepare.
pub fn hooks() -> Hooks {
    let silent = SimulatedLineSettings {
        sentences: Vec::new(),
        talks_over: false,
        ear: None,
    };
    Hooks {
        lead_line: Some(Arc::new(SimulatedLine::new(silent).unwrap())),
        recording: None,
    }
}

impl Service {
    pub async fn start() -> Self {
        Self::start_with(config()).await
    }

    pub async fn start_with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, config, hooks()).await
    }

    /// In a folder that holds what it holds.
    pub async fn start_in(folder: TempDir, config: Config, hooks: Hooks) -> Self {
        let database = match config.database.clone() {
            None => store::testing::new_url().await,
            known => known,
        };
        let config = Config {
            data: folder.path().to_owned(),
            database,
            ..config
        };
        let running = service::start(config.clone(), hooks).await.unwrap();
        Self {
            base: format!("http://{}", running.http_addr),
            running: Some(running),
            http: reqwest::Client::new(),
            folder,
            config,
        }
    }

    /// Stops it and starts it again on the same store.
    pub async fn restart_with(&mut self, change: impl FnOnce(&mut Config)) {
        self.stop().await;
        change(&mut self.config);
        let running = service::start(self.config.clone(), hooks()).await.unwrap();
        self.base = format!("http://{}", running.http_addr);
        self.running = Some(running);
    }

    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// The store, as somebody with the disk in their hands sees it.
    pub async fn store(&self) -> store::Database {
        let opened = match &self.config.database {
            Some(url) => store::Database::connect(url, false).await,
            None => store::Database::open(self.folder.path(), 0, false).await,
        };
        opened.unwrap()
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, body)
    }

    pub async fn get(&self, path: &str, token: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, Some(token), None).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, token, Some(&body)).await
    }

    /// Posts bytes.
    pub async fn upload(
        &self,
        path: &str,
        token: Option<&str>,
        bytes: Vec<u8>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.post(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request
            .header("content-type", "application/octet-stream")
            .body(bytes)
            .send()
            .await
            .unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, body)
    }

    pub async fn sign_in_as(&self, email: &str, client_type: &str) -> Value {
        let (status, tokens) = self
            .post(
                "/api/v1/auth/sign_in/",
                None,
                json!({"email": email, "password": "demo-password", "client_type": client_type}),
            )
            .await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    /// An access token of this person of the demonstration, such as `riley@demo.example`.
    pub async fn token_of(&self, email: &str) -> String {
        text(&self.sign_in_as(email, "native").await["access_token"])
    }

    /// Lets the organization of who has this token add these numbers (O5).
    pub async fn assign(&self, token: &str, numbers: &[&str]) {
        let store = self.store().await;
        let me = self.get("/api/v1/me/", token).await;
        let organization = wire::OrganizationId::parse(&text(&me["organization"]["id"])).unwrap();
        for number in numbers {
            let assign = store::Operation::Assign {
                number: (*number).to_owned(),
                label: "Assigned".to_owned(),
                kind: wire::PhoneNumberKind::Internal,
            };
            let at = store::clock::now();
            store.operate(&organization, &assign, at).await.unwrap();
            let found = store.number_called(Some(&organization), number).await;
            let (_, added) = found.unwrap().unwrap();
            store.delete_number(&organization, &added.id).await.unwrap();
        }
        store.close().await;
    }

    pub async fn socket(&self) -> Socket {
        let url = format!("{}/api/v1/socket/", self.base.replace("http", "ws"));
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Socket(stream)
    }

    /// A socket that has said `hello`, and the `welcome`.
    pub async fn welcomed(&self, token: &str) -> (Socket, Value) {
        let mut socket = self.socket().await;
        socket
            .say(&json!({"type": "hello", "access_token": token}))
            .await;
        let welcome = socket.next().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (socket, welcome)
    }
}

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn say(&mut self, message: &Value) {
        self.say_raw(Message::text(message.to_string())).await;
    }

    pub async fn say_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next message; null when the service closed the socket.
    pub async fn next(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next())
                .await
                .expect("a message or the end of the socket");
            match message {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Value::Null,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next event of this type, whatever else comes before it.
    pub async fn event(&mut self, kind: &str) -> Value {
        self.event_where(kind, |_| true).await
    }

    /// The next event of this type for which `wanted` holds.
    pub async fn event_where(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await;
            assert!(!message.is_null(), "the socket ended before {kind}");
            if message["type"] == "event"
                && message["event"]["type"] == kind
                && wanted(&message["event"])
            {
                return message;
            }
        }
    }

    /// Waits until the service has dealt with all that was said so far.
    pub async fn heartbeat(&mut self) -> Vec<Value> {
        self.say(&json!({"type": "heartbeat"})).await;
        let mut before = Vec::new();
        loop {
            let message = self.next().await;
            assert!(!message.is_null(), "the socket ended before the answer");
            if message["type"] == "heartbeat_ack" {
                return before;
            }
            before.push(message);
        }
    }

    pub async fn close(mut self) {
        let _ = self.0.close(None).await;
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or("no code")
}

/// Whether an availability event or line shows a client type of the user as online.
pub fn is_online(user: &Value, client_type: &str) -> bool {
    user["availability"]
        .as_array()
        .unwrap()
        .iter()
        .any(|line| line["type"] == client_type && line["status"] == "online")
}
