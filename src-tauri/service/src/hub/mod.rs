//! The hub: every user's numbered stream of events, and the queues of the sockets that it goes to.
//!
//! It knows nothing of calls: it is given an event and whom it is for. It never waits for a socket: a
//! socket whose queue is full is closed, and its client comes back and resumes.

mod presence;
mod stream;

pub use presence::{InProcessPresence, Presence, availability};
pub use stream::Held;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::Principal;
use stream::Stream;
use tokio::sync::{mpsc, watch};
use wire::{ClientType, DeviceId, Event, OrganizationId, ServerMessage, Timestamp, UserId};

/// How long a stream is kept for a user of whom no socket is left.
const STREAM_KEPT: Duration = Duration::from_secs(10 * 60);
/// Sockets that one user has at most; the next is refused.
const SOCKETS_PER_USER_MAX: usize = 32;

/// Bounds of the hub.
#[derive(Debug, Clone, Copy)]
pub struct HubSettings {
    /// Events that each stream holds.
    pub events_max: usize,
    /// Messages that wait for one socket.
    pub queue_max: usize,
    /// Sockets at once.
    pub sockets_max: usize,
    /// How long a call waits for a leg whose audio is lost, as clients are told.
    pub reconnect_ms: u64,
}

/// Why a socket was closed by the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// Its client does not read.
    Slow,
    /// Its sign-in is over.
    SignedOut,
    /// The service stops.
    GoingAway,
}

/// Why a socket was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnterError {
    /// There are as many as there may be.
    Full,
    /// The service stops.
    GoingAway,
}

/// What waits for a socket.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// A numbered event.
    Event(Held),
    /// A message, ready to be sent.
    Text(Arc<str>),
}

/// A socket that was let in. When it is dropped, the socket has left.
pub struct Entered {
    /// The answer to its `hello`.
    pub welcome: ServerMessage,
    /// What it missed.
    pub backlog: Vec<Held>,
    /// What comes from now on.
    pub queue: mpsc::Receiver<Outgoing>,
    /// Set when the service closes it.
    pub close: watch::Receiver<Option<CloseReason>>,
    /// Its place in the hub.
    pub seat: Seat,
}

/// Counts of the hub, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HubCounts {
    /// Sockets that are in.
    pub sockets: u64,
    /// Streams that are held.
    pub streams: u64,
    /// Events that were numbered.
    pub events: u64,
    /// Sockets that were closed because their client did not read.
    pub slow: u64,
}

/// All sockets and streams of this process.
pub struct Hub {
    settings: HubSettings,
    presence: Arc<dyn Presence>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    organizations: HashMap<OrganizationId, HashMap<UserId, Member>>,
    sockets: usize,
    next_id: u64,
    events: u64,
    slow: u64,
    swept_at: Option<Instant>,
    going_away: bool,
}

struct Member {
    stream: Stream,
    sockets: HashMap<u64, Socket>,
    left_at: Option<Instant>,
}

struct Socket {
    device: DeviceId,
    queue: mpsc::Sender<Outgoing>,
    close: watch::Sender<Option<CloseReason>>,
}

impl Hub {
    /// A hub without sockets.
    #[must_use]
    pub fn new(settings: HubSettings, presence: Arc<dyn Presence>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            presence,
            inner: Mutex::default(),
        })
    }

    /// Who is online.
    #[must_use]
    pub fn presence(&self) -> &dyn Presence {
        &*self.presence
    }

    /// Lets a socket in, and finds what it missed. From here on it gets every event.
    ///
    /// # Errors
    /// [`EnterError`].
    pub fn enter(
        self: &Arc<Self>,
        who: &Principal,
        stream_id: Option<&str>,
        after_seq: Option<u64>,
        now: Timestamp,
    ) -> Result<Entered, EnterError> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        inner.sweep(Instant::now());
        if inner.going_away {
            return Err(EnterError::GoingAway);
        }
        if inner.sockets >= self.settings.sockets_max {
            return Err(EnterError::Full);
        }
        let member = inner
            .organizations
            .entry(who.organization_id.clone())
            .or_default()
            .entry(who.user_id.clone())
            .or_insert_with(|| Member {
                stream: Stream::new(self.settings.events_max),
                sockets: HashMap::new(),
                left_at: None,
            });
        if member.sockets.len() >= SOCKETS_PER_USER_MAX {
            return Err(EnterError::Full);
        }
        let missed = member.stream.after(stream_id, after_seq);
        let welcome = ServerMessage::Welcome {
            stream_id: member.stream.id().to_owned(),
            seq: member.stream.seq(),
            resumed: missed.is_some(),
            now,
            reconnect_ms: self.settings.reconnect_ms,
        };
        let (queue_in, queue) = mpsc::channel(self.settings.queue_max);
        let (close_in, close) = watch::channel(None);
        let id = inner.next_id;
        inner.next_id += 1;
        inner.sockets += 1;
        member.left_at = None;
        member.sockets.insert(
            id,
            Socket {
                device: who.device_id.clone(),
                queue: queue_in,
                close: close_in,
            },
        );
        // Within the lock, so that coming and going of one user are counted in their order.
        let presence_changed = self.presence.arrive(&who.user_id, who.client_type);
        drop(guard);
        Ok(Entered {
            welcome,
            backlog: missed.unwrap_or_default(),
            queue,
            close,
            seat: Seat {
                hub: self.clone(),
                organization: who.organization_id.clone(),
                user: who.user_id.clone(),
                client_type: who.client_type,
                id,
                presence_changed,
            },
        })
    }

    /// Numbers an event in one user's stream and sends it to their sockets.
    pub fn send(&self, organization: &OrganizationId, user: &UserId, event: &Event) {
        let mut inner = self.lock();
        let Inner {
            organizations,
            events,
            slow,
            ..
        } = &mut *inner;
        let member = organizations
            .get_mut(organization)
            .and_then(|members| members.get_mut(user));
        if let (Some(member), Some(json)) = (member, to_json(event)) {
            *events += 1;
            *slow += member.push(&json);
        }
    }

    /// Numbers an event in the stream of every user of an organization.
    pub fn broadcast(&self, organization: &OrganizationId, event: &Event) {
        let mut inner = self.lock();
        let Inner {
            organizations,
            events,
            slow,
            ..
        } = &mut *inner;
        let (Some(members), Some(json)) = (organizations.get_mut(organization), to_json(event))
        else {
            return;
        };
        for member in members.values_mut() {
            *events += 1;
            *slow += member.push(&json);
        }
    }

    /// Tells an organization how available a user is now.
    pub fn availability_changed(&self, organization: &OrganizationId, user: &UserId) {
        let user = availability(&*self.presence, user);
        self.broadcast(organization, &Event::AvailabilityChanged { user });
    }

    /// The users of an organization for whom a stream is held: only they miss an event that is not
    /// sent to them.
    #[must_use]
    pub fn listeners(&self, organization: &OrganizationId) -> Vec<UserId> {
        self.lock()
            .organizations
            .get(organization)
            .map(|members| members.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Sends a user's sockets something that is not numbered. A socket that is behind is passed over.
    pub fn send_unnumbered(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        message: &ServerMessage,
    ) {
        let inner = self.lock();
        let member = inner
            .organizations
            .get(organization)
            .and_then(|members| members.get(user));
        if let (Some(member), Some(text)) = (member, to_json(message)) {
            for socket in member.sockets.values() {
                if socket.queue.capacity() > socket.queue.max_capacity() / 2 {
                    let _ = socket.queue.try_send(Outgoing::Text(text.clone()));
                }
            }
        }
    }

    /// Closes every socket of a user, such as one who was deactivated, and forgets their stream.
    pub fn close_user(&self, organization: &OrganizationId, user: &UserId) {
        let mut inner = self.lock();
        if let Some(members) = inner.organizations.get_mut(organization)
            && let Some(member) = members.get_mut(user)
        {
            member.stream = Stream::new(self.settings.events_max);
            for socket in member.sockets.values() {
                socket.close(CloseReason::SignedOut);
            }
        }
    }

    /// Closes the sockets of a device whose sign-in is over.
    pub fn close_device(&self, device: &DeviceId) {
        let inner = self.lock();
        let sockets = inner
            .organizations
            .values()
            .flat_map(HashMap::values)
            .flat_map(|member| member.sockets.values());
        for socket in sockets.filter(|socket| socket.device == *device) {
            socket.close(CloseReason::SignedOut);
        }
    }

    /// Tells every socket that the service stops, and lets no more in.
    pub fn go_away(&self) {
        let mut inner = self.lock();
        inner.going_away = true;
        let sockets = inner
            .organizations
            .values()
            .flat_map(HashMap::values)
            .flat_map(|member| member.sockets.values());
        for socket in sockets {
            socket.close(CloseReason::GoingAway);
        }
    }

    /// How much there is.
    #[must_use]
    pub fn counts(&self) -> HubCounts {
        let inner = self.lock();
        HubCounts {
            sockets: inner.sockets as u64,
            streams: inner
                .organizations
                .values()
                .map(|members| members.len() as u64)
                .sum(),
            events: inner.events,
            slow: inner.slow,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket's place in the hub, which it gives up when it goes, whichever way.
pub struct Seat {
    hub: Arc<Hub>,
    organization: OrganizationId,
    user: UserId,
    client_type: ClientType,
    id: u64,
    /// Whether it changed the user's presence when it came.
    pub presence_changed: bool,
}

impl Seat {
    /// Gives the place up; whether the user's presence changed by it.
    #[must_use]
    pub fn leave(mut self) -> bool {
        self.give_up()
    }

    fn give_up(&mut self) -> bool {
        let hub = self.hub.clone();
        let mut guard = hub.lock();
        let inner = &mut *guard;
        let Some(member) = inner
            .organizations
            .get_mut(&self.organization)
            .and_then(|members| members.get_mut(&self.user))
        else {
            return false;
        };
        if member.sockets.remove(&self.id).is_none() {
            return false;
        }
        inner.sockets -= 1;
        if member.sockets.is_empty() {
            member.left_at = Some(Instant::now());
        }
        hub.presence.leave(&self.user, self.client_type)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.give_up();
    }
}

impl Inner {
    /// Forgets the streams of those who left long ago; once a minute at most.
    fn sweep(&mut self, now: Instant) {
        let due = self
            .swept_at
            .is_none_or(|at| now.duration_since(at) >= Duration::from_secs(60));
        if !due {
            return;
        }
        self.swept_at = Some(now);
        self.organizations.retain(|_, members| {
            members.retain(|_, member| {
                member
                    .left_at
                    .is_none_or(|at| now.duration_since(at) < STREAM_KEPT)
            });
            !members.is_empty()
        });
    }
}

impl Member {
    /// How many sockets it closed because they were behind.
    fn push(&mut self, json: &Arc<str>) -> u64 {
        let held = self.stream.push(json.clone());
        let mut slow = 0;
        for socket in self.sockets.values() {
            if socket
                .queue
                .try_send(Outgoing::Event(held.clone()))
                .is_err()
                && socket.close(CloseReason::Slow)
            {
                slow += 1;
            }
        }
        slow
    }
}

impl Socket {
    /// Whether it was not closed before: the first reason counts.
    fn close(&self, reason: CloseReason) -> bool {
        self.close.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        })
    }
}

/// What is sent, as JSON. Nothing of `wire` fails to be written; if it did, it would not be sent.
fn to_json(value: &impl serde::Serialize) -> Option<Arc<str>> {
    match serde_json::to_string(value) {
        Ok(json) => Some(json.into()),
        Err(error) => {
            tracing::error!(%error, "could not write a message");
            None
        }
    }
}
