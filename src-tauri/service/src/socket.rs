//! One WebSocket: `hello` first, then events out and heartbeats in, until one side goes.
//!
//! Two tasks: one reads, one writes. What the reader has to say goes through the writer's queue, so a
//! client that does not read fills its own queue and nobody else's.

use crate::access;
use crate::app::App;
use crate::auth::{Rate, RateLimit};
use crate::hub::{CloseReason, EnterError, Entered, Held, Outgoing};
use crate::strict;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::clock::now;
use store::{Principal, SignInState};
use tokio::sync::{mpsc, watch};
use wire::{ClientMessage, ClientType, Code, Event, Hello, MESSAGE_BYTES_MAX, ServerMessage};

/// The longest message that is read at all; between the contract's bound and this one it is refused
/// politely, beyond it the socket is closed.
pub const FRAME_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;
/// Messages that could not be done, after which the socket is closed.
const REFUSED_MAX: u32 = 10;
/// How long a last word may take to be written.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How long one message may take to be written.
const WRITE_MAX: Duration = Duration::from_secs(30);
/// How soon an expiry is looked up again when the store could not be read.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

type Sink = SplitSink<WebSocket, Message>;
type Stream = SplitStream<WebSocket>;

/// Serves one socket until it is over.
pub async fn serve(app: Arc<App>, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let timeout = Duration::from_millis(app.config.hello_timeout_ms);
    let hello = match tokio::time::timeout(timeout, read_hello(&mut stream)).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(Some(complaint))) => return refuse(sink, Code::InvalidRequest, &complaint).await,
        Ok(Err(None)) => return,
        Err(_) => {
            return refuse(sink, Code::InvalidRequest, "No `hello` arrived in time.").await;
        }
    };
    let who = match access::authenticate(&app.auth, &hello.access_token).await {
        Ok(Some(who)) => who,
        Ok(None) => {
            let message = "The access token isn't valid. Refresh it or sign in again.";
            return refuse(sink, Code::Unauthenticated, message).await;
        }
        Err(error) => {
            tracing::error!(%error, "could not look up a token");
            let message = "The service can't use its database right now. Try again later.";
            return refuse(sink, Code::Unavailable, message).await;
        }
    };
    let entered = app
        .hub
        .enter(&who, hello.stream_id.as_deref(), hello.after_seq, now());
    let Entered {
        welcome,
        backlog,
        queue,
        close,
        seat,
    } = match entered {
        Ok(entered) => entered,
        Err(EnterError::Full) => {
            let message = "Too many connections. Close one, or try again later.";
            return refuse(sink, Code::Unavailable, message).await;
        }
        Err(EnterError::GoingAway) => {
            let _ = say(&mut sink, &ServerMessage::GoingAway {}).await;
            return;
        }
    };
    tracing::info!(user_id = %who.user_id, device_id = %who.device_id, "a WebSocket connected");
    let (own_in, own) = mpsc::channel(8);
    let to_write = ToWrite {
        client_type: who.client_type,
        welcome,
        backlog,
        queue,
        own,
        close: close.clone(),
    };
    let writer = tokio::spawn(write(sink, to_write));
    if seat.presence_changed {
        app.hub
            .availability_changed(&who.organization_id, &who.user_id);
    }
    let ended = read(&app, &who, &mut stream, &own_in, close).await;
    drop(own_in);
    // Offline at once, whatever the writer still has to say.
    if seat.leave() {
        app.hub
            .availability_changed(&who.organization_id, &who.user_id);
    }
    tracing::info!(user_id = %who.user_id, device_id = %who.device_id, ended, "a WebSocket disconnected");
    let _ = tokio::time::timeout(LAST_WORD * 2, writer).await;
}

/// The first message, or what to complain about; nothing when the client went.
async fn read_hello(stream: &mut Stream) -> Result<Hello, Option<String>> {
    loop {
        return match stream.next().await {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(message)) => match parse(&message) {
                Ok(ClientMessage::Hello(hello)) => Ok(hello),
                Ok(_) => Err(Some("The first message must be `hello`.".into())),
                Err(complaint) => Err(complaint),
            },
            Some(Err(error)) => Err(too_long(&error)),
            None => Err(None),
        };
    }
}

/// Reads until the client goes or is silent for too long, or the service closes; and says why.
async fn read(
    app: &App,
    who: &Principal,
    stream: &mut Stream,
    own: &mpsc::Sender<Own>,
    mut close: watch::Receiver<Option<CloseReason>>,
) -> &'static str {
    let silence = Duration::from_millis(app.config.heartbeat_timeout_ms);
    let mut deadline = tokio::time::Instant::now() + silence;
    let mut expiry = until(who.expires_at);
    let mut refused = 0;
    let mut limit = RateLimit::new(Rate {
        burst: 50,
        every: Duration::from_millis(200),
    });
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            () = tokio::time::sleep_until(deadline) => return "silent",
            () = tokio::time::sleep_until(expiry) => {
                match app.store.sign_in_state(&who.sign_in_id, now()).await {
                    Ok(SignInState::Good(later)) => expiry = until(later),
                    Ok(SignInState::Expired) => {
                        let _ = own.try_send(Own::Expired);
                        return "expired";
                    }
                    Ok(SignInState::Over) => {
                        let _ = own.try_send(Own::SignedOut);
                        return "You signed out.";
                    }
                    Err(_) => expiry = tokio::time::Instant::now() + LOOK_AGAIN,
                }
                continue;
            }
            _ = closed(&mut close) => return "closed by the service",
        };
        let message = match message {
            None => return "gone",
            Some(Err(error)) => {
                if let Some(complaint) = too_long(&error) {
                    let _ = own.try_send(Own::LastError(complaint));
                }
                return "broken";
            }
            Some(Ok(message)) => message,
        };
        deadline = tokio::time::Instant::now() + silence;
        if !limit.take(&(), Instant::now()) {
            let _ = own.try_send(Own::LastError("Too many messages in a short time.".into()));
            return "flooding";
        }
        let answer = match message {
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return "clean",
            message => match parse(&message) {
                Ok(said) if !access::allows(access::message_rule(&said), &who.permissions) => {
                    error(Code::PermissionRequired, "Your role doesn't allow this.")
                }
                Ok(ClientMessage::Heartbeat {}) => ServerMessage::HeartbeatAck {},
                Ok(ClientMessage::Hello(_)) => {
                    error(Code::InvalidRequest, "`hello` was already sent.")
                }
                Err(None) => return "clean",
                Err(Some(complaint)) => error(Code::InvalidRequest, &complaint),
            },
        };
        if matches!(answer, ServerMessage::Error { .. }) {
            refused += 1;
            if refused >= REFUSED_MAX {
                let complaint = "Too many invalid messages.";
                let _ = own.try_send(Own::LastError(complaint.into()));
                return "malformed";
            }
        }
        if own.try_send(Own::Answer(answer)).is_err() {
            return "not reading";
        }
    }
}

/// What the reader has the writer say.
enum Own {
    Answer(ServerMessage),
    LastError(String),
    /// The access token has ended, and the refresh token has not.
    Expired,
    SignedOut,
}

/// What the writer works with.
struct ToWrite {
    client_type: ClientType,
    welcome: ServerMessage,
    backlog: Vec<Held>,
    queue: mpsc::Receiver<Outgoing>,
    own: mpsc::Receiver<Own>,
    close: watch::Receiver<Option<CloseReason>>,
}

/// Writes until there is nothing more to say.
async fn write(mut sink: Sink, to_write: ToWrite) {
    let ToWrite {
        client_type,
        welcome,
        backlog,
        mut queue,
        mut own,
        mut close,
    } = to_write;
    let mut closing = close.clone();
    let first = async {
        say(&mut sink, &welcome).await?;
        for held in backlog {
            put(&mut sink, text_of(Outgoing::Event(held), client_type)).await?;
        }
        Ok::<(), axum::Error>(())
    };
    tokio::select! {
        done = first => if done.is_err() { return },
        () = slow(&mut closing) => return,
    }
    let reason = loop {
        tokio::select! {
            biased;
            reason = closed(&mut close) => break Some(reason),
            said = own.recv() => {
                let message = match said {
                    // The reader is done, and so is the socket.
                    None => break None,
                    Some(Own::Answer(message)) => message,
                    Some(Own::LastError(complaint)) => {
                        return refuse(sink, Code::InvalidRequest, &complaint).await;
                    }
                    Some(Own::Expired) => {
                        let message = "The access token has expired. Refresh it, then connect again.";
                        return refuse(sink, Code::Unauthenticated, message).await;
                    }
                    Some(Own::SignedOut) => break Some(CloseReason::SignedOut),
                };
                if !unless_slow(say(&mut sink, &message), &mut closing).await { return }
            }
            // When the place in the hub is gone, the reader has the last word.
            Some(outgoing) = queue.recv() => {
                let text = text_of(outgoing, client_type);
                if !unless_slow(put(&mut sink, text), &mut closing).await { return }
            }
        }
    };
    match reason {
        // A client that does not read gets no last word: the connection is dropped.
        Some(CloseReason::Slow) => {}
        Some(CloseReason::SignedOut) => {
            refuse(
                sink,
                Code::Unauthenticated,
                "Your session has ended. Sign in again.",
            )
            .await;
        }
        Some(CloseReason::GoingAway) => {
            let last = async {
                // What is queued was meant to be heard: the end of calls, above all.
                while let Ok(outgoing) = queue.try_recv() {
                    put(&mut sink, text_of(outgoing, client_type)).await?;
                }
                say(&mut sink, &ServerMessage::GoingAway {}).await?;
                finish(&mut sink, close_code::AWAY).await
            };
            let _ = tokio::time::timeout(LAST_WORD, last).await;
        }
        None => {
            let _ = tokio::time::timeout(LAST_WORD, sink.close()).await;
        }
    }
}

/// Whether it was written, in time, and before the queue was full.
async fn unless_slow(
    writing: impl Future<Output = Result<(), axum::Error>>,
    closing: &mut watch::Receiver<Option<CloseReason>>,
) -> bool {
    tokio::select! {
        written = tokio::time::timeout(WRITE_MAX, writing) => matches!(written, Ok(Ok(()))),
        () = slow(closing) => false,
    }
}

/// Waits until the service closes the socket, and gives the reason; for ever when the socket has left
/// the hub by itself.
async fn closed(close: &mut watch::Receiver<Option<CloseReason>>) -> CloseReason {
    let reason = close
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|reason| *reason);
    match reason {
        Some(reason) => reason,
        None => std::future::pending().await,
    }
}

/// Waits until the service gives the socket up because its client does not read.
async fn slow(close: &mut watch::Receiver<Option<CloseReason>>) {
    let is_slow = |reason: &Option<CloseReason>| *reason == Some(CloseReason::Slow);
    if close.wait_for(is_slow).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A message as this client may use it. All clients of a user share one stream; only the desktop app can
/// join a call, so no other is told that it could.
fn text_of(outgoing: Outgoing, client_type: ClientType) -> String {
    match outgoing {
        Outgoing::Event(held) if client_type == ClientType::Native => held.message(),
        Outgoing::Event(held) => seen_from(client_type, held).message(),
        Outgoing::Text(text) => text.to_string(),
    }
}

fn seen_from(client_type: ClientType, held: Held) -> Held {
    let json = match serde_json::from_str(&held.json) {
        Ok(Event::CallChanged { call }) => serde_json::to_string(&Event::CallChanged {
            call: Box::new(call::seen_from(client_type, *call)),
        }),
        _ => return held,
    };
    match json {
        Ok(json) => Held {
            json: json.into(),
            ..held
        },
        Err(_) => held,
    }
}

/// Reads a message of the client. What is wrong with it is for the client to read.
fn parse(message: &Message) -> Result<ClientMessage, Option<String>> {
    let text = match message {
        Message::Text(text) => text,
        Message::Close(_) => return Err(None),
        _ => return Err(Some("Send messages as text frames of JSON.".into())),
    };
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(Some(format!(
            "A message can be up to {MESSAGE_BYTES_MAX} bytes long."
        )));
    }
    // What serde says names fields and positions, and repeats at most a wrong tag; a token is never
    // in it, for `hello` is not printed when its form is right.
    const NOT_ONE: &str = "This isn't a message that a client sends. See /api/events.schema.json.";
    let said: ClientMessage = serde_json::from_str(text).map_err(|error| {
        Some(match error.classify() {
            serde_json::error::Category::Data => NOT_ONE.into(),
            _ => format!(
                "This isn't JSON: line {}, column {}.",
                error.line(),
                error.column()
            ),
        })
    })?;
    match strict::departure(text.as_bytes(), &said) {
        None => Ok(said),
        Some(_) => Err(Some(NOT_ONE.into())),
    }
}

/// What to say of an error of the connection: only a message that is too long is worth a word.
fn too_long(error: &axum::Error) -> Option<String> {
    error
        .to_string()
        .contains("too long")
        .then(|| format!("A message can be up to {MESSAGE_BYTES_MAX} bytes long."))
}

fn error(code: Code, message: &str) -> ServerMessage {
    ServerMessage::Error {
        code,
        message: message.to_owned(),
    }
}

/// Says why, and closes.
async fn refuse(mut sink: Sink, code: Code, message: &str) {
    let last = async {
        say(&mut sink, &error(code, message)).await?;
        finish(&mut sink, close_code::POLICY).await
    };
    let _ = tokio::time::timeout(LAST_WORD, last).await;
}

async fn finish(sink: &mut Sink, code: u16) -> Result<(), axum::Error> {
    let frame = CloseFrame {
        code,
        reason: "".into(),
    };
    sink.send(Message::Close(Some(frame))).await
}

async fn say(sink: &mut Sink, message: &ServerMessage) -> Result<(), axum::Error> {
    match serde_json::to_string(message) {
        Ok(text) => put(sink, text).await,
        Err(error) => Err(axum::Error::new(error)),
    }
}

async fn put(sink: &mut Sink, text: String) -> Result<(), axum::Error> {
    sink.send(Message::Text(text.into())).await
}

fn until(moment: wire::Timestamp) -> tokio::time::Instant {
    let left = moment.millis_since(now());
    // A moment far away is looked at again in an hour: a clock may be set meanwhile.
    tokio::time::Instant::now() + Duration::from_millis(left.min(3_600_000))
}
