//! A worker: one thread, one UDP socket, and the calls that live on it.
//!
//! One loop: read the socket, take commands, tick the calls that are due, serve the connections whose
//! time has come, send, tell. Each step is bounded, so that none keeps the ticks waiting: a flood of
//! datagrams is read 256 at a time, between ticks. While there are calls the loop turns every 2.5 ms
//! and reads whatever came since in one system call, rather than waking for each datagram; calls are
//! spread over the eight turns of a tick. Without calls it sleeps until something comes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mix::{FRAME_MS, GrantCause, LegLevel, LegNumber, Mode, Role};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use slab::Slab;
use str0m::rtp::RtpPacket;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;
use voice::EncoderSettings;
use wire::CallId;

use crate::announcement::Announcement;
use crate::call::{Call, Leg};
use crate::connection::{Connection, Happening, SETUP_MAX, Sending};
use crate::demux::{Demux, is_stun, stun_transaction};
use crate::encoders::EncoderPool;
use crate::error::MediaError;
use crate::event::{MediaEvent, Outbox};
use crate::lead::LeadMedia;
use crate::metrics::WorkerMetrics;
use crate::negotiation::Offered;
use crate::recording::RecordingTap;
use crate::socket::{Incoming, Outgoing, RECEIVE_BATCH};
use crate::stamp::Stamp;
use crate::tick::{self, Means};
use crate::track::captured_in;

/// Commands waiting for one worker.
pub(crate) const COMMANDS_MAX: usize = 1024;
/// One tick.
const TICK: Duration = Duration::from_millis(FRAME_MS);
/// Turns of the loop within one tick; calls are spread over them.
const PHASES: usize = 8;
/// One turn of the loop while there are calls.
const TURN: Duration = Duration::from_micros(FRAME_MS * 1000 / PHASES as u64);
/// Batches of datagrams read in one turn.
const RECEIVES_MAX: usize = 4;
/// Commands handled in one turn.
const COMMANDS_TURN_MAX: usize = 64;
/// Ticks of calls in one turn.
const TICKS_TURN_MAX: usize = 1024;
/// Connection timeouts handled in one turn.
const TIMEOUTS_TURN_MAX: usize = 256;
/// How many missed ticks of a call are made up for, one after the other.
const CATCH_UP_MAX: u32 = 5;
/// How often levels are reported and connections checked, in ticks: every 200 ms.
const REVIEW_TICKS: u64 = 10;

/// When a call is due, its key and its serial, which tells it apart from a later one in the same slot.
type Due = Reverse<(Instant, usize, u64)>;

/// The state of one worker thread.
pub(crate) struct Worker {
    socket: UdpSocket,
    candidate: SocketAddr,
    commands: Receiver<Command>,
    waker: Arc<Waker>,
    metrics: Arc<WorkerMetrics>,
    /// The zero of the worker's clock.
    origin: Instant,
    outgoing: Outgoing,
    outbox: Outbox,
    demux: Demux,
    pool: EncoderPool,
    calls: Slab<Call>,
    by_id: HashMap<CallId, usize>,
    connections: Slab<Connection>,
    phases: [usize; PHASES],
    serial: u64,
    due: BinaryHeap<Due>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Worker {
    pub(crate) fn new(settings: WorkerSettings) -> Self {
        Self {
            candidate: settings.candidate,
            commands: settings.commands,
            waker: settings.waker,
            metrics: settings.metrics,
            origin: Instant::now(),
            outgoing: Outgoing::new(settings.local),
            outbox: Outbox::new(settings.events),
            demux: Demux::default(),
            pool: EncoderPool::new(settings.encoder),
            calls: Slab::new(),
            by_id: HashMap::new(),
            connections: Slab::new(),
            phases: [0; PHASES],
            serial: 0,
            due: BinaryHeap::new(),
            timers: BinaryHeap::new(),
            socket: settings.socket,
        }
    }

    /// Runs until it is stopped, or every handle is gone.
    pub(crate) fn run(mut self) {
        let mut incoming = Incoming::new();
        loop {
            let flooded = self.read(&mut incoming);
            if !self.obey() {
                break;
            }
            let behind = self.tick_due();
            self.serve_timers();
            self.outgoing.send(&self.socket, &self.metrics);
            self.pool.balance();
            let told = self.outbox.flush();
            if !flooded && !behind {
                self.wait(told);
            }
        }
        for call in self.calls.iter().map(|(key, _)| key).collect::<Vec<_>>() {
            self.close_call(call);
        }
        self.outgoing.send(&self.socket, &self.metrics);
    }

    fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.origin)
    }

    /// Reads what has arrived. True if there may be more.
    fn read(&mut self, incoming: &mut Incoming) -> bool {
        for _ in 0..RECEIVES_MAX {
            let count = incoming.receive(&self.socket, &self.metrics);
            self.metrics.packets_in.add(count as u64);
            for at in 0..count {
                if let Some((source, datagram)) = incoming.datagram(at) {
                    self.take_datagram(source, datagram);
                }
            }
            if count < RECEIVE_BATCH {
                return false;
            }
        }
        true
    }

    /// Handles commands. False when it is time to stop.
    fn obey(&mut self) -> bool {
        for _ in 0..COMMANDS_TURN_MAX {
            match self.commands.try_recv() {
                Ok(Command::Change {
                    call,
                    change,
                    reply,
                }) => {
                    let result = self.apply(call, change);
                    // Whoever asked may be gone; the change applies all the same.
                    let _ = reply.send(result);
                }
                Ok(Command::Connect {
                    call,
                    leg,
                    offered,
                    reply,
                }) => {
                    let result = self.connect(&call, leg, *offered);
                    let _ = reply.send(result);
                }
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => break,
            }
        }
        true
    }

    /// Ticks the calls that are due. True if some still are.
    fn tick_due(&mut self) -> bool {
        let turn = Instant::now();
        for _ in 0..TICKS_TURN_MAX {
            let Some(&Reverse((due, key, serial))) = self.due.peek() else {
                return false;
            };
            if due > turn {
                return false;
            }
            self.due.pop();
            let known = self.calls.get(key).is_some_and(|c| c.serial == serial);
            if known {
                self.tick_call(key, due);
            }
        }
        true
    }

    fn tick_call(&mut self, key: usize, due: Instant) {
        let now = Instant::now();
        let elapsed = self.elapsed(now);
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        let mut means = Means {
            connections: &mut self.connections,
            pool: &mut self.pool,
            socket: &self.socket,
            outgoing: &mut self.outgoing,
            metrics: &self.metrics,
        };
        tick::run(call, now, elapsed, &mut means);
        let finished = Instant::now();
        if finished > due + TICK {
            self.metrics.ticks_late.add(1);
        }
        call.due = due + TICK;
        // Ticks too far behind are skipped: sound that old is of no use.
        let behind = finished.saturating_duration_since(call.due);
        let skip = (behind.as_millis() / TICK.as_millis()) as u32;
        if let Some(skip) = skip.checked_sub(CATCH_UP_MAX).filter(|skip| *skip > 0) {
            call.due += TICK * skip;
            call.tick += u64::from(skip);
            self.metrics.ticks_skipped.add(skip.into());
        }
        self.due.push(Reverse((call.due, key, call.serial)));
        if call.tick % REVIEW_TICKS == 0 {
            self.review(key, now);
        }
    }

    /// Schedules the first tick of a new call.
    fn schedule_call(&mut self, key: usize) {
        if let Some(call) = self.calls.get(key) {
            self.due.push(Reverse((call.due, key, call.serial)));
        }
    }

    /// The turn with the fewest calls, and the next time it comes.
    fn next_phase(&self, now: Instant) -> (usize, Instant) {
        let least = self.phases.iter().enumerate().min_by_key(|(_, n)| **n);
        let phase = least.map_or(0, |(phase, _)| phase);
        let ticks = self.elapsed(now).as_micros() / TICK.as_micros() + 1;
        let start = Duration::from_micros((ticks * TICK.as_micros()) as u64);
        (phase, self.origin + start + TURN * phase as u32)
    }

    /// Queues a connection's next deadline.
    fn schedule(&mut self, key: usize) {
        if let Some(connection) = self.connections.get_mut(key) {
            let deadline = connection.deadline;
            if connection.queued.is_none_or(|queued| deadline < queued) {
                connection.queued = Some(deadline);
                self.timers.push(Reverse((deadline, key)));
            }
        }
    }

    /// Handles the connections whose deadline has passed.
    fn serve_timers(&mut self) {
        let now = Instant::now();
        for _ in 0..TIMEOUTS_TURN_MAX {
            let Some(&Reverse((at, key))) = self.timers.peek() else {
                return;
            };
            if at > now {
                return;
            }
            self.timers.pop();
            let Some(connection) = self.connections.get_mut(key) else {
                continue;
            };
            // An earlier entry has replaced this one.
            if connection.queued != Some(at) {
                continue;
            }
            connection.queued = None;
            if connection.deadline <= now {
                self.metrics.timeouts.add(1);
                connection.timeout(now);
                self.drain(key, now);
            } else {
                self.schedule(key);
            }
        }
    }

    fn wait(&mut self, told: bool) {
        let now = Instant::now();
        let until = self.next_turn(now, told);
        let timeout = until.map(|until| until.saturating_duration_since(now).into());
        let waker = self.waker.0.as_fd();
        let socket = self.socket.as_fd();
        let mut both = [
            PollFd::new(waker, PollFlags::POLLIN),
            PollFd::new(socket, PollFlags::POLLIN),
        ];
        // If a turn is coming, it will read the socket; until then only commands wake the worker.
        let watched = if until.is_some() { 1 } else { 2 };
        // Interrupted or not, the loop checks everything.
        let _ = ppoll(both.get_mut(..watched).unwrap_or_default(), timeout, None);
        self.metrics.wakeups.add(1);
        // Reading resets it, and fails when no one woke us.
        let _ = self.waker.0.read();
    }

    /// When the loop has to turn next, if ever.
    fn next_turn(&self, now: Instant, told: bool) -> Option<Instant> {
        if self.connections.is_empty() && told {
            return self.due.peek().map(|Reverse((due, ..))| *due);
        }
        let turns = self.elapsed(now).as_micros() / TURN.as_micros() + 1;
        Some(self.origin + Duration::from_micros((turns * TURN.as_micros()) as u64))
    }

    /// Applies a change.
    fn apply(&mut self, call: CallId, change: Change) -> Result<(), MediaError> {
        if let Change::Open(recording) = change {
            return self.open_call(call, recording);
        }
        let elapsed = self.elapsed(Instant::now());
        let key = *self.by_id.get(&call).ok_or(MediaError::UnknownCall)?;
        let call = self.calls.get_mut(key).ok_or(MediaError::UnknownCall)?;
        match change {
            Change::Open(_) => return Err(MediaError::DuplicateCall),
            Change::Close => self.close_call(key),
            Change::AddLeg(leg, role) => {
                call.add_leg(leg, role)?;
                self.metrics.legs.set(self.metrics.legs.get() + 1);
            }
            Change::RemoveLeg(leg) => {
                let leg = call.remove_leg(leg)?;
                self.drop_leg(leg);
            }
            Change::Mode(leg, mode, cause) => call.set_mode(elapsed, leg, mode, cause)?,
            Change::Muted(leg, muted) => {
                if !call.routes.set_muted(leg, muted) {
                    return Err(MediaError::UnknownLeg);
                }
            }
            Change::Held(held) => call.routes.set_held(held),
            Change::AttachLead(lead) => call.attach_lead(lead)?,
            Change::Announce(announcement) => {
                if call.announce(announcement)? {
                    self.metrics.legs.set(self.metrics.legs.get() + 1);
                }
            }
        }
        Ok(())
    }

    fn open_call(
        &mut self,
        id: CallId,
        recording: Option<Box<dyn RecordingTap>>,
    ) -> Result<(), MediaError> {
        if self.by_id.contains_key(&id) {
            return Err(MediaError::DuplicateCall);
        }
        let (phase, due) = self.next_phase(Instant::now());
        self.serial += 1;
        let call = Call::new(id.clone(), self.serial, phase, due, recording);
        let key = self.calls.insert(call);
        self.by_id.insert(id, key);
        if let Some(count) = self.phases.get_mut(phase) {
            *count += 1;
        }
        self.metrics.calls.set(self.calls.len() as u64);
        self.schedule_call(key);
        Ok(())
    }

    fn close_call(&mut self, key: usize) {
        let Some(call) = self.calls.try_remove(key) else {
            return;
        };
        self.by_id.remove(&call.id);
        self.outbox.forget(&call.id);
        if let Some(count) = self.phases.get_mut(call.phase) {
            *count = count.saturating_sub(1);
        }
        for leg in call.legs {
            self.drop_leg(leg);
        }
        self.metrics.calls.set(self.calls.len() as u64);
    }

    fn drop_leg(&mut self, mut leg: Leg) {
        leg.count(&self.metrics);
        for key in [leg.current, leg.pending].into_iter().flatten() {
            self.close_connection(key);
        }
        self.metrics
            .legs
            .set(self.metrics.legs.get().saturating_sub(1));
    }

    /// Gives a leg the connection that was offered, or another answer to the one that it is of. Returns
    /// the answer.
    fn connect(
        &mut self,
        call: &CallId,
        id: LegNumber,
        offered: Offered,
    ) -> Result<String, MediaError> {
        let Offered {
            negotiated,
            answer,
            offer,
        } = offered;
        let now = Instant::now();
        let call_key = *self.by_id.get(call).ok_or(MediaError::UnknownCall)?;
        let call = self
            .calls
            .get_mut(call_key)
            .ok_or(MediaError::UnknownCall)?;
        let leg = call.leg(id)?;
        let known = [leg.pending, leg.current]
            .into_iter()
            .flatten()
            .find(|key| {
                let connection = self.connections.get(*key);
                connection.is_some_and(|connection| connection.is_of(&negotiated.origin))
            });
        if let Some(key) = known
            && let Some(connection) = self.connections.get_mut(key)
            && let Some((answer, ufrag)) = connection.renegotiate(offer)
        {
            let given_up = leg.offered_again(key);
            self.demux.rename(key, &ufrag);
            if let Some(given_up) = given_up {
                self.close_connection(given_up);
            }
            self.drain(key, now);
            return Ok(answer);
        }
        let ufrag = negotiated.ufrag.clone();
        let connection = Connection::new(negotiated, call_key, id, self.candidate, now);
        let key = self.connections.insert(connection);
        let given_up = leg.offered(key);
        self.demux.insert(key, &ufrag);
        if let Some(given_up) = given_up {
            self.close_connection(given_up);
        }
        self.metrics.connections.set(self.connections.len() as u64);
        self.drain(key, now);
        Ok(answer)
    }

    /// Handles one datagram, whoever sent it.
    fn take_datagram(&mut self, source: SocketAddr, datagram: &[u8]) {
        let now = Instant::now();
        let owner = if is_stun(datagram) {
            self.checked(now, source, datagram)
        } else {
            self.demux.by_address(source)
        };
        let Some(key) = owner else {
            self.metrics.dropped_unknown.add(1);
            return;
        };
        let Some(connection) = self.connections.get_mut(key) else {
            self.metrics.dropped_unknown.add(1);
            return;
        };
        if !connection.receive(now, source, datagram) {
            self.metrics.dropped_malformed.add(1);
        }
        self.drain(key, now);
    }

    /// Whose connectivity check this is. It names its connection, so a new connection may come from an
    /// old one's address, and a connection from a new address. It is trusted if it has the right
    /// password and, when it comes from a new address, was not seen before: a replay from elsewhere
    /// must not draw sound there.
    fn checked(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> Option<usize> {
        let named = self.demux.by_ufrag(datagram)?;
        let connection = self.connections.get_mut(named)?;
        if !connection.accepts(now, source, datagram) {
            return None;
        }
        let is_new = connection.note_check(stun_transaction(datagram)?);
        if self.demux.by_address(source) != Some(named) {
            if !is_new {
                return None;
            }
            self.demux.learn(named, source);
        }
        Some(named)
    }

    /// Handles a connection's outputs: sends, passes on sound, and follows its state.
    fn drain(&mut self, key: usize, now: Instant) {
        let elapsed = self.elapsed(now);
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let (call_key, id) = (connection.call, connection.leg);
        let (socket, outgoing, metrics) = (&self.socket, &mut self.outgoing, &*self.metrics);
        let mut call = self.calls.get_mut(call_key);
        let tick = call.as_ref().map_or(0, |call| call.tick);
        let mut leg = call.as_mut().and_then(|call| call.leg(id).ok());
        let mut up = false;
        connection.drain(
            now,
            |destination, datagram| outgoing.push(socket, metrics, destination, datagram),
            |happening| match happening {
                Happening::Packet(track, packet) => {
                    metrics.rtp_in.add(1);
                    if let Some(leg) = leg.as_mut().filter(|leg| leg.hears_from(key)) {
                        push(leg, elapsed, tick, track, packet);
                    }
                }
                Happening::Up => up = true,
                Happening::Reachable(reachable) => {
                    if let Some(leg) = leg.as_mut().filter(|leg| leg.current == Some(key)) {
                        leg.reachable = reachable;
                    }
                }
            },
        );
        if up {
            self.connection_up(key, call_key, id);
        }
        self.schedule(key);
        self.bury(key);
    }

    fn connection_up(&mut self, key: usize, call_key: usize, id: LegNumber) {
        let Some(call) = self.calls.get_mut(call_key) else {
            return;
        };
        let Ok(leg) = call.leg(id) else {
            return;
        };
        let replaced = leg.connected(key);
        if leg.current == Some(key) {
            self.outbox.connected(&call.id, id);
        }
        if let Some(replaced) = replaced {
            self.close_connection(replaced);
        }
    }

    /// Drops a connection that has ended, and reports it.
    fn bury(&mut self, key: usize) {
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        if connection.is_alive() {
            return;
        }
        let (call_key, id) = (connection.call, connection.leg);
        if connection.panicked {
            self.metrics.panics.add(1);
            tracing::error!("closed a connection after a panic in the WebRTC stack");
        }
        self.forget_connection(key);
        let Some(call) = self.calls.get_mut(call_key) else {
            return;
        };
        let Ok(leg) = call.leg(id) else {
            return;
        };
        if leg.pending == Some(key) {
            leg.pending = None;
        }
        if leg.current == Some(key) {
            leg.current = None;
            if !std::mem::replace(&mut leg.lost, true) {
                self.outbox.lost(&call.id, id);
            }
        }
    }

    /// Says goodbye to a connection and drops it.
    fn close_connection(&mut self, key: usize) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.close();
            let (socket, outgoing, metrics) = (&self.socket, &mut self.outgoing, &*self.metrics);
            connection.drain(
                Instant::now(),
                |destination, datagram| outgoing.push(socket, metrics, destination, datagram),
                |_| {},
            );
        }
        self.forget_connection(key);
    }

    fn forget_connection(&mut self, key: usize) {
        self.connections.try_remove(key);
        self.demux.remove(key);
        self.metrics.connections.set(self.connections.len() as u64);
    }

    /// Every 200 ms for each call: who is lost or back, who did not connect in time, how loud everyone
    /// was, how much each of them loses.
    fn review(&mut self, call_key: usize, now: Instant) {
        let elapsed = self.elapsed(now);
        let Some(call) = self.calls.get_mut(call_key) else {
            return;
        };
        call.settle_buffers(&self.metrics);
        let mut levels = Vec::new();
        let mut ended = Vec::new();
        for leg in &mut call.legs {
            if let Some((reach, level_dbov)) = leg.loudest.take() {
                levels.push(LegLevel {
                    leg: leg.id,
                    reach,
                    level_dbov,
                });
            }
            let pending = leg
                .pending
                .and_then(|key| Some((key, self.connections.get(key)?)));
            if let Some((key, connection)) = pending
                && now.saturating_duration_since(connection.born) > SETUP_MAX
            {
                leg.pending = None;
                ended.push(key);
            }
            let mut current = leg.current.and_then(|key| self.connections.get_mut(key));
            let reported_loss = match (&mut leg.lead, &mut current) {
                (Some(lead), _) => lead.take_reported_loss(),
                (None, Some(connection)) => connection.take_reported_loss(),
                (None, None) => None,
            };
            leg.note_loss(elapsed, reported_loss);
            let Some(connection) = current else {
                continue;
            };
            if !connection.is_alive() {
                ended.extend(leg.current);
                continue;
            }
            let lost = !leg.reachable || !connection.is_heard(now);
            if lost != leg.lost {
                leg.lost = lost;
                if lost {
                    self.outbox.lost(&call.id, leg.id);
                } else {
                    self.outbox.connected(&call.id, leg.id);
                }
            }
        }
        if !levels.is_empty() || call.levels_told {
            call.levels_told = !levels.is_empty();
            self.outbox.levels(&call.id, levels, &self.metrics);
        }
        if let Some(announced) = call.take_announced() {
            self.drop_leg(announced);
        }
        for key in ended {
            self.bury(key);
            // One that did not come up in time is still alive.
            self.close_connection(key);
        }
    }
}

/// Where the answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, MediaError>>;

/// One request, or the last one.
pub(crate) enum Command {
    Change {
        call: CallId,
        change: Change,
        reply: Reply<()>,
    },
    /// An offer was answered; the reply is the answer to send.
    Connect {
        call: CallId,
        leg: LegNumber,
        offered: Box<Offered>,
        reply: Reply<String>,
    },
    Stop,
}

/// A change to one call.
pub(crate) enum Change {
    Open(Option<Box<dyn RecordingTap>>),
    Close,
    AddLeg(LegNumber, Role),
    RemoveLeg(LegNumber),
    Mode(LegNumber, Mode, GrantCause),
    Muted(LegNumber, bool),
    Held(bool),
    AttachLead(Box<dyn LeadMedia>),
    Announce(Announcement),
}

/// The parts of a worker.
pub(crate) struct WorkerSettings {
    pub(crate) socket: UdpSocket,
    pub(crate) local: SocketAddr,
    pub(crate) candidate: SocketAddr,
    pub(crate) encoder: EncoderSettings,
    pub(crate) commands: Receiver<Command>,
    pub(crate) events: Sender<MediaEvent>,
    pub(crate) waker: Arc<Waker>,
    pub(crate) metrics: Arc<WorkerMetrics>,
}

/// Wakes a waiting worker.
pub(crate) struct Waker(EventFd);

impl Waker {
    pub(crate) fn new() -> nix::Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        EventFd::from_flags(flags).map(Self)
    }

    pub(crate) fn wake(&self) {
        // It only fails when it is full, and then it wakes all the same.
        let _ = self.0.write(1);
    }
}

fn push(leg: &mut Leg, elapsed: Duration, tick: u64, from: Sending, packet: &RtpPacket) {
    let header = &packet.header;
    let stamp = header.ext_vals.user_values.get::<Stamp>();
    let stamp = stamp.map(|stamp| stamp.0);
    let packet = voice::Packet {
        codec: voice::Codec::Opus,
        sequence: header.sequence_number,
        timestamp: header.timestamp,
        mode: (leg.role == Role::Coach).then(|| captured_in(stamp, from.declared)),
        payload: &packet.payload,
    };
    if let Some(track) = leg.tracks.get_mut(from.track) {
        track.push(elapsed, tick, *header.ssrc, &packet);
    }
}
