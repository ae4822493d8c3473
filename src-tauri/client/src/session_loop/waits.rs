//! Waiting for what may not be there: never, then.

use std::time::Instant;

use tokio::sync::{mpsc, watch};

use crate::{PeerEvent, Socket, SocketEvent};

pub(super) async fn next_of_socket(socket: Option<&mut Socket>) -> SocketEvent {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

pub(super) async fn next_of_peer(
    events: Option<&mut mpsc::Receiver<PeerEvent>>,
) -> Option<PeerEvent> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// The next value of what may not be there; `None` when it is over.
pub(super) async fn next_of_watch<T: Clone>(watched: Option<&mut watch::Receiver<T>>) -> Option<T> {
    match watched {
        Some(watched) => {
            watched.changed().await.ok()?;
            Some(watched.borrow_and_update().clone())
        }
        None => std::future::pending().await,
    }
}

pub(super) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
