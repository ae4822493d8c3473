//! The load: one thread that drives every client, and answers what they got.

use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::batch::Batch;
use crate::error::BenchError;
use crate::mouth::Track;
use crate::peer::{Part, Peer};

/// Clients that only count are emptied in turns, each so often once connected…
const COUNTED_EVERY: Duration = Duration::from_millis(160);
/// …and a turn's share of them at each of these.
const TURN: Duration = Duration::from_millis(10);
/// A second's packets of a client that only counts are far fewer than its socket holds.
const TURNS: usize = (COUNTED_EVERY.as_millis() / TURN.as_millis()) as usize;

/// Clients that go together: those of one call.
pub type Group = usize;

enum Order {
    Add(Group, Box<Peer>),
    Drop(Group),
    Restart,
    Report(Sender<LoadReport>),
}

/// What the clients got since the last restart.
#[derive(Debug, Clone, Default)]
pub struct LoadReport {
    /// Clients, and how many of them are connected.
    pub peers: usize,
    pub connected: usize,
    /// RTP packets that came, all clients together.
    pub received: u64,
    /// The fewest that one client got.
    pub received_min: u64,
    /// Packets that are missing by sequence number, all clients together.
    pub missing: u64,
    /// What the listeners who decode heard.
    pub heard: Vec<Track>,
    /// Frames that they fetched too late.
    pub late_frames: u32,
    /// When the first of those who speak began.
    pub said_from: Option<Instant>,
}

/// A handle to the thread; it ends when this is dropped.
pub struct Load {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<Result<(), BenchError>>>,
}

impl Load {
    /// Starts the thread without clients.
    pub fn start() -> Self {
        let (orders, taken) = channel();
        let thread = std::thread::spawn(move || run(&taken));
        Self {
            orders: Some(orders),
            thread: Some(thread),
        }
    }

    /// Adds a client that has an answer.
    pub fn add(&self, group: Group, peer: Peer) -> Result<(), BenchError> {
        self.order(Order::Add(group, Box::new(peer)))
    }

    pub fn drop_group(&self, group: Group) -> Result<(), BenchError> {
        self.order(Order::Drop(group))
    }

    /// Counts and records from now on.
    pub fn restart(&self) -> Result<(), BenchError> {
        self.order(Order::Restart)
    }

    pub fn report(&self) -> Result<LoadReport, BenchError> {
        let (answer, answered) = channel();
        self.order(Order::Report(answer))?;
        answered
            .recv()
            .map_err(BenchError::unexpected("the load runs"))
    }

    /// Waits until every client is connected.
    pub fn connected(&self, timeout: Duration) -> Result<LoadReport, BenchError> {
        let until = Instant::now() + timeout;
        loop {
            let report = self.report()?;
            if report.connected == report.peers {
                return Ok(report);
            }
            if Instant::now() > until {
                return Err(BenchError::Unexpected(format!(
                    "{} of {} clients connected within {} s",
                    report.connected,
                    report.peers,
                    timeout.as_secs()
                )));
            }
            std::thread::sleep(TURN);
        }
    }

    fn order(&self, order: Order) -> Result<(), BenchError> {
        let sent = self
            .orders
            .as_ref()
            .is_some_and(|orders| orders.send(order).is_ok());
        if sent {
            Ok(())
        } else {
            Err(BenchError::Unexpected("the load has stopped".into()))
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // An error was told by the order that could not be given.
            let _ = thread.join();
        }
    }
}

fn run(orders: &Receiver<Order>) -> Result<(), BenchError> {
    let mut peers: Vec<(Group, Peer)> = Vec::new();
    let mut batch = Batch::new();
    let mut next_turn = Instant::now();
    for turn in 0_usize.. {
        loop {
            use std::sync::mpsc::TryRecvError;
            match orders.try_recv() {
                Ok(Order::Add(group, peer)) => peers.push((group, *peer)),
                Ok(Order::Drop(gone)) => peers.retain(|(group, _)| *group != gone),
                Ok(Order::Restart) => {
                    receive_all(&mut peers, &mut batch)?;
                    restart(&mut peers);
                }
                Ok(Order::Report(answer)) => {
                    receive_all(&mut peers, &mut batch)?;
                    let _ = answer.send(report(&peers));
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        for (at, (_, peer)) in peers.iter_mut().enumerate() {
            if !peer.connected || peer.is_prompt() || at % TURNS == turn % TURNS {
                peer.receive(&mut batch, Instant::now())?;
            }
            act(peer, Instant::now())?;
        }
        next_turn += TURN;
        // After a stall the turns go on from now, and are not made up for.
        next_turn = next_turn.max(Instant::now());
        until_turn(&mut peers, &mut batch, next_turn)?;
    }
    Ok(())
}

/// Lets a client say and play what is due, what was missed in a stall too.
fn act(peer: &mut Peer, now: Instant) -> Result<(), BenchError> {
    while peer.due().is_some_and(|due| due <= now) {
        peer.act(now)?;
    }
    Ok(())
}

/// Until the next turn: waits for what comes to those who decode, and lets speak and play what is due.
fn until_turn(
    peers: &mut [(Group, Peer)],
    batch: &mut Batch,
    turn: Instant,
) -> Result<(), BenchError> {
    loop {
        let mut due = turn;
        for (_, peer) in peers.iter_mut().filter(|(_, peer)| peer.is_prompt()) {
            act(peer, Instant::now())?;
            due = peer.due().map_or(due, |at| due.min(at));
        }
        let now = Instant::now();
        if now >= turn {
            return Ok(());
        }
        let (places, ready) = wait(peers, due.saturating_duration_since(now))?;
        let now = Instant::now();
        for (at, _) in places.iter().zip(ready).filter(|(_, ready)| *ready) {
            if let Some((_, peer)) = peers.get_mut(*at) {
                peer.receive(batch, now)?;
            }
        }
    }
}

/// Waits for a datagram to one of those who decode: their places, and whether something came.
fn wait(peers: &[(Group, Peer)], timeout: Duration) -> Result<(Vec<usize>, Vec<bool>), BenchError> {
    let hearing = peers
        .iter()
        .enumerate()
        .filter(|(_, (_, peer))| matches!(peer.part, Part::Hears(_)));
    let (places, mut waits): (Vec<usize>, Vec<PollFd<'_>>) = hearing
        .map(|(at, (_, peer))| (at, PollFd::new(peer.socket().as_fd(), PollFlags::POLLIN)))
        .unzip();
    let timeout = TimeSpec::from_duration(timeout);
    let came = ppoll(&mut waits, Some(timeout), None);
    match came {
        Ok(_) | Err(nix::errno::Errno::EINTR) => {}
        Err(error) => return Err(BenchError::system("wait for datagrams")(error)),
    }
    let ready = waits
        .iter()
        .map(|wait| wait.any().unwrap_or(false))
        .collect();
    Ok((places, ready))
}

/// Takes what came before a count begins or ends.
fn receive_all(peers: &mut [(Group, Peer)], batch: &mut Batch) -> Result<(), BenchError> {
    let now = Instant::now();
    for (_, peer) in peers {
        peer.receive(batch, now)?;
    }
    Ok(())
}

fn restart(peers: &mut [(Group, Peer)]) {
    for (_, peer) in peers {
        peer.tally.restart();
        if let Part::Hears(ear) = &mut peer.part {
            ear.restart();
        }
    }
}

fn report(peers: &[(Group, Peer)]) -> LoadReport {
    let mut report = LoadReport {
        peers: peers.len(),
        received_min: u64::MAX,
        ..LoadReport::default()
    };
    for (_, peer) in peers {
        report.connected += usize::from(peer.connected);
        report.received += peer.tally.received;
        report.received_min = report.received_min.min(peer.tally.received);
        report.missing += peer.tally.missing;
        match &peer.part {
            Part::Counts => {}
            Part::Hears(ear) => {
                report.heard.push(ear.heard());
                report.late_frames += ear.late;
            }
            Part::Talks(mouth) => report.said_from = report.said_from.or(Some(mouth.started())),
        }
    }
    report
}
