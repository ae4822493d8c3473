//! The loop of one session: it tells the pure [`session::Session`] what happened, as one closed enum of
//! events, and carries out what that says.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use session::{
    Command, CommandId, Failure, Input, MediaId, MediaInput, MediaRole, Notice, Output, Reply,
    RequestId, Session, View,
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use wire::{ServerMessage, Timestamp};

use crate::api::Api;
use crate::error::ClientError;
use crate::handle::{Quality, SessionEvent, Settings};
use crate::peer::{Outgoing, Peer, PeerEvent, PeerSettings, PeerStats};
use crate::perform::perform;
use crate::socket::{Socket, SocketEvent};
use crate::voice_path::{Devices, Voice};

/// How long a media connection may take to come up.
const MEDIA_WAIT: Duration = Duration::from_secs(10);
const QUALITY_INTERVAL: Duration = Duration::from_secs(2);
/// What the loop's own tasks may have reported and it has not read.
const REPORTS_MAX: usize = 256;
const NO_VOICE: &str = "Audio stopped working. Leave the call, then join again.";

/// One command of the user, and whom to tell what came of it.
pub struct Order {
    pub command: Command,
    pub devices: Option<Devices>,
    pub outcome: oneshot::Sender<Result<Reply, Failure>>,
}

/// What the loop's own tasks report.
enum Report {
    Answer(RequestId, Result<Reply, Failure>),
    /// A media connection has its offer, or could not be made.
    Offered(
        MediaId,
        Result<(Peer, String, mpsc::Receiver<PeerEvent>), ClientError>,
    ),
    /// The service's SDP answer is taken, or cannot be.
    Accepted(MediaId, Result<Outgoing, ClientError>),
    Stats(MediaId, PeerStats),
}

/// Everything that the loop wakes up for.
enum Event {
    Order(Option<Order>),
    Report(Report),
    Socket(SocketEvent),
    Peer(Option<PeerEvent>),
    Wake,
    MediaTimeout,
    Quality,
    /// Whether the sign-in is kept; `None` when it never will be.
    Kept(Option<bool>),
    /// What is wrong with the microphone, if anything; `None` when the voice is over.
    Microphone(Option<Option<String>>),
}

/// The media connection in use.
struct Media {
    id: MediaId,
    peer: Option<Arc<Peer>>,
    events: Option<mpsc::Receiver<PeerEvent>>,
    /// Until when it must be up; `None` once it is.
    deadline: Option<Instant>,
}

pub struct Loop {
    session: Session,
    settings: Settings,
    api: Api,
    started: Instant,
    wake_at: Option<Instant>,
    socket: Option<Socket>,
    media: Option<Media>,
    voice: Option<Voice>,
    /// What the voice says of its microphone.
    trouble: Option<watch::Receiver<Option<String>>>,
    kept: Option<watch::Receiver<bool>>,
    /// Devices of a call that is being placed or joined.
    devices: Option<Devices>,
    outcomes: BTreeMap<CommandId, oneshot::Sender<Result<Reply, Failure>>>,
    next_command: u64,
    /// Packets that had come and been lost by the last report of quality.
    counted: (u64, u64),
    reports: mpsc::Sender<Report>,
    reports_inbox: mpsc::Receiver<Report>,
    events: broadcast::Sender<SessionEvent>,
    view: watch::Sender<Arc<View>>,
}

impl Loop {
    pub fn new(
        settings: Settings,
        api: Api,
        events: broadcast::Sender<SessionEvent>,
        view: watch::Sender<Arc<View>>,
    ) -> Self {
        let (reports, reports_inbox) = mpsc::channel(REPORTS_MAX);
        Self {
            session: Session::new(settings.client_type),
            settings,
            kept: Some(api.kept()),
            api,
            started: Instant::now(),
            wake_at: None,
            socket: None,
            media: None,
            voice: None,
            trouble: None,
            devices: None,
            outcomes: BTreeMap::new(),
            next_command: 0,
            counted: (0, 0),
            reports,
            reports_inbox,
            events,
            view,
        }
    }

    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut quality = tokio::time::interval(QUALITY_INTERVAL);
        loop {
            let event = self.next_event(&mut orders, &mut quality).await;
            if matches!(event, Event::Order(None)) {
                break;
            }
            self.take(event);
            while let Some(output) = self.session.poll() {
                self.carry_out(output);
            }
            self.publish();
        }
        self.close_media();
        if let Some(voice) = self.voice.take() {
            voice.stop().await;
        }
    }

    async fn next_event(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        quality: &mut tokio::time::Interval,
    ) -> Event {
        let deadline = self.media.as_ref().and_then(|media| media.deadline);
        let peer = self.media.as_mut().and_then(|media| media.events.as_mut());
        tokio::select! {
            order = orders.recv() => Event::Order(order),
            Some(report) = self.reports_inbox.recv() => Event::Report(report),
            event = next_of_socket(self.socket.as_mut()) => Event::Socket(event),
            event = next_of_peer(peer) => Event::Peer(event),
            () = sleep_until(self.wake_at) => Event::Wake,
            () = sleep_until(deadline) => Event::MediaTimeout,
            _ = quality.tick() => Event::Quality,
            kept = next_of_watch(self.kept.as_mut()) => Event::Kept(kept),
            trouble = next_of_watch(self.trouble.as_mut()) => Event::Microphone(trouble),
        }
    }

    fn take(&mut self, event: Event) {
        let input = match event {
            Event::Order(None) => return,
            Event::Order(Some(order)) => self.take_order(order),
            Event::Report(report) => match self.take_report(report) {
                Some(input) => input,
                None => return,
            },
            Event::Socket(SocketEvent::Message(message)) => {
                if matches!(*message, ServerMessage::Welcome { .. }) {
                    let wall = Input::WallClock(wall_clock());
                    self.session.handle(self.started.elapsed(), wall);
                }
                Input::Socket(message)
            }
            Event::Socket(SocketEvent::Closed) => {
                self.socket = None;
                let jitter = crate::random::fraction();
                Input::SocketClosed { jitter }
            }
            Event::Peer(event) => match self.take_peer(event) {
                Some(input) => input,
                None => return,
            },
            Event::Wake => {
                self.wake_at = None;
                Input::Wake
            }
            Event::MediaTimeout => match self.media.as_mut() {
                Some(media) => {
                    media.deadline = None;
                    lost(media.id)
                }
                None => return,
            },
            Event::Quality => {
                self.measure();
                return;
            }
            Event::Kept(kept) => {
                if kept.is_none() {
                    self.kept = None;
                }
                Input::SignInKept(kept.unwrap_or(false))
            }
            Event::Microphone(Some(trouble)) => Input::Microphone(trouble),
            Event::Microphone(None) => {
                // It was not asked to end: then nobody would be listening here.
                self.trouble = None;
                Input::Microphone(Some(NO_VOICE.into()))
            }
        };
        self.session.handle(self.started.elapsed(), input);
    }

    fn take_order(&mut self, order: Order) -> Input {
        let id = CommandId(self.next_command);
        self.next_command += 1;
        self.outcomes.insert(id, order.outcome);
        if let Some(devices) = order.devices
            && self.devices.is_none()
            && self.voice.is_none()
        {
            self.devices = Some(devices);
        }
        Input::Command(id, order.command)
    }

    fn take_report(&mut self, report: Report) -> Option<Input> {
        match report {
            Report::Answer(id, result) => Some(Input::Answer(id, result)),
            Report::Offered(id, result) => {
                let media = self.media.as_mut().filter(|media| media.id == id);
                match (media, result) {
                    (Some(media), Ok((peer, sdp, events))) => {
                        media.peer = Some(Arc::new(peer));
                        media.events = Some(events);
                        Some(Input::Media(id, MediaInput::Offered(sdp)))
                    }
                    (Some(_), Err(error)) => {
                        tracing::warn!(%error, "no media connection");
                        Some(lost(id))
                    }
                    (None, Ok((peer, ..))) => {
                        tokio::spawn(async move { peer.close().await });
                        None
                    }
                    (None, Err(_)) => None,
                }
            }
            Report::Accepted(id, result) => {
                self.media.as_ref().filter(|media| media.id == id)?;
                match result {
                    Ok(outgoing) => {
                        if let Some(voice) = &self.voice {
                            voice.send_through(outgoing);
                        }
                        None
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the service's answer cannot be used");
                        Some(lost(id))
                    }
                }
            }
            Report::Stats(id, stats) => {
                if self.media.as_ref().is_some_and(|media| media.id == id) {
                    self.tell_quality(stats);
                }
                None
            }
        }
    }

    fn take_peer(&mut self, event: Option<PeerEvent>) -> Option<Input> {
        let media = self.media.as_mut()?;
        match event {
            Some(PeerEvent::Connected) => {
                media.deadline = None;
                Some(Input::Media(media.id, MediaInput::Connected))
            }
            Some(PeerEvent::Incoming(incoming)) => {
                if let Some(voice) = &self.voice {
                    voice.play(incoming);
                }
                None
            }
            Some(PeerEvent::Lost) | None => {
                media.events = None;
                Some(lost(media.id))
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Http(id, request) => {
                let (api, reports) = (self.api.clone(), self.reports.clone());
                tokio::spawn(async move {
                    let answer = perform(&api, request).await;
                    // Nobody waits when the session is over.
                    let _ = reports.send(Report::Answer(id, answer)).await;
                });
            }
            Output::SocketConnect(resume) => {
                let resume = resume.map(|resume| (resume.stream_id, resume.after_seq));
                self.socket = Socket::connect(&self.api, resume)
                    .inspect_err(|error| tracing::warn!(%error, "no WebSocket"))
                    .ok();
            }
            Output::SocketSend(message) => {
                if let Some(socket) = &self.socket {
                    socket.send(message);
                }
            }
            Output::SocketClose => self.socket = None,
            Output::MediaStart(id, role) => self.start_media(id, role),
            Output::MediaAnswer(id, sdp) => self.accept(id, sdp),
            Output::MediaClose(id) => {
                if self.media.as_ref().is_some_and(|media| media.id == id) {
                    self.close_media();
                }
            }
            Output::MediaEnd => {
                self.trouble = None;
                if let Some(voice) = self.voice.take() {
                    tokio::spawn(voice.stop());
                }
                self.devices = None;
            }
            Output::Stamp(mode) => {
                if let Some(voice) = &self.voice {
                    voice.set_stamp(mode);
                }
            }
            Output::Microphone { open } => {
                if let Some(voice) = &self.voice {
                    voice.set_microphone_open(open);
                }
            }
            Output::Notify(notice) => self.notify(notice),
            Output::Finished(id, result) => {
                if result.is_err() && self.media.is_none() && self.voice.is_none() {
                    // A call that could not be placed or joined.
                    self.devices = None;
                }
                self.publish();
                if let Some(outcome) = self.outcomes.remove(&id) {
                    // Whoever asked may have gone.
                    let _ = outcome.send(result);
                }
            }
            Output::WakeAt(at) => self.wake_at = self.started.checked_add(at),
        }
    }

    // The sound: its connection, its voice, how good both are.

    pub fn start_media(&mut self, id: MediaId, role: MediaRole) {
        self.close_media();
        if let Some(devices) = self.devices.take() {
            self.voice = Voice::start(devices, &self.settings.voice)
                .inspect_err(|error| tracing::warn!(%error, "no voice"))
                .ok();
            self.trouble = Some(self.voice.as_ref().map_or_else(
                // Its sender is gone, which says that there is no voice.
                || watch::channel(None).1,
                Voice::trouble,
            ));
        }
        self.media = Some(Media {
            id,
            peer: None,
            events: None,
            deadline: Some(Instant::now() + MEDIA_WAIT),
        });
        let bind = self.settings.bind.unwrap_or_else(|| self.default_bind());
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let offered = Peer::offer(PeerSettings { role, bind }).await;
            let _ = reports.send(Report::Offered(id, offered)).await;
        });
    }

    /// Loopback reaches only loopback, and everything else never does.
    fn default_bind(&self) -> IpAddr {
        let host = self.api.base().host_str().unwrap_or_default();
        let local = host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        if local {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        }
    }

    pub fn accept(&mut self, id: MediaId, sdp: String) {
        let media = self.media.as_ref().filter(|media| media.id == id);
        if let Some(peer) = media.and_then(|media| media.peer.clone()) {
            let reports = self.reports.clone();
            tokio::spawn(async move {
                let accepted = peer.accept(sdp).await;
                let _ = reports.send(Report::Accepted(id, accepted)).await;
            });
        }
    }

    pub fn close_media(&mut self) {
        if let Some(voice) = &self.voice {
            voice.disconnect();
        }
        self.counted = (0, 0);
        if let Some(peer) = self.media.take().and_then(|media| media.peer) {
            tokio::spawn(async move { peer.close().await });
        }
    }

    pub fn measure(&self) {
        let Some(media) = self.media.as_ref().filter(|media| media.deadline.is_none()) else {
            return;
        };
        if let Some(peer) = media.peer.clone() {
            let (id, reports) = (media.id, self.reports.clone());
            tokio::spawn(async move {
                let stats = peer.stats().await;
                let _ = reports.send(Report::Stats(id, stats)).await;
            });
        }
    }

    pub fn tell_quality(&mut self, stats: PeerStats) {
        let Some(voice) = &self.voice else {
            return;
        };
        if let Some(lost) = stats.sent_lost_fraction {
            voice.report_loss(lost as f32);
        }
        let voice = voice.stats();
        let (received, lost) = (voice.jitter.received, voice.jitter.lost);
        let new_lost = lost.saturating_sub(self.counted.1);
        let new = received.saturating_sub(self.counted.0) + new_lost;
        self.counted = (received, lost);
        let quality = Quality {
            lost_percent: 100.0 * new_lost as f32 / new.max(1) as f32,
            jitter_ms: voice.jitter.jitter_ms,
            round_trip_ms: stats.round_trip.map(|time| time.as_secs_f32() * 1000.0),
            voice,
        };
        let _ = self.events.send(SessionEvent::Quality(quality));
    }

    fn notify(&mut self, notice: Notice) {
        self.publish();
        // Nobody may be listening.
        let _ = self.events.send(SessionEvent::Notice(notice));
    }

    /// The state is as whoever is told next expects it.
    fn publish(&self) {
        self.view.send_if_modified(|view| {
            let changed = **view != *self.session.view();
            if changed {
                *view = Arc::new(self.session.view().clone());
            }
            changed
        });
    }
}

fn lost(id: MediaId) -> Input {
    let jitter = crate::random::fraction();
    Input::Media(id, MediaInput::Lost { jitter })
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since.unwrap_or_default().as_millis();
    Timestamp(i64::try_from(ms).unwrap_or(i64::MAX))
}

// What may not be there is waited for for ever.

pub async fn next_of_socket(socket: Option<&mut Socket>) -> SocketEvent {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

pub async fn next_of_peer(events: Option<&mut mpsc::Receiver<PeerEvent>>) -> Option<PeerEvent> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// The next value of what may not be there; `None` when it is over.
pub async fn next_of_watch<T: Clone>(watched: Option<&mut watch::Receiver<T>>) -> Option<T> {
    match watched {
        Some(watched) => {
            watched.changed().await.ok()?;
            Some(watched.borrow_and_update().clone())
        }
        None => std::future::pending().await,
    }
}

pub async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
