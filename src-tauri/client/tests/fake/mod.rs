//! A small service: enough of the HTTP API and the WebSocket to test what a client makes of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use wire::{ClientMessage, Code, ErrorBody, Hello, ServerMessage};

/// What the service does and has seen.
#[derive(Default)]
pub struct Seen {
    /// Access tokens that are taken. Each sign-in and refresh makes the next.
    pub valid_tokens: Vec<String>,
    pub tokens_made: usize,
    pub refreshes: usize,
    /// How many of the next answers to a refresh get lost on their way.
    pub lost_refreshes: usize,
    /// The refresh token that was shown last, and its answer: the same again for a while.
    shown: Option<(Value, Value)>,
    /// Paths, in order.
    pub requests: Vec<String>,
    /// Answers that take the place of the usual ones: path, status, body.
    pub answers: VecDeque<(String, StatusCode, Value)>,
    /// Lists, by their paths, and whether each has cursors.
    pub lists: HashMap<String, (Vec<Value>, bool)>,
}

impl Seen {
    fn prepared(&mut self, path: &str) -> Option<Response> {
        let at = self
            .answers
            .iter()
            .position(|(wanted, ..)| wanted == path)?;
        let (_, status, body) = self.answers.remove(at)?;
        Some((status, Json(body)).into_response())
    }

    /// A page of a list, as the service answers with it: at most 200 items, 100 when not said.
    fn page(&self, path: &str, query: &HashMap<String, String>) -> Option<Response> {
        let (items, has_cursors) = self.lists.get(path)?;
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
        let limit = number("_limit").unwrap_or(100).clamp(1, 200);
        let from = number("_cursor").unwrap_or(0) + number("_skip").unwrap_or(0);
        let to = (from + limit).min(items.len());
        let has_more = to < items.len();
        let cursor = (*has_cursors && has_more).then(|| to.to_string());
        let data = items.get(from..to).unwrap_or_default();
        let page = json!({"data": data, "has_more": has_more, "cursor": cursor});
        Some(Json(page).into_response())
    }
}

#[derive(Clone)]
pub struct Fake {
    pub seen: Arc<Mutex<Seen>>,
    pub url: String,
    sockets: mpsc::Sender<Connected>,
}

/// A WebSocket that a client opened, with what it said first.
pub struct Connected {
    pub hello: Hello,
    pub says: mpsc::Receiver<ClientMessage>,
    send: mpsc::Sender<ServerMessage>,
    _close: oneshot::Sender<()>,
}

impl Connected {
    pub async fn say(&self, message: ServerMessage) {
        self.send.send(message).await.unwrap();
    }
}

impl Fake {
    /// A service on a port of its own, and the WebSockets that are opened to it.
    pub async fn start() -> (Self, mpsc::Receiver<Connected>) {
        Self::start_behind(|router| router).await
    }

    /// The same with something in front of it.
    pub async fn start_behind(
        front: impl FnOnce(Router) -> Router,
    ) -> (Self, mpsc::Receiver<Connected>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (sockets, connected) = mpsc::channel(16);
        let fake = Self {
            seen: Arc::default(),
            url: format!("http://{}", listener.local_addr().unwrap()),
            sockets,
        };
        let app = Router::new()
            .route("/api/v1/auth/sign_in/", post(sign_in))
            .route("/api/v1/auth/refresh/", post(refresh))
            .route("/api/v1/auth/sign_out/", post(sign_out))
            .route("/api/v1/socket/", get(socket))
            .route(
                "/api/v1/{*path}",
                get(any).post(any).put(any).patch(any).delete(any),
            )
            .with_state(fake.clone());
        let app = front(app);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (fake, connected)
    }

    pub fn answer(&self, path: &str, status: u16, body: Value) {
        let status = StatusCode::from_u16(status).unwrap();
        let mut seen = self.seen.lock().unwrap();
        seen.answers.push_back((path.to_owned(), status, body));
    }

    pub fn forget_tokens(&self) {
        self.seen.lock().unwrap().valid_tokens.clear();
    }

    fn tokens(&self) -> Value {
        let mut seen = self.seen.lock().unwrap();
        seen.tokens_made += 1;
        let token = format!("access-{}", seen.tokens_made);
        seen.valid_tokens.push(token.clone());
        json!({
            "access_token": token,
            "access_expires_at": "2026-01-01T00:00:00Z",
            "refresh_token": format!("refresh-{}", seen.tokens_made),
            "user_id": "user_me",
            "device_id": "devi_mine",
        })
    }
}

fn refusal(code: Code, message: &str) -> Response {
    let status = StatusCode::from_u16(code.http_status()).unwrap();
    (status, Json(ErrorBody::new(code, message))).into_response()
}

async fn sign_in(State(fake): State<Fake>, Json(body): Json<Value>) -> Response {
    if body["password"] != "right" {
        return refusal(Code::Unauthenticated, "e-mail or password is wrong");
    }
    Json(fake.tokens()).into_response()
}

async fn refresh(State(fake): State<Fake>, Json(body): Json<Value>) -> Response {
    let newest = {
        let mut seen = fake.seen.lock().unwrap();
        seen.refreshes += 1;
        if let Some(answer) = seen.prepared("auth/refresh/") {
            return answer;
        }
        format!("refresh-{}", seen.tokens_made)
    };
    let shown = fake.seen.lock().unwrap().shown.clone();
    let answer = match shown {
        Some((token, answer)) if token == body["refresh_token"] => answer,
        _ if body["refresh_token"] == newest => fake.tokens(),
        _ => return refusal(Code::Unauthenticated, "the refresh token was used before"),
    };
    let mut seen = fake.seen.lock().unwrap();
    if seen.lost_refreshes == 0 {
        seen.shown = None;
        return Json(answer).into_response();
    }
    seen.lost_refreshes -= 1;
    seen.shown = Some((body["refresh_token"].clone(), answer));
    let cut_off = futures_util::stream::once(async { Err::<String, _>("cut off") });
    Body::from_stream(cut_off).into_response()
}

/// It takes whatever refresh token it is shown.
async fn sign_out(State(fake): State<Fake>) -> StatusCode {
    let mut seen = fake.seen.lock().unwrap();
    seen.requests.push("auth/sign_out/".to_owned());
    StatusCode::NO_CONTENT
}

async fn any(
    State(fake): State<Fake>,
    Path(path): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    _body: String,
) -> Response {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default()
        .to_owned();
    let mut seen = fake.seen.lock().unwrap();
    seen.requests.push(path.clone());
    if !seen.valid_tokens.contains(&token) {
        return refusal(Code::Unauthenticated, "no valid token");
    }
    if let Some(answer) = seen.prepared(&path) {
        return answer;
    }
    if let Some(page) = seen.page(&path, &query) {
        return page;
    }
    match path.as_str() {
        "user/availability/" => Json(json!({"data": []})).into_response(),
        "me/" => Json(me()).into_response(),
        path if path.ends_with("coach_leg/") => StatusCode::NO_CONTENT.into_response(),
        _ => Json(json!({"data": [], "has_more": false})).into_response(),
    }
}

pub fn me() -> Value {
    json!({
        "user": {"id": "user_me", "first_name": "M", "last_name": "E", "email": "me@demo.example"},
        "membership": {"id": "memb_1", "organization_id": "orga_1", "role_id": "role_1"},
        "organization": {
            "id": "orga_1", "name": "Acme", "plan": "enterprise", "plan_change_allowed": true,
            "country": "US", "time_zone": "UTC", "second_factor_required": false,
            "coach_rate_micro_dollars_per_minute": 4000,
            "call_rate_micro_dollars_per_minute": 13000,
            "recording": {"enabled": false, "announced": false, "retention_days": 0},
        },
        "role": {"id": "role_1", "name": "Manager",
            "permissions": ["call_coach_barge"], "built_in": true},
    })
}

async fn socket(State(fake): State<Fake>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| serve(fake, socket))
}

async fn serve(fake: Fake, mut socket: WebSocket) {
    let Some(Ok(Message::Text(text))) = socket.recv().await else {
        return;
    };
    let Ok(ClientMessage::Hello(hello)) = serde_json::from_str(text.as_str()) else {
        return;
    };
    let (says_sender, says) = mpsc::channel(64);
    let (send, mut to_send) = mpsc::channel(64);
    // Ends with the test's `Connected`.
    let (_close, mut closed) = oneshot::channel();
    let connected = Connected {
        hello,
        says,
        send,
        _close,
    };
    if fake.sockets.send(connected).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            // What was said is sent before the close.
            biased;
            Some(message) = to_send.recv() => {
                let text = serde_json::to_string(&message).unwrap();
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            _ = &mut closed => return,
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(text.as_str()).unwrap();
                    let _ = says_sender.send(message).await;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}
