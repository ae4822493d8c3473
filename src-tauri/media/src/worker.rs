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

use mix::FRAME_MS;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use slab::Slab;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender};
use voice::EncoderSettings;
use wire::CallId;

use crate::MediaEvent;
use crate::call::Call;
use crate::command::Command;
use crate::connection::Connection;
use crate::demux::Demux;
use crate::encoders::EncoderPool;
use crate::event::Outbox;
use crate::metrics::WorkerMetrics;
use crate::socket::{Incoming, Outgoing, RECEIVE_BATCH};
use crate::tick::{self, Means};

/// One tick.
const TICK: Duration = Duration::from_millis(FRAME_MS);
/// Turns of the loop within one tick; calls are spread over them.
pub(crate) const PHASES: usize = 8;
/// One turn of the loop while there are calls.
const TURN: Duration = Duration::from_micros(FRAME_MS * 1000 / PHASES as u64);
/// Batches of datagrams that are read in one turn.
const RECEIVES_MAX: usize = 4;
/// Commands that are taken in one turn.
const COMMANDS_TURN_MAX: usize = 64;
/// Ticks of calls in one turn.
const TICKS_TURN_MAX: usize = 1024;
/// Connections whose timeout is served in one turn.
const TIMEOUTS_TURN_MAX: usize = 256;
/// Ticks that one call may be behind and still make up for, one after the other.
const CATCH_UP_MAX: u32 = 5;
/// How often levels are told and connections looked at, in ticks: every 200 ms.
const REVIEW_TICKS: u64 = 10;

/// Wakes a worker that waits.
pub(crate) struct Waker(EventFd);

impl Waker {
    pub(crate) fn new() -> nix::Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        EventFd::from_flags(flags).map(Self)
    }

    pub(crate) fn wake(&self) {
        // It fails only when it is full, and then it wakes all the same.
        let _ = self.0.write(1);
    }
}

/// What a worker is made of.
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

/// A call that is due at the instant; the serial tells it from a later one in the same slot.
type Due = Reverse<(Instant, usize, u64)>;

pub(crate) struct Worker {
    pub(crate) socket: UdpSocket,
    pub(crate) candidate: SocketAddr,
    commands: Receiver<Command>,
    waker: Arc<Waker>,
    pub(crate) metrics: Arc<WorkerMetrics>,
    /// What the worker's clock counts from.
    pub(crate) origin: Instant,
    pub(crate) outgoing: Outgoing,
    pub(crate) outbox: Outbox,
    pub(crate) demux: Demux,
    pub(crate) pool: EncoderPool,
    pub(crate) calls: Slab<Call>,
    pub(crate) by_id: HashMap<CallId, usize>,
    pub(crate) connections: Slab<Connection>,
    pub(crate) phases: [usize; PHASES],
    pub(crate) serial: u64,
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

    /// Runs until it is told to stop, or nobody is left to tell.
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

    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.origin)
    }

    /// Reads what came; whether there may be more.
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

    /// Takes commands; `false` when it is time to end.
    fn obey(&mut self) -> bool {
        for _ in 0..COMMANDS_TURN_MAX {
            match self.commands.try_recv() {
                Ok(Command::Change {
                    call,
                    change,
                    reply,
                }) => {
                    let result = self.apply(call, change);
                    // Whoever asked may have gone; it holds all the same.
                    let _ = reply.send(result);
                }
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => break,
            }
        }
        true
    }

    /// Ticks the calls that are due; whether some still are.
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
        // What is too far behind is not made up for: the sound of then is of no use now.
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

    /// Begins the ticks of a call that was just opened.
    pub(crate) fn schedule_call(&mut self, key: usize) {
        if let Some(call) = self.calls.get(key) {
            self.due.push(Reverse((call.due, key, call.serial)));
        }
    }

    /// The turn with the fewest calls, and the next time it comes.
    pub(crate) fn next_phase(&self, now: Instant) -> (usize, Instant) {
        let least = self.phases.iter().enumerate().min_by_key(|(_, n)| **n);
        let phase = least.map_or(0, |(phase, _)| phase);
        let ticks = self.elapsed(now).as_micros() / TICK.as_micros() + 1;
        let start = Duration::from_micros((ticks * TICK.as_micros()) as u64);
        (phase, self.origin + start + TURN * phase as u32)
    }

    /// Notes when a connection wants to be asked again.
    pub(crate) fn schedule(&mut self, key: usize) {
        if let Some(connection) = self.connections.get_mut(key) {
            let deadline = connection.deadline;
            if connection.queued.is_none_or(|queued| deadline < queued) {
                connection.queued = Some(deadline);
                self.timers.push(Reverse((deadline, key)));
            }
        }
    }

    /// Serves the connections whose time has come, and no other.
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
            // Another entry, an earlier one, has taken this one's place.
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
        // With a turn to come, the socket is read then; until then only commands wake.
        let watched = if until.is_some() { 1 } else { 2 };
        // Interrupted or not, the loop looks at everything.
        let _ = ppoll(both.get_mut(..watched).unwrap_or_default(), timeout, None);
        self.metrics.wakeups.add(1);
        // Reading it sets it back; it fails when nobody woke us.
        let _ = self.waker.0.read();
    }

    /// When the loop has to turn next, if at any time.
    fn next_turn(&self, now: Instant, told: bool) -> Option<Instant> {
        if self.connections.is_empty() && told {
            return self.due.peek().map(|Reverse((due, ..))| *due);
        }
        let turns = self.elapsed(now).as_micros() / TURN.as_micros() + 1;
        Some(self.origin + Duration::from_micros((turns * TURN.as_micros()) as u64))
    }
}
