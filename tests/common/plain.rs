//! A client of plain HTTP and WebSocket libraries, for what the product's own client never does.

use demo::actor::PATIENCE;
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// HTTP as anybody may speak it.
pub struct Plain {
    pub http: reqwest::Client,
    server: String,
}

impl Plain {
    pub fn new(server: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            server: server.to_owned(),
        }
    }

    /// Asks, and gives the status with the body, or with the text where that is no JSON.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> (StatusCode, Value) {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.server))
            .header("content-type", "application/json")
            .body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, body)
    }

    /// Asks for what must be refused, and holds status and code against what is documented.
    pub async fn refused(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: impl Into<reqwest::Body>,
        wanted: (u16, &str),
    ) {
        let (status, answer) = self.ask(method, path, token, body).await;
        let got = (status.as_u16(), answer["error"]["code"].as_str());
        assert_eq!(got, (wanted.0, Some(wanted.1)), "{path}: {answer}");
        let message = answer["error"]["message"].as_str();
        assert!(message.is_some_and(|text| !text.is_empty()), "{path}");
    }

    /// Signs in, and gives the access token.
    pub async fn token_of(&self, email: &str, client_type: &str) -> String {
        let body = sign_in_body(email, "demo-password", client_type);
        let path = "/api/v1/auth/sign_in/";
        let (status, tokens) = self.ask(Method::POST, path, None, body).await;
        assert_eq!(status, 200, "{tokens}");
        tokens["access_token"].as_str().expect("a token").to_owned()
    }

    /// A WebSocket that has said `hello` and was welcomed.
    pub async fn welcomed(&self, token: &str) -> Socket {
        let mut socket = self.socket().await;
        let hello = json!({"type": "hello", "access_token": token});
        assert!(socket.say(Message::text(hello.to_string())).await);
        let welcome = socket.next().await.expect("a welcome");
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        socket
    }

    /// A WebSocket on which nothing was said yet.
    pub async fn socket(&self) -> Socket {
        let url = format!("{}/api/v1/socket/", self.server.replace("http", "ws"));
        Socket(connect_async(url).await.expect("a WebSocket").0)
    }

    /// Every number of the metrics page without a label, by name.
    pub async fn metrics(&self) -> BTreeMap<String, u64> {
        let (status, page) = self.ask(Method::GET, "/metrics", None, "").await;
        assert_eq!(status, 200);
        let page = page.as_str().expect("text").to_owned();
        page.lines()
            .filter(|line| !line.starts_with('#') && !line.contains('{'))
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, value)| {
                let name = name.trim_start_matches("call_coaching_");
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }
}

/// The body of a sign-in.
pub fn sign_in_body(email: &str, password: &str, client_type: &str) -> String {
    json!({"email": email, "password": password, "client_type": client_type}).to_string()
}

pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Whether it could be said.
    pub async fn say(&mut self, message: Message) -> bool {
        self.0.send(message).await.is_ok()
    }

    /// The next message; `None` when the socket is over.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next())
                .await
                .expect("a message or the end of the socket");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next message that is an error, or `None` when the socket ended without one.
    pub async fn error(&mut self) -> Option<Value> {
        loop {
            let message = self.next().await?;
            if message["type"] == "error" {
                return Some(message);
            }
        }
    }
}
