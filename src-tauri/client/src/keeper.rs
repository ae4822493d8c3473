//! The thread that has the key ring: blocking calls, one after the other, off the async loop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use specta::Type;
use tokio::sync::{oneshot, watch};

use crate::credentials::{Credentials, CredentialsError};

/// How long the key ring may take before the sign-in goes on without it. It may be waiting for the
/// user to unlock it: what comes of that counts the next time.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Why the key ring is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum KeyRingTrouble {
    /// There is none.
    Missing,
    /// It's locked.
    Locked,
    /// It doesn't answer.
    Silent,
    /// Anything else; the log says what.
    Failed,
}

/// What is wrong with the key ring, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Type)]
pub struct KeyRingTroubles {
    /// Why a sign-in that may be kept could not be read. Over as soon as somebody signs in or out.
    pub reading: Option<KeyRingTrouble>,
    /// Why the present sign-in is not kept.
    pub keeping: Option<KeyRingTrouble>,
}

impl From<&CredentialsError> for KeyRingTrouble {
    fn from(error: &CredentialsError) -> Self {
        match error {
            CredentialsError::Missing => Self::Missing,
            CredentialsError::Locked => Self::Locked,
            CredentialsError::Failed(_) => Self::Failed,
        }
    }
}

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
    /// Whether it was locked before it was last asked for anything.
    was_locked: bool,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
    troubles: watch::Sender<KeyRingTroubles>,
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self, trouble: Option<KeyRingTrouble>) {
        self.troubles
            .send_modify(|troubles| troubles.reading = trouble);
    }

    fn keeping(&self, trouble: Option<KeyRingTrouble>) {
        self.troubles
            .send_modify(|troubles| troubles.keeping = trouble);
    }

    /// Why there is no answer yet.
    fn why_late(&self) -> KeyRingTrouble {
        if self.slot().was_locked {
            KeyRingTrouble::Locked
        } else {
            KeyRingTrouble::Silent
        }
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

    /// What is wrong with the key ring.
    pub(crate) fn troubles(&self) -> watch::Receiver<KeyRingTroubles> {
        self.shared.troubles.subscribe()
    }

    /// From now on this token is to be kept, or none. Never waits; gives what to wait for.
    pub(crate) fn want(&self, refresh_token: Option<&str>) -> u64 {
        let mut slot = self.shared.slot();
        self.shared
            .troubles
            .send_replace(KeyRingTroubles::default());
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
        let told = tokio::time::timeout(ANSWER_WAIT, done.wait_for(|done| *done >= version)).await;
        if told.is_err() {
            let trouble = self.shared.why_late();
            tracing::warn!(?trouble, "the key ring isn't responding");
            self.shared.keeping(Some(trouble));
            self.kept.send_if_modified(std::mem::take);
        }
    }

    /// What is kept; none when the key ring can't be read, which [`Keeper::troubles`] then says.
    pub(crate) async fn load(&self) -> Option<String> {
        let (answer, loaded) = oneshot::channel();
        self.shared.slot().load = Some(answer);
        self.shared.changed.notify_one();
        let Ok(loaded) = tokio::time::timeout(ANSWER_WAIT, loaded).await else {
            let trouble = self.shared.why_late();
            tracing::warn!(?trouble, "the key ring isn't responding");
            self.shared.reading(Some(trouble));
            return None;
        };
        loaded.ok()?
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
    let look = || {
        shared.slot().was_locked = false;
        let is_locked = credentials.is_locked();
        shared.slot().was_locked = is_locked;
    };
    let mut slot = shared.slot();
    loop {
        if let Some(wanted) = slot.wanted.take() {
            let version = slot.version;
            drop(slot);
            look();
            let result = put(credentials, &wanted);
            slot = shared.slot();
            // What was overtaken meanwhile says nothing of the newest.
            if slot.version == version {
                let is_kept = matches!((&wanted, &result), (Wanted::Saved(_), Ok(())));
                kept.send_if_modified(|kept| std::mem::replace(kept, is_kept) != is_kept);
                if let Wanted::Saved(_) = wanted {
                    shared.keeping(result.as_ref().err().map(KeyRingTrouble::from));
                }
            }
            done.send_replace(version);
        } else if let Some(load) = slot.load.take() {
            let version = slot.version;
            drop(slot);
            look();
            let loaded = credentials
                .load()
                .inspect_err(|error| tracing::warn!(%error, "could not read the saved sign-in"));
            slot = shared.slot();
            if slot.version == version {
                shared.reading(loaded.as_ref().err().map(KeyRingTrouble::from));
            }
            // Whoever asked may have gone.
            let _ = load.send(loaded.ok().flatten());
        } else if slot.closed {
            return;
        } else {
            let waited = shared.changed.wait(slot);
            slot = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Tells the key ring.
fn put(credentials: &dyn Credentials, wanted: &Wanted) -> Result<(), CredentialsError> {
    match wanted {
        Wanted::Saved(token) => credentials.save(token).inspect_err(|error| {
            tracing::warn!(%error, "could not save the sign-in");
            // The token before is good no more: showing it again would end the sign-in.
            if let Err(error) = credentials.clear() {
                tracing::debug!(%error, "nor cleared");
            }
        }),
        Wanted::Cleared => credentials
            .clear()
            .inspect_err(|error| tracing::warn!(%error, "could not remove an old sign-in")),
    }
}
