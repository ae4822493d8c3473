//! One WebSocket to the service. When and where to connect again is decided in [`session`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, connect_async_tls_with_config};
use wire::{ClientMessage, Hello, ServerMessage};

use crate::api::Api;
use crate::error::ClientError;
use crate::local::{self, LocalDoor};

/// The longest message that is read, in bytes.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// Messages to the service that may wait: a `hello` and heartbeats.
const OUTBOX_MAX: usize = 16;
/// Messages from the service that may wait; then reading stops until there is room.
const INBOX_MAX: usize = 256;

/// What a [`Socket`] says.
#[derive(Debug)]
pub enum SocketEvent {
    /// A message came.
    Message(Box<ServerMessage>),
    /// It is over, or could not be made. The last event.
    Closed,
}

/// One WebSocket, from `hello` until it breaks. Dropping it closes it.
#[derive(Debug)]
pub struct Socket {
    outbox: mpsc::Sender<ClientMessage>,
    inbox: mpsc::Receiver<SocketEvent>,
}

impl Socket {
    /// Connects and says `hello`, with the newest access token of `api`, to go on after
    /// `(stream_id, after_seq)` if given. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ClientError::Settings`] when there is no trust store; failing to connect is an event.
    pub fn connect(api: &Api, resume: Option<(String, u64)>) -> Result<Self, ClientError> {
        let (outbox, messages) = mpsc::channel(OUTBOX_MAX);
        let (events, inbox) = mpsc::channel(INBOX_MAX);
        let (stream_id, after_seq) = resume.unzip();
        let hello = Hello {
            access_token: api.access_token().unwrap_or_default(),
            stream_id,
            after_seq,
        };
        let mut url = api.base().clone();
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        if url.set_scheme(scheme).is_err() {
            return Err(ClientError::Settings("the service's address".into()));
        }
        url.set_path("/api/v1/socket/");
        let connector = match scheme {
            "wss" => Connector::Rustls(Arc::new(crate::tls::config()?)),
            _ => Connector::Plain,
        };
        let door = api.door().cloned();
        tokio::spawn(async move {
            let to = (url.as_str(), door);
            if let Err(error) = run(to, connector, hello, messages, &events).await {
                tracing::debug!(%error, "the WebSocket is over");
            }
            // Nobody may be there to hear it any more.
            let _ = events.send(SocketEvent::Closed).await;
        });
        Ok(Self { outbox, inbox })
    }

    /// Says something. When so much waits already, it is dropped: such a connection is dead, and the
    /// missing heartbeats end it.
    pub fn send(&self, message: ClientMessage) {
        if self.outbox.try_send(message).is_err() {
            tracing::debug!("the WebSocket takes no more messages");
        }
    }

    /// The next event.
    pub async fn next(&mut self) -> SocketEvent {
        self.inbox.recv().await.unwrap_or(SocketEvent::Closed)
    }
}

async fn run(
    (url, door): (&str, Option<LocalDoor>),
    connector: Connector,
    hello: Hello,
    mut messages: mpsc::Receiver<ClientMessage>,
    events: &mpsc::Sender<SocketEvent>,
) -> Result<(), ClientError> {
    let unreachable =
        |error: tokio_tungstenite::tungstenite::Error| ClientError::Unreachable(error.to_string());
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let mut request = url.into_client_request().map_err(unreachable)?;
    if let Some(door) = door {
        // Another program may have taken the port since the last connection.
        door.pass(Duration::ZERO).await?;
        request.headers_mut().insert(local::HEADER, door.shown());
    }
    // Nagle's algorithm costs 40 ms a message.
    let connecting = connect_async_tls_with_config(request, Some(config), true, Some(connector));
    let (stream, _) = tokio::time::timeout(CONNECT_WAIT, connecting)
        .await
        .map_err(|_| ClientError::Unreachable("no answer".into()))?
        .map_err(unreachable)?;
    let (mut sink, mut stream) = stream.split();
    sink.send(text(&ClientMessage::Hello(hello))?)
        .await
        .map_err(unreachable)?;
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(message) => sink.send(text(&message)?).await.map_err(unreachable)?,
                None => {
                    // The owner is gone: a clean close tells the service at once.
                    let _ = sink.send(Message::Close(None)).await;
                    return Ok(());
                }
            },
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let Some(message) = known(text.as_str()) else {
                        continue;
                    };
                    if events.send(SocketEvent::Message(message)).await.is_err() {
                        let _ = sink.send(Message::Close(None)).await;
                        return Ok(());
                    }
                }
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(unreachable(error)),
            },
        }
    }
}

/// A newer service may say what this client does not know: that is passed over.
fn known(text: &str) -> Option<Box<ServerMessage>> {
    serde_json::from_str(text)
        .inspect_err(|error| tracing::debug!(%error, "a message that is not known"))
        .ok()
}

fn text(message: &ClientMessage) -> Result<Message, ClientError> {
    serde_json::to_string(message)
        .map(Message::text)
        .map_err(|error| ClientError::Protocol(error.to_string()))
}
