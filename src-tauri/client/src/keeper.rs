//! The thread that has the key ring: blocking calls, one after the other, off the async loop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::credentials::Credentials;

/// How long a new token may take to be kept before the sign-in goes on without.
const KEEP_WAIT: Duration = Duration::from_secs(5);
/// How long reading may take: the user may be asked to unlock the key ring first.
const LOAD_WAIT: Duration = Duration::from_secs(60);

/// What is to be in the key ring. Only the newest counts, so nothing queues up behind a key ring that
/// does not answer.
enum Wanted {
    Saved(String),
    Cleared,
}

#[derive(Default)]
struct Slot {
    wanted: Option<Wanted>,
    /// Counts what was wanted so far.
    version: u64,
    load: Option<oneshot::Sender<Option<String>>>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle of the thread, which ends some time after its handle.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    /// The newest version that the key ring was told of.
    done: watch::Receiver<u64>,
    kept: watch::Sender<bool>,
}

impl Keeper {
    /// Whether the newest refresh token is in the key ring is said through `kept`.
    pub(crate) fn start(credentials: Arc<dyn Credentials>, kept: watch::Sender<bool>) -> Self {
        let shared = Arc::new(Shared::default());
        let (done_sender, done) = watch::channel(0);
        let (for_thread, says_kept) = (Arc::clone(&shared), kept.clone());
        let thread = std::thread::Builder::new().name("credentials".into());
        let started =
            thread.spawn(move || run(&for_thread, &*credentials, &done_sender, &says_kept));
        if let Err(error) = started {
            // Its end of `done` is gone: nobody waits, and nothing is kept.
            tracing::warn!(%error, "no thread for the key ring");
        }
        Self { shared, done, kept }
    }

    /// From now on this token is to be kept, or none. Never waits; gives what to wait for.
    pub(crate) fn want(&self, refresh_token: Option<&str>) -> u64 {
        let mut slot = self.shared.slot();
        slot.wanted = Some(match refresh_token {
            Some(token) => Wanted::Saved(token.to_owned()),
            None => Wanted::Cleared,
        });
        slot.version += 1;
        self.shared.changed.notify_one();
        slot.version
    }

    /// Waits until the key ring was told, but not for ever.
    pub(crate) async fn done(&self, version: u64) {
        let mut done = self.done.clone();
        let told = tokio::time::timeout(KEEP_WAIT, done.wait_for(|done| *done >= version)).await;
        if told.is_err() {
            tracing::warn!("the key ring isn't responding");
            self.kept.send_if_modified(std::mem::take);
        }
    }

    /// What is kept; none when the key ring cannot be had.
    pub(crate) async fn load(&self) -> Option<String> {
        let (answer, loaded) = oneshot::channel();
        self.shared.slot().load = Some(answer);
        self.shared.changed.notify_one();
        let loaded = tokio::time::timeout(LOAD_WAIT, loaded).await;
        loaded.ok()?.ok()?
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.slot().closed = true;
        self.shared.changed.notify_one();
    }
}

fn run(
    shared: &Shared,
    credentials: &dyn Credentials,
    done: &watch::Sender<u64>,
    kept: &watch::Sender<bool>,
) {
    let mut slot = shared.slot();
    loop {
        if let Some(wanted) = slot.wanted.take() {
            let version = slot.version;
            drop(slot);
            let is_kept = put(credentials, &wanted);
            slot = shared.slot();
            // What was overtaken meanwhile says nothing of the newest.
            if slot.version == version {
                kept.send_if_modified(|kept| std::mem::replace(kept, is_kept) != is_kept);
            }
            done.send_replace(version);
        } else if let Some(load) = slot.load.take() {
            drop(slot);
            let loaded = credentials
                .load()
                .inspect_err(|error| tracing::warn!(%error, "could not read the saved sign-in"));
            // Whoever asked may have gone.
            let _ = load.send(loaded.ok().flatten());
            slot = shared.slot();
        } else if slot.closed {
            return;
        } else {
            let waited = shared.changed.wait(slot);
            slot = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Tells the key ring, and says whether a token is kept there now.
fn put(credentials: &dyn Credentials, wanted: &Wanted) -> bool {
    let (result, is_kept) = match wanted {
        Wanted::Saved(token) => (credentials.save(token), true),
        Wanted::Cleared => (credentials.clear(), false),
    };
    match (result, wanted) {
        (Ok(()), _) => is_kept,
        (Err(error), Wanted::Saved(_)) => {
            tracing::warn!(%error, "could not save the sign-in");
            // The token before is good no more: showing it again would end the sign-in.
            if let Err(error) = credentials.clear() {
                tracing::debug!(%error, "nor cleared");
            }
            false
        }
        (Err(error), Wanted::Cleared) => {
            tracing::warn!(%error, "could not remove an old sign-in");
            false
        }
    }
}
