//! Follows each recording from its first packet until it is kept, and gives it out again.

use super::spool::{self, Whole};
use super::storage::{self, StorageError, Upload};
use super::tap::{Control, tap};
use super::writer::{self, End, Opened, Progress};
use crate::calls::{Calls, Recorder};
use crate::config::Config;
use async_trait::async_trait;
use media::{Announcement, RecordingTap};
use object_store::ObjectStore;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use store::{Database, Kept, RecordingPlan, StoreError};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::{CallId, CallRecording, OrganizationId, RecordingStatus, Timestamp, UserId};

/// Recordings that wait for the writer to look at them.
const OPENED_MAX: usize = 1024;
/// Recordings that are brought to the store at once; the others wait on the disk.
const UPLOADS_MAX: usize = 4;
/// How often one recording is tried, and how long is waited after the first time; twice as long after
/// each further one.
const TRIES_MAX: u32 = 6;
const BACKOFF: Duration = Duration::from_millis(500);

/// What became of recordings since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordingCounts {
    /// Recordings that run or wait to be stored.
    pub open: u64,
    /// Recordings that are stored.
    pub stored: u64,
    /// Recordings that could not be kept.
    pub failed: u64,
    /// Packets that were lost to a full ring.
    pub overflows: u64,
}

/// All recordings.
pub struct Recordings {
    pub(super) repository: Database,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) folder: PathBuf,
    pub(super) calls: OnceLock<Calls>,
    pub(super) tasks: TaskTracker,
    pub(super) closing: CancellationToken,
    opened: SyncSender<Opened>,
    controls: Mutex<HashMap<CallId, Arc<Control>>>,
    announcement: Option<Announcement>,
    uploads: Semaphore,
    overflows: Arc<AtomicU64>,
    stored: AtomicU64,
    failed: AtomicU64,
}

impl Recordings {
    /// Opens the store of recordings and starts the writer. To be called within a runtime; it reads a
    /// file or two.
    ///
    /// # Errors
    /// [`StorageError`] when what is configured cannot be used.
    pub fn start(config: &Config, repository: Database) -> Result<Arc<Self>, StorageError> {
        let store = storage::open(config)?;
        let folder = config.data.join("recordings").join("spool");
        std::fs::create_dir_all(&folder)?;
        let announcement = media::load_announcement(config.announcement.as_deref())
            .map_err(StorageError::Settings)?;
        let (opened, to_write) = sync_channel(OPENED_MAX);
        writer::start(folder.clone(), to_write)?;
        Ok(Arc::new(Self {
            repository,
            store,
            folder,
            calls: OnceLock::new(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            opened,
            controls: Mutex::default(),
            announcement: Some(announcement),
            uploads: Semaphore::new(UPLOADS_MAX),
            overflows: Arc::default(),
            stored: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }))
    }

    /// Waits until every recording of calls that are over is kept, or given up for now.
    pub async fn stop(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// What is counted.
    #[must_use]
    pub fn counts(&self) -> RecordingCounts {
        RecordingCounts {
            open: self.controls().len() as u64,
            stored: self.stored.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            overflows: self.overflows.load(Ordering::Relaxed),
        }
    }

    fn controls(&self) -> MutexGuard<'_, HashMap<CallId, Arc<Control>>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows one recording to its end.
    async fn follow(
        &self,
        organization: OrganizationId,
        call: CallId,
        mut progress: watch::Receiver<Progress>,
    ) {
        let Some(started_at) = begun(&mut progress).await else {
            // Nobody answered: there is nothing.
            return;
        };
        let kept = Kept {
            recording: running(started_at),
            organization,
            call,
            key: None,
        };
        if let Err(error) = self.keep(&kept, None).await {
            tracing::warn!(call_id = %kept.call, %error, "a recording is not noted before its end");
        }
        let mut upload = self.upload(&kept);
        let end = loop {
            let (written, end) = {
                let now = progress.borrow_and_update();
                (now.written, now.end.clone())
            };
            if let Some(end) = end {
                break end;
            }
            if let Err(error) = upload.advance(written).await {
                // It is all on the disk, and sent anew at the end.
                tracing::warn!(call_id = %kept.call, %error, "a part of the recording was not stored");
            }
            if progress.changed().await.is_err() {
                // What it said last is still there to be read.
                let end = progress.borrow().end.clone();
                break end.unwrap_or(End::Failed);
            }
        };
        match end {
            End::Whole(whole) => self.complete(kept, &whole, upload).await,
            End::Failed => self.give_up(kept).await,
        }
    }

    pub(super) fn upload(&self, kept: &Kept) -> Upload {
        Upload::new(
            self.store.clone(),
            storage::key(&kept.organization, &kept.call),
            spool::path(&self.folder, &kept.call),
        )
    }

    /// Brings a whole recording to the store, and only then lets go of the spool.
    pub(super) async fn complete(&self, mut kept: Kept, whole: &Whole, mut upload: Upload) {
        let Ok(_turn) = self.uploads.acquire().await else {
            return;
        };
        let mut backoff = BACKOFF;
        for turn in 1..=TRIES_MAX {
            match upload.finish(whole.bytes).await {
                Ok(()) => break,
                Err(error) if turn == TRIES_MAX => {
                    tracing::error!(call_id = %kept.call, %error, "the recording is not stored; it stays in the spool until the next start");
                    self.give_up(kept).await;
                    return;
                }
                Err(error) => {
                    tracing::warn!(call_id = %kept.call, %error, turn, "the recording was not stored");
                }
            }
            tokio::time::sleep(backoff).await;
            backoff *= 2;
        }
        let bytes = u32::try_from(whole.bytes).unwrap_or(u32::MAX);
        kept.recording = CallRecording {
            status: RecordingStatus::Stored,
            date_started: kept.recording.date_started,
            duration_ms: whole.duration_ms,
            bytes,
            gaps: whole.gaps.clone(),
        };
        kept.key = Some(storage::key(&kept.organization, &kept.call).to_string());
        let mut backoff = BACKOFF;
        for turn in 1..=TRIES_MAX {
            match self.keep(&kept, Some(&whole.peaks)).await {
                Ok(()) => break,
                Err(error) if turn == TRIES_MAX => {
                    tracing::error!(call_id = %kept.call, %error, "the recording is stored and cannot be noted; it is tried again at the next start");
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(_) => tokio::time::sleep(backoff).await,
            }
            backoff *= 2;
        }
        self.stored.fetch_add(1, Ordering::Relaxed);
        tracing::info!(call_id = %kept.call, bytes, duration_ms = whole.duration_ms, "the recording is stored");
        if let Err(error) = spool::remove(&self.folder, &kept.call) {
            tracing::warn!(call_id = %kept.call, %error, "a spooled recording stays");
        }
    }

    pub(super) async fn give_up(&self, mut kept: Kept) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        kept.recording.status = RecordingStatus::Failed;
        if let Err(error) = self.keep(&kept, None).await {
            tracing::error!(call_id = %kept.call, %error, "a failed recording cannot be noted");
        }
    }

    /// Saves how a recording stands, and tells it on the call.
    pub(super) async fn keep(
        &self,
        kept: &Kept,
        peaks: Option<&wire::RecordingPeaks>,
    ) -> Result<(), StoreError> {
        self.repository.save_recording(kept, peaks).await?;
        self.tell(kept).await
    }

    pub(super) async fn tell(&self, kept: &Kept) -> Result<(), StoreError> {
        let Some(calls) = self.calls.get() else {
            return Ok(());
        };
        calls
            .recording_changed(&kept.organization, &kept.call, &kept.recording)
            .await
            .map_err(|refused| StoreError::Unavailable(refused.error.message))
    }
}

/// A recording that runs.
pub(super) const fn running(date_started: Timestamp) -> CallRecording {
    CallRecording {
        status: RecordingStatus::Recording,
        date_started,
        duration_ms: 0,
        bytes: 0,
        gaps: Vec::new(),
    }
}

/// When it begins; none when it never does.
async fn begun(progress: &mut watch::Receiver<Progress>) -> Option<Timestamp> {
    loop {
        if let Some(at) = progress.borrow_and_update().started_at {
            return Some(at);
        }
        if progress.changed().await.is_err() {
            return progress.borrow().started_at;
        }
    }
}

/// The [`Recorder`] that calls use: every clone is of the same recordings.
pub struct Handle(pub Arc<Recordings>);

#[async_trait]
impl Recorder for Handle {
    async fn plan(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<RecordingPlan>, StoreError> {
        self.0.repository.recording_plan(organization, user).await
    }

    fn open(&self, organization: &OrganizationId, call: &CallId) -> Option<Box<dyn RecordingTap>> {
        let recordings = &self.0;
        let control = Arc::new(Control::new(recordings.overflows.clone()));
        let (tap, ring) = tap(control.clone());
        let (progress, followed) = watch::channel(Progress::default());
        let opened = Opened {
            organization: organization.clone(),
            call: call.clone(),
            control: control.clone(),
            ring,
            progress,
        };
        if recordings.opened.try_send(opened).is_err() {
            recordings.failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!(call_id = %call, "the call is not recorded: too many wait for the writer");
            return None;
        }
        recordings.controls().insert(call.clone(), control);
        let (of, organization, call) = (recordings.clone(), organization.clone(), call.clone());
        recordings.tasks.spawn(async move {
            of.follow(organization, call.clone(), followed).await;
            of.controls().remove(&call);
        });
        Some(Box::new(tap))
    }

    fn begin(&self, call: &CallId) {
        if let Some(control) = self.0.controls().get(call) {
            control.begin();
        }
    }

    fn set_paused(&self, call: &CallId, paused: bool) {
        if let Some(control) = self.0.controls().get(call) {
            control.set_paused(paused);
        }
    }

    fn announcement(&self) -> Option<Announcement> {
        self.0.announcement.clone()
    }
}
