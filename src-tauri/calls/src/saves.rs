//! Keeps what changed on calls, without a call ever waiting for it.

use super::events::Events;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{Database, StoreError};
use tokio::sync::{mpsc, oneshot};
use usage::Charge;
use wire::{Call, CallId, CoachLeg, Invitation, OrganizationId};

/// Changes that wait to be taken in. More than that are lost, counted, and made up for by the next
/// change of the same thing.
const QUEUE_MAX: usize = 4096;
/// Different things that wait to be written, also while the store cannot be. The oldest gives way.
const PENDING_MAX: usize = 16 * 1024;
/// How often one thing is tried that the store refuses though it could write.
const TRIES_MAX: u32 = 10;
/// How long one try may take.
const TRY_MAX: Duration = Duration::from_secs(5);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// What became of what was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SaveCounts {
    /// Tries that failed.
    pub failed: u64,
    /// Changes that were given up or had no room.
    pub lost: u64,
}

#[derive(Default)]
pub struct Counters {
    failed: AtomicU64,
    lost: AtomicU64,
}

impl Counters {
    pub fn read(&self) -> SaveCounts {
        SaveCounts {
            failed: self.failed.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }
}

/// Something to keep, whole.
pub enum Thing {
    Call(Arc<Call>),
    Leg(CallId, Box<CoachLeg>),
    Invitation(Box<Invitation>),
    Charge(CallId, Charge),
}

impl Thing {
    fn call(&self) -> &CallId {
        match self {
            Self::Call(call) => &call.id,
            Self::Leg(call, _) => call,
            Self::Invitation(invitation) => &invitation.call_id,
            Self::Charge(call, _) => call,
        }
    }

    /// Whether the other is an older state of the same.
    fn replaces(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Call(new), Self::Call(old)) => new.id == old.id,
            (Self::Leg(_, new), Self::Leg(_, old)) => new.id == old.id,
            (Self::Invitation(new), Self::Invitation(old)) => new.id == old.id,
            _ => false,
        }
    }
}

enum Message {
    Save(OrganizationId, Thing),
    Flush(oneshot::Sender<()>),
}

/// Where the owner puts what is to be kept.
pub struct Saves {
    queue: mpsc::Sender<Message>,
    counters: Arc<Counters>,
}

impl Saves {
    pub fn start(database: Database, counters: Arc<Counters>, events: Arc<dyn Events>) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE_MAX);
        let writer = Writer {
            database,
            counters: counters.clone(),
            events,
            pending: VecDeque::new(),
            tries: 0,
        };
        tokio::spawn(writer.run(messages));
        Self { queue, counters }
    }

    /// Takes it in, or loses it: never waits.
    pub fn save(&self, organization: &OrganizationId, thing: Thing) {
        let message = Message::Save(organization.clone(), thing);
        if let Err(error) = self.queue.try_send(message)
            && let Message::Save(_, thing) = error.into_inner()
        {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            tracing::error!(call_id = %thing.call(), "lost a change to a call: too many are waiting");
        }
    }

    /// What ends when all that was taken in is written or given up; with an error at once when there
    /// is no room to ask.
    pub fn kept(&self) -> oneshot::Receiver<()> {
        let (reply, done) = oneshot::channel();
        let _ = self.queue.try_send(Message::Flush(reply));
        done
    }

    /// Waits until all that was taken in is written or given up.
    pub async fn flush(&self) {
        let (reply, done) = oneshot::channel();
        if self.queue.send(Message::Flush(reply)).await.is_ok() {
            let _ = done.await;
        }
    }
}

struct Writer {
    database: Database,
    counters: Arc<Counters>,
    events: Arc<dyn Events>,
    pending: VecDeque<(OrganizationId, Thing)>,
    /// How often the first of them was tried in vain.
    tries: u32,
}

impl Writer {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut flushing = Vec::new();
        loop {
            if self.pending.is_empty() {
                for reply in flushing.drain(..) {
                    let _: Result<(), ()> = oneshot::Sender::send(reply, ());
                }
                match messages.recv().await {
                    Some(message) => self.take(message, &mut flushing),
                    None => return,
                }
            }
            while let Ok(message) = messages.try_recv() {
                self.take(message, &mut flushing);
            }
            let Some(backoff) = self.write_first().await else {
                continue;
            };
            if self.database.is_closed() {
                while let Some((_, lost)) = self.pending.pop_front() {
                    self.lose(&lost, "the database is closed");
                }
                return;
            }
            // What comes meanwhile has its place here, and is not lost to a full queue.
            let mut pause = std::pin::pin!(tokio::time::sleep(backoff));
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    Some(message) = messages.recv() => self.take(message, &mut flushing),
                }
            }
        }
    }

    fn take(&mut self, message: Message, flushing: &mut Vec<oneshot::Sender<()>>) {
        let (organization, thing) = match message {
            Message::Save(organization, thing) => (organization, thing),
            Message::Flush(reply) => {
                // Who asked may have given up long ago.
                flushing.retain(|waiting| !waiting.is_closed());
                flushing.push(reply);
                return;
            }
        };
        // The later state is the whole of it. It takes the earlier one's place in the order.
        // Not before a charge that came in between: what says that a leg is over must not be kept
        // before all that the leg owes.
        let older = self
            .pending
            .iter()
            .rposition(|(_, pending)| thing.replaces(pending));
        if let Some(at) = older {
            let mut later = self.pending.range(at + 1..);
            let of_call = thing.call();
            let owes = later
                .any(|(_, pending)| matches!(pending, Thing::Charge(call, _) if call == of_call));
            if let Some((_, older)) = self.pending.get_mut(at).filter(|_| !owes) {
                *older = thing;
                return;
            }
        }
        if self.pending.len() >= PENDING_MAX
            && let Some((_, lost)) = self.pending.pop_front()
        {
            self.tries = 0;
            self.lose(&lost, "too many are waiting");
        }
        self.pending.push_back((organization, thing));
    }

    /// Tries the first one; how long to wait before the next try, if it failed.
    async fn write_first(&mut self) -> Option<Duration> {
        let (organization, thing) = self.pending.front()?;
        let write = write(&self.database, organization, thing);
        let result = tokio::time::timeout(TRY_MAX, write)
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("it took too long".to_owned())));
        let Err(error) = result else {
            self.tries = 0;
            if let Some((organization, Thing::Charge(..))) = self.pending.pop_front() {
                self.events.charged(&organization);
            }
            return None;
        };
        self.counters.failed.fetch_add(1, Ordering::Relaxed);
        self.tries += 1;
        // A disk may stay full for hours: that is told now and then.
        if self.tries.is_power_of_two() {
            tracing::warn!(call_id = %thing.call(), %error, tries = self.tries, "could not save a change to a call");
        }
        // A store that cannot be written now takes nothing else either, and takes all of it later.
        let is_refused = !matches!(error, StoreError::Unavailable(_));
        if is_refused && self.tries >= TRIES_MAX {
            self.tries = 0;
            if let Some((_, lost)) = self.pending.pop_front() {
                self.lose(&lost, "it was tried too many times");
            }
            return None;
        }
        let backoff = BACKOFF_MIN.saturating_mul(1 << self.tries.min(10));
        Some(backoff.min(BACKOFF_MAX))
    }

    fn lose(&self, lost: &Thing, why: &str) {
        self.counters.lost.fetch_add(1, Ordering::Relaxed);
        tracing::error!(call_id = %lost.call(), "lost a change to a call: {why}");
    }
}

pub async fn write(
    database: &Database,
    organization: &OrganizationId,
    thing: &Thing,
) -> Result<(), StoreError> {
    match thing {
        Thing::Call(call) => database.save_call(organization, call).await,
        Thing::Leg(call, leg) => database.save_coach_leg(organization, call, leg).await,
        Thing::Invitation(invitation) => database.save_invitation(organization, invitation).await,
        Thing::Charge(call, charge) => {
            let one = std::slice::from_ref(charge);
            database
                .save_charges(organization, call, one)
                .await
                .map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fakes::FakeEvents;
    use crate::tests::world::{database, organization, user};
    use std::collections::BTreeSet;
    use store::clock::now;
    use wire::{LedgerKind, LegId};

    fn charge(minute: u32) -> Thing {
        let charge = Charge {
            kind: LedgerKind::Coaching,
            leg_id: LegId::from_suffix("1").unwrap(),
            user_id: user("morgan"),
            minute,
            at: now(),
        };
        Thing::Charge(CallId::from_suffix("1").unwrap(), charge)
    }

    #[tokio::test]
    async fn b2_charges_wait_for_as_long_as_the_store_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path()).await;
        let counters = Arc::new(Counters::default());
        let mut writer = Writer {
            database: database.clone(),
            counters: counters.clone(),
            events: Arc::new(FakeEvents::default()),
            pending: VecDeque::new(),
            tries: 0,
        };
        let acme = organization("acme");
        database.set_writable(false).await.unwrap();
        for minute in 0..3 {
            let message = Message::Save(acme.clone(), charge(minute));
            writer.take(message, &mut Vec::new());
        }
        for tries in 1..=50 {
            let backoff = writer.write_first().await.unwrap();
            assert!(backoff <= BACKOFF_MAX, "{tries}");
        }
        database.set_writable(true).await.unwrap();
        while !writer.pending.is_empty() {
            assert_eq!(writer.write_first().await, None);
        }
        let span = (wire::Timestamp(0), wire::Timestamp(i64::MAX));
        let lines = database
            .named_ledger_entries(&acme, span, 10)
            .await
            .unwrap();
        let minutes: BTreeSet<_> = lines.iter().map(|(line, ..)| line.minute).collect();
        assert_eq!(minutes, [0, 1, 2].map(Some).into());
        assert_eq!(lines.len(), 3);
        let counted = SaveCounts {
            failed: 50,
            lost: 0,
        };
        assert_eq!(counters.read(), counted);
    }
}
