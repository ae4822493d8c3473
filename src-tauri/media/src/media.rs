//! The handle that the service holds: calls, legs, offers and modes in, worker commands out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use mix::{GrantCause, LegNumber, Mode, Role};
use str0m::config::DtlsCert;
use tokio::sync::{mpsc, oneshot};
use voice::EncoderSettings;
use wire::{CallId, MediaOffer};

use crate::announcement::Announcement;
use crate::error::MediaError;
use crate::event::MediaEvent;
use crate::lead::LeadMedia;
use crate::metrics::{MediaMetrics, WorkerMetrics};
use crate::negotiation::negotiate;
use crate::recording::{RecordingTap, RecordingTaps, both};
use crate::socket;
use crate::worker::{COMMANDS_MAX, Change, Command, Reply, Waker, Worker, WorkerSettings};

/// How to run the engine.
#[derive(Clone)]
pub struct MediaSettings {
    /// The address that the sockets are bound to; `0.0.0.0` for all.
    pub bind: IpAddr,
    /// The address that clients are told to send to. `None` means the bound one or, when that is all of
    /// them, the one of the default route.
    pub advertise: Option<IpAddr>,
    /// The port of the first worker's socket, counting up from there; 0 for any.
    pub port_base: u16,
    /// How many workers; 0 for as many as there are cores.
    pub worker_count: usize,
    /// The bit rate of each mix, 6 000 to 128 000.
    pub bitrate_bps: u32,
    /// The encoder's complexity, 0 to 10.
    pub complexity: u8,
    /// The packet loss to prepare for at all times, 0 to 100. At 0, packets carry FEC only while a
    /// listener reports loss.
    pub expected_loss_percent: u8,
    /// Who records the public mix, if anyone.
    pub recording: Option<Arc<dyn RecordingTaps>>,
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            advertise: None,
            port_base: 0,
            worker_count: 0,
            bitrate_bps: 32_000,
            complexity: 5,
            expected_loss_percent: 0,
            recording: None,
        }
    }
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The SDP answer (RFC 8866).
    pub sdp: String,
    /// How far a coach can reach over the connection. No further than Whisper, unless the client stamps
    /// its packets or has a track for barges: nothing else tells a barge from a late whisper (M3).
    pub widest: Mode,
}

/// A handle to the media engine, cheap to clone. The workers end when [`Media::stop`] is called or
/// the last handle is dropped.
///
/// Every change resolves when the call's worker has applied it, which takes a few milliseconds at
/// most. Errors leave everything as it was.
#[derive(Clone)]
pub struct Media {
    shared: Arc<Shared>,
}

struct Shared {
    workers: Vec<WorkerHandle>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    // Which worker a call lives on. Workers never see it.
    calls: Mutex<HashMap<CallId, usize>>,
    certificate: DtlsCert,
    recording: Option<Arc<dyn RecordingTaps>>,
}

struct WorkerHandle {
    commands: mpsc::Sender<Command>,
    waker: Arc<Waker>,
    metrics: Arc<WorkerMetrics>,
    candidate: SocketAddr,
}

impl Media {
    /// Opens the sockets and starts the workers. Someone must receive the events.
    ///
    /// # Errors
    /// [`MediaError::Socket`], and [`MediaError::Codec`] when a setting is out of range.
    pub fn start(
        settings: MediaSettings,
        events: mpsc::Sender<MediaEvent>,
    ) -> Result<Self, MediaError> {
        let encoder = EncoderSettings {
            bitrate_bps: settings.bitrate_bps,
            complexity: settings.complexity,
            fec: settings.expected_loss_percent > 0,
            expected_loss_percent: settings.expected_loss_percent,
        };
        let provider = str0m::crypto::from_feature_flags();
        let certificate = provider
            .dtls_provider
            .generate_certificate()
            .ok_or_else(|| MediaError::Socket("could not create a DTLS certificate".to_owned()))?;
        let count = match settings.worker_count {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let mut workers = Vec::with_capacity(count);
        let mut threads = Vec::with_capacity(count);
        for at in 0..count {
            let (handle, thread) = start_worker(&settings, encoder, at, events.clone())?;
            workers.push(handle);
            threads.push(thread);
        }
        Ok(Self {
            shared: Arc::new(Shared {
                workers,
                threads: Mutex::new(threads),
                calls: Mutex::new(HashMap::new()),
                certificate,
                recording: settings.recording,
            }),
        })
    }

    /// Opens a call on the worker with the fewest legs. No one is in it yet.
    ///
    /// # Errors
    /// [`MediaError::DuplicateCall`], [`MediaError::Stopped`].
    pub async fn open_call(&self, call: CallId) -> Result<(), MediaError> {
        self.open_recorded_call(call, None).await
    }

    /// Like [`Media::open_call`], with another recording beside that of
    /// [`MediaSettings::recording`].
    ///
    /// # Errors
    /// [`MediaError::DuplicateCall`], [`MediaError::Stopped`].
    pub async fn open_recorded_call(
        &self,
        call: CallId,
        own: Option<Box<dyn RecordingTap>>,
    ) -> Result<(), MediaError> {
        {
            let mut calls = self.shared.calls();
            if calls.contains_key(&call) {
                return Err(MediaError::DuplicateCall);
            }
            calls.insert(call.clone(), self.shared.least_loaded());
        }
        let recording = self.shared.recording.as_ref();
        let tap = recording.and_then(|taps| taps.open(&call));
        let opened = self.change(&call, Change::Open(both(tap, own))).await;
        if opened.is_err() {
            self.shared.calls().remove(&call);
        }
        opened
    }

    /// Closes a call. Its connections are told goodbye.
    ///
    /// # Errors
    /// [`MediaError::UnknownCall`], [`MediaError::Stopped`].
    pub async fn close_call(&self, call: &CallId) -> Result<(), MediaError> {
        let closed = self.change(call, Change::Close).await;
        self.shared.calls().remove(call);
        closed
    }

    /// Lets a party in. A coach enters in Listen (rule M1).
    ///
    /// # Errors
    /// [`MediaError::UnknownCall`], [`MediaError::Routes`], [`MediaError::Stopped`].
    pub async fn add_leg(
        &self,
        call: &CallId,
        leg: LegNumber,
        role: Role,
    ) -> Result<(), MediaError> {
        self.change(call, Change::AddLeg(leg, role)).await
    }

    /// Takes a party out; their connection is closed.
    ///
    /// # Errors
    /// [`MediaError::UnknownCall`], [`MediaError::UnknownLeg`], [`MediaError::Stopped`].
    pub async fn remove_leg(&self, call: &CallId, leg: LegNumber) -> Result<(), MediaError> {
        self.change(call, Change::RemoveLeg(leg)).await
    }

    /// Answers a client's offer for a leg.
    ///
    /// A second offer of the same connection, such as an ICE restart when the client's network has
    /// changed, is answered by that connection, and sound goes on meanwhile. Any other takes the leg over
    /// (rule J4, and reconnecting): the new connection replaces the old one when its DTLS is up, and until
    /// then the old one keeps hearing. A coach's grant falls to Listen with every offer, and no one hears
    /// what an old connection still sends. Call [`Media::set_mode`] afterwards.
    ///
    /// # Errors
    /// [`MediaError::OfferTooLong`], [`MediaError::OfferMalformed`], [`MediaError::NoAudio`],
    /// [`MediaError::Undeclared`], [`MediaError::NoOpus`]; [`MediaError::UnknownCall`],
    /// [`MediaError::UnknownLeg`], [`MediaError::Stopped`].
    pub async fn connect(
        &self,
        call: &CallId,
        leg: LegNumber,
        offer: &MediaOffer,
    ) -> Result<Answered, MediaError> {
        let candidate = self.worker_of(call)?.candidate;
        let offered = Box::new(negotiate(offer, &self.shared.certificate, candidate)?);
        let widest = offered.negotiated.widest;
        let id = call.clone();
        let sdp = self.ask(call, |reply| Command::Connect {
            call: id,
            leg,
            offered,
            reply,
        });
        Ok(Answered {
            sdp: sdp.await?,
            widest,
        })
    }

    /// Grants a coach a mode. Resolves once it applies.
    ///
    /// # Errors
    /// [`MediaError::NotACoach`], [`MediaError::UnknownCall`], [`MediaError::UnknownLeg`],
    /// [`MediaError::Stopped`].
    pub async fn set_mode(
        &self,
        call: &CallId,
        leg: LegNumber,
        mode: Mode,
        cause: GrantCause,
    ) -> Result<(), MediaError> {
        self.change(call, Change::Mode(leg, mode, cause)).await
    }

    /// Mutes or unmutes a party.
    ///
    /// # Errors
    /// [`MediaError::UnknownCall`], [`MediaError::UnknownLeg`], [`MediaError::Stopped`].
    pub async fn set_muted(
        &self,
        call: &CallId,
        leg: LegNumber,
        muted: bool,
    ) -> Result<(), MediaError> {
        self.change(call, Change::Muted(leg, muted)).await
    }

    /// Puts the lead on hold, or takes them off. A held lead neither hears nor is heard.
    ///
    /// # Errors
    /// [`MediaError::UnknownCall`], [`MediaError::Stopped`].
    pub async fn set_held(&self, call: &CallId, held: bool) -> Result<(), MediaError> {
        self.change(call, Change::Held(held)).await
    }

    /// Gives the lead's leg its media. The leg must already be in the call.
    ///
    /// # Errors
    /// [`MediaError::UnknownLeg`] when the call has no lead, [`MediaError::NotAttachable`] when it
    /// has media already; [`MediaError::UnknownCall`], [`MediaError::Stopped`].
    pub async fn attach_lead(
        &self,
        call: &CallId,
        lead: Box<dyn LeadMedia>,
    ) -> Result<(), MediaError> {
        self.change(call, Change::AttachLead(lead)).await
    }

    /// Plays an announcement into the call, as a party who barges: everyone hears it, and so does the
    /// recording. It leaves when it ends, and replaces one that is still playing.
    ///
    /// # Errors
    /// [`MediaError::UnknownCall`], [`MediaError::Routes`] when the call is full,
    /// [`MediaError::Stopped`].
    pub async fn announce(
        &self,
        call: &CallId,
        announcement: &Announcement,
    ) -> Result<(), MediaError> {
        self.change(call, Change::Announce(announcement.clone()))
            .await
    }

    /// The sum of all workers' counters.
    #[must_use]
    pub fn metrics(&self) -> MediaMetrics {
        MediaMetrics::sum(self.shared.workers.iter().map(|worker| &*worker.metrics))
    }

    /// Whether every worker is running.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let threads = lock(&self.shared.threads);
        !threads.is_empty() && threads.iter().all(|thread| !thread.is_finished())
    }

    /// Where each worker receives, as told to clients.
    #[must_use]
    pub fn candidates(&self) -> Vec<SocketAddr> {
        let workers = self.shared.workers.iter();
        workers.map(|worker| worker.candidate).collect()
    }

    /// Closes every call and ends the workers. After that, other handles get [`MediaError::Stopped`].
    pub async fn stop(self) {
        for worker in &self.shared.workers {
            // A worker that has ended already needs no telling.
            let _ = worker.commands.send(Command::Stop).await;
            worker.waker.wake();
        }
        let threads = std::mem::take(&mut *lock(&self.shared.threads));
        let join = move || threads.into_iter().for_each(|thread| drop(thread.join()));
        // It fails only when the runtime is going down, and then the workers end by themselves.
        let _ = tokio::task::spawn_blocking(join).await;
        self.shared.calls().clear();
    }

    fn worker_of(&self, call: &CallId) -> Result<&WorkerHandle, MediaError> {
        let at = self.shared.calls().get(call).copied();
        at.and_then(|at| self.shared.workers.get(at))
            .ok_or(MediaError::UnknownCall)
    }

    async fn change(&self, call: &CallId, change: Change) -> Result<(), MediaError> {
        let id = call.clone();
        self.ask(call, |reply| Command::Change {
            call: id,
            change,
            reply,
        })
        .await
    }

    async fn ask<T>(
        &self,
        call: &CallId,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, MediaError> {
        let worker = self.worker_of(call)?;
        let (reply, answer) = oneshot::channel();
        let sent = worker.commands.send(command(reply)).await;
        sent.map_err(|_| MediaError::Stopped)?;
        worker.waker.wake();
        answer.await.unwrap_or(Err(MediaError::Stopped))
    }
}

impl Shared {
    fn calls(&self) -> MutexGuard<'_, HashMap<CallId, usize>> {
        lock(&self.calls)
    }

    fn least_loaded(&self) -> usize {
        let load = |worker: &WorkerHandle| (worker.metrics.legs.get(), worker.metrics.calls.get());
        let workers = self.workers.iter().enumerate();
        workers
            .min_by_key(|(_, worker)| load(worker))
            .map_or(0, |(at, _)| at)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Their channels close with this; they only have to look.
        for worker in self.workers.drain(..) {
            drop(worker.commands);
            worker.waker.wake();
        }
    }
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Media").finish_non_exhaustive()
    }
}

/// A poisoned lock guards nothing half-done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start_worker(
    settings: &MediaSettings,
    encoder: EncoderSettings,
    at: usize,
    events: mpsc::Sender<MediaEvent>,
) -> Result<(WorkerHandle, JoinHandle<()>), MediaError> {
    let failed = |error: &dyn std::fmt::Display| MediaError::Socket(error.to_string());
    let port = match settings.port_base {
        0 => 0,
        base => u16::try_from(at)
            .ok()
            .and_then(|at| base.checked_add(at))
            .ok_or_else(|| failed(&"no port left for another worker"))?,
    };
    let socket = socket::bind(SocketAddr::new(settings.bind, port)).map_err(|e| failed(&e))?;
    let local = socket.local_addr().map_err(|e| failed(&e))?;
    let advertised = settings.advertise.unwrap_or_else(|| reachable(local.ip()));
    let candidate = SocketAddr::new(advertised, local.port());
    let (commands, requests) = mpsc::channel(COMMANDS_MAX);
    let waker = Arc::new(Waker::new().map_err(|e| failed(&e))?);
    let metrics = Arc::new(WorkerMetrics::default());
    let worker = WorkerSettings {
        socket,
        local,
        candidate,
        encoder,
        commands: requests,
        events,
        waker: Arc::clone(&waker),
        metrics: Arc::clone(&metrics),
    };
    // Whether the codec takes the settings shows here rather than in the thread.
    drop(voice::Encoder::new(&encoder)?);
    let thread = std::thread::Builder::new()
        .name(format!("media-{at}"))
        .spawn(move || Worker::new(worker).run())
        .map_err(|e| failed(&e))?;
    let handle = WorkerHandle {
        commands,
        waker,
        metrics,
        candidate,
    };
    Ok((handle, thread))
}

/// An address by which others reach us when we listen on `bound`.
fn reachable(bound: IpAddr) -> IpAddr {
    if !bound.is_unspecified() {
        return bound;
    }
    // Nothing is sent: a connected UDP socket only has to choose its route.
    let route = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    route.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}
