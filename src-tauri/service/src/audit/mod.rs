//! The audit log's way in (A4): whoever writes a line never waits for the store, and what is taken in
//! keeps its order.

mod note;

pub use note::Note;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::StoreError;
use store::clock::now;
use store::random::id_suffix;
use store::{Database, Whose};
use tokio::sync::{mpsc, oneshot};
use wire::{
    AuditAction, AuditEntry, AuditEntryId, CallId, CoachLeg, Code, DeviceId, LegEndReason,
    OrganizationId, ParticipationAction, Timestamp, UserId,
};

/// Lines that wait. More than that are lost and counted.
const QUEUE_MAX: usize = 8192;
/// Lines that are written at once.
const BATCH_MAX: usize = 256;
/// How often a batch is tried that the store refuses though it could write.
const TRIES_MAX: u32 = 10;
/// How long one try may take.
const TRY_MAX: Duration = Duration::from_secs(5);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// Recordings given to devices that are remembered. One that is forgotten is told of again.
const GIVEN_MAX: usize = 1024;
/// The longest text of a line, in bytes.
const TEXT_BYTES_MAX: usize = 256;

/// A line of the log, all but its id and its moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Whose log it belongs into.
    pub whose: Whose,
    /// What was done, or tried.
    pub action: AuditAction,
    /// Why it was refused; none when it was allowed.
    pub refused: Option<Code>,
    /// Who.
    pub user_id: Option<UserId>,
    /// From which device.
    pub device_id: Option<DeviceId>,
    /// From which network address.
    pub address: Option<String>,
    /// On which call.
    pub call_id: Option<CallId>,
    /// To whom or what else.
    pub target: Option<String>,
    /// More of it.
    pub detail: Option<String>,
}

enum Message {
    Line(Whose, Box<AuditEntry>),
    Flush(oneshot::Sender<()>),
}

/// Where lines are put. A handle, cheap to clone.
#[derive(Clone)]
pub struct Audit {
    // Held while a line gets its moment and its place, so that the two agree.
    queue: Arc<Mutex<mpsc::Sender<Message>>>,
    lost: Arc<AtomicU64>,
    /// To which devices recordings of which calls were given lately, oldest first.
    given: Arc<Mutex<VecDeque<(DeviceId, CallId)>>>,
}

impl Audit {
    /// Starts to write. To be called within a runtime.
    #[must_use]
    pub fn start(log: Database) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        tokio::spawn(write(log, messages, lost.clone()));
        Self {
            queue: Arc::new(Mutex::new(queue)),
            lost,
            given: Arc::default(),
        }
    }

    /// Whether this device was given the recording of this call lately; from now on it was.
    pub fn was_given(&self, device: &DeviceId, call: &CallId) -> bool {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.iter().any(|(to, of)| to == device && of == call) {
            return true;
        }
        if given.len() >= GIVEN_MAX {
            given.pop_front();
        }
        given.push_back((device.clone(), call.clone()));
        false
    }

    /// Takes a line in, or loses it: never waits for the store.
    pub fn add(&self, new: NewEntry) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let date = now();
        let Ok(id) = AuditEntryId::from_suffix(&id_suffix(date)) else {
            tracing::error!("a new id isn't valid");
            return;
        };
        let (whose, entry) = entry(new, id, date);
        if queue
            .try_send(Message::Line(whose, Box::new(entry)))
            .is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
            tracing::error!("lost an audit entry: too many are waiting");
        }
    }

    /// What happened to a coach without a request of theirs: the call ended, they were put out of it, or
    /// they were moved to Listen. Any other change of a leg is told by who asked for it.
    pub fn coach_leg(&self, organization: &OrganizationId, call: &CallId, leg: &CoachLeg) {
        let (action, detail) = match leg.end_reason {
            Some(LegEndReason::Left) => return,
            Some(
                reason @ (LegEndReason::PermissionRevoked
                | LegEndReason::PlanChanged
                | LegEndReason::Deactivated),
            ) => (AuditAction::CoachRemoved, name(&reason)),
            // No one put them out.
            Some(
                reason @ (LegEndReason::CallEnded
                | LegEndReason::ConnectionLost
                | LegEndReason::ServiceStopped),
            ) => (AuditAction::CoachLeave, name(&reason)),
            None => match leg.participation_history.last() {
                Some(last) if last.action == ParticipationAction::MovedToListen => {
                    (AuditAction::CoachMovedToListen, None)
                }
                _ => return,
            },
        };
        self.add(NewEntry {
            whose: Whose::Organization(organization.clone()),
            action,
            refused: None,
            user_id: Some(leg.user_id.clone()),
            device_id: Some(leg.device_id.clone()),
            address: None,
            call_id: Some(call.clone()),
            target: Some(leg.id.to_string()),
            detail,
        });
    }

    /// Waits until all that was taken in is written or given up.
    pub async fn flush(&self) {
        let (reply, done) = oneshot::channel();
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if queue.send(Message::Flush(reply)).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Lines that were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

fn entry(new: NewEntry, id: AuditEntryId, date: Timestamp) -> (Whose, AuditEntry) {
    let entry = AuditEntry {
        id,
        date,
        action: new.action,
        allowed: new.refused.is_none(),
        code: new.refused,
        user_id: new.user_id,
        device_id: new.device_id,
        address: new.address,
        call_id: new.call_id,
        target: new.target.map(short),
        detail: new.detail.map(short),
    };
    (new.whose, entry)
}

/// The name that a value has on the wire.
pub fn name(value: &impl serde::Serialize) -> Option<String> {
    let value = serde_json::to_value(value).ok()?;
    value.as_str().map(str::to_owned)
}

/// What is longer than a line may be ends early, between two letters.
fn short(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX)
            .rev()
            .find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
    text
}

async fn write(log: Database, mut messages: mpsc::Receiver<Message>, lost: Arc<AtomicU64>) {
    let mut received = Vec::with_capacity(BATCH_MAX);
    while messages.recv_many(&mut received, BATCH_MAX).await > 0 {
        let (mut lines, mut flushing) = (Vec::new(), Vec::new());
        for message in received.drain(..) {
            match message {
                Message::Line(whose, entry) => lines.push((whose, *entry)),
                Message::Flush(reply) => flushing.push(reply),
            }
        }
        if !lines.is_empty() && !append(&log, &lines).await {
            lost.fetch_add(lines.len() as u64, Ordering::Relaxed);
            tracing::error!(lines = lines.len(), "gave up on audit entries");
        }
        for reply in flushing {
            let _ = reply.send(());
        }
    }
}

/// Whether the lines were written, sooner or later. While the store cannot be written at all they wait,
/// and those that come after them in the queue.
async fn append(log: &Database, lines: &[(Whose, AuditEntry)]) -> bool {
    let mut tries = 0_u32;
    loop {
        let result = tokio::time::timeout(TRY_MAX, log.append_audit(lines))
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("it took too long".to_owned())));
        let Err(error) = result else {
            return true;
        };
        tries += 1;
        // A disk may stay full for hours: that is told now and then.
        if tries.is_power_of_two() {
            tracing::warn!(%error, tries, "could not write the audit log");
        }
        let is_refused = !matches!(error, StoreError::Unavailable(_));
        if (is_refused && tries >= TRIES_MAX) || log.is_closed() {
            return false;
        }
        let backoff = BACKOFF_MIN.saturating_mul(1 << tries.min(10));
        tokio::time::sleep(backoff.min(BACKOFF_MAX)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a4_a_long_text_ends_early_and_stays_text() {
        assert_eq!(short("é".repeat(300)).len(), TEXT_BYTES_MAX);
        assert_eq!(short(format!("a{}", "é".repeat(300))).len(), 255);
        assert_eq!(short("listen".into()), "listen");
    }
}
