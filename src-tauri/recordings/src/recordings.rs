//! Follows each recording from its first packet until it is kept, gives it out again, and deletes it
//! when its days are over.

use super::spool::{self, Whole};
use super::storage::{self, StorageError, StorageSettings, Upload};
use super::tap::{Control, tap};
use super::writer::{self, End, Opened, Progress};
use media::{Announcement, RecordingTap};
use object_store::{GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt};
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::clock::now;
use store::{Database, Kept, StoreError};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::{CallId, CallRecording, OrganizationId, RecordingPeaks, RecordingStatus, Timestamp};

/// Recordings that wait for the writer to look at them.
const OPENED_MAX: usize = 1024;
/// What happened to recordings and waits to be told.
const EVENTS_MAX: usize = 1024;
/// Recordings that are brought to the store at once; the others wait on the disk.
const UPLOADS_MAX: usize = 4;
/// How often one recording is tried until it is said to have failed, and how long is waited after the
/// first time; twice as long after each further one. It is tried on, ever more rarely.
const TRIES_MAX: u32 = 6;
const BACKOFF: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// How long a stop waits for a disk that does not take the end of a recording.
const FINISH_MAX: Duration = Duration::from_secs(3);
/// How often what is too old is looked for.
const SWEEP: Duration = Duration::from_secs(3600);
/// Recordings that one sweep deletes at most; the next goes on.
const SWEEP_MAX: u32 = 1000;

/// All recordings.
pub struct Recordings {
    database: Database,
    store: Arc<dyn ObjectStore>,
    folder: PathBuf,
    events: mpsc::Sender<RecordingEvent>,
    tasks: TaskTracker,
    closing: CancellationToken,
    opened: SyncSender<Opened>,
    controls: Mutex<HashMap<CallId, Arc<Control>>>,
    announcement: Option<Announcement>,
    uploads: Semaphore,
    /// Held while one is deleted, or noted as stored: of the two, the later one knows of the other.
    changing: tokio::sync::Mutex<()>,
    overflows: Arc<AtomicU64>,
    stored: AtomicU64,
    failed: AtomicU64,
}

/// What the service tells recordings.
#[derive(Debug, Clone, Default)]
pub struct RecordingsSettings {
    /// The folder of the spool.
    pub spool: PathBuf,
    /// Where whole recordings are kept.
    pub storage: StorageSettings,
    /// Sound to announce with; a built-in sentence when none.
    pub announcement: Option<PathBuf>,
}

/// What happened to a recording that others are to know.
#[derive(Debug)]
pub enum RecordingEvent {
    /// It stands otherwise than it did. `done` is answered when its call says so.
    Changed {
        /// Whose.
        organization: OrganizationId,
        /// Of which call.
        call: CallId,
        /// How it stands.
        recording: CallRecording,
        /// Where it is answered.
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Its days were over, and it is deleted (A4).
    Expired {
        /// Whose.
        organization: OrganizationId,
        /// Of which call.
        call: CallId,
    },
}

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

/// Why a recording is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// There is none.
    #[error("there's no such recording")]
    NotFound,
    /// It is still being made.
    #[error("the call is still being recorded")]
    Running,
    /// The service's store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store of recordings refused. It is noted as deleted, nobody can play it any more, and the
    /// file's deletion is tried again.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Recordings {
    /// Opens the store of recordings and starts the writer. To be called within a runtime; it reads a
    /// file or two.
    ///
    /// # Errors
    /// [`StorageError`] when what is configured cannot be used.
    pub fn start(
        settings: RecordingsSettings,
        database: Database,
    ) -> Result<(Arc<Self>, mpsc::Receiver<RecordingEvent>), StorageError> {
        let store = storage::open(&settings.storage)?;
        let folder = settings.spool;
        std::fs::create_dir_all(&folder)?;
        let announcement = media::load_announcement(settings.announcement.as_deref())
            .map_err(StorageError::Settings)?;
        let (events, to_tell) = mpsc::channel(EVENTS_MAX);
        let (opened, to_write) = sync_channel(OPENED_MAX);
        writer::start(folder.clone(), to_write)?;
        let recordings = Self {
            database,
            store,
            folder,
            events,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            opened,
            controls: Mutex::default(),
            announcement: Some(announcement),
            uploads: Semaphore::new(UPLOADS_MAX),
            changing: tokio::sync::Mutex::default(),
            overflows: Arc::default(),
            stored: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        Ok((Arc::new(recordings), to_tell))
    }

    /// What takes a call's public mix. It is thrown away until [`Recordings::begin`]: before the lead
    /// answers there is nothing to record. None when it cannot be recorded.
    pub fn open(
        self: &Arc<Self>,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Option<Box<dyn RecordingTap>> {
        let control = Arc::new(Control::new(self.overflows.clone()));
        let (tap, ring) = tap(control.clone());
        let (progress, followed) = watch::channel(Progress::default());
        let opened = Opened {
            organization: organization.clone(),
            call: call.clone(),
            control: control.clone(),
            ring,
            progress,
        };
        if self.opened.try_send(opened).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!(call_id = %call, "could not record the call: too many are waiting to be written");
            return None;
        }
        self.controls().insert(call.clone(), control);
        let (of, organization, call) = (self.clone(), organization.clone(), call.clone());
        self.tasks.spawn(async move {
            of.follow(organization, call.clone(), followed).await;
            of.controls().remove(&call);
        });
        Some(Box::new(tap))
    }

    /// The lead answered.
    pub fn begin(&self, call: &CallId) {
        if let Some(control) = self.controls().get(call) {
            control.begin();
        }
    }

    /// The rep pauses, or goes on. It holds from the next tick.
    pub fn set_paused(&self, call: &CallId, paused: bool) {
        if let Some(control) = self.controls().get(call) {
            control.set_paused(paused);
        }
    }

    /// What is announced.
    pub fn announcement(&self) -> Option<Announcement> {
        self.announcement.clone()
    }

    /// How the recording of a call stands.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn of_call(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Option<Kept>, StoreError> {
        self.database.recording(organization, call).await
    }

    /// Its waveform.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn peaks_of_call(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Option<RecordingPeaks>, StoreError> {
        self.database.recording_peaks(organization, call).await
    }

    /// Its sound, or these bytes of it, as a stream.
    ///
    /// # Errors
    /// Those of the store of recordings.
    pub async fn sound(
        &self,
        kept: &Kept,
        range: Option<Range<u64>>,
    ) -> Result<GetResult, StorageError> {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let key = storage::key(&kept.organization, &kept.call);
        Ok(self.store.get_opts(&key, options).await?)
    }

    /// Deletes the recording of a call: file, waveform and all but the fact that there was one. Who
    /// may, and the audit of it, are the caller's business.
    ///
    /// # Errors
    /// [`DeleteError`].
    pub async fn delete_of_call(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<(), DeleteError> {
        let _changing = self.changing.lock().await;
        let kept = self.database.recording(organization, call).await?;
        let kept = kept.ok_or(DeleteError::NotFound)?;
        match kept.recording.status {
            RecordingStatus::Recording | RecordingStatus::Paused => Err(DeleteError::Running),
            RecordingStatus::Deleted if kept.key.is_none() => Err(DeleteError::NotFound),
            _ => self.delete(kept).await,
        }
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
        let mut is_noted = false;
        let mut upload = self.upload(&kept);
        let end = loop {
            // At each news, until the store takes it.
            if !is_noted {
                let noted = self.keep(&kept, None).await;
                is_noted = noted.is_ok();
                if let Err(error) = noted {
                    tracing::debug!(call_id = %kept.call, %error, "could not save a recording's entry yet");
                }
            }
            let (written, end) = {
                let now = progress.borrow_and_update();
                (now.written, now.end.clone())
            };
            if let Some(end) = end {
                break end;
            }
            if let Err(error) = upload.advance(written).await {
                // It is all on the disk, and sent anew at the end.
                tracing::warn!(call_id = %kept.call, %error, "could not store a part of the recording");
            }
            let more = tokio::select! {
                more = progress.changed() => more,
                () = self.stopped() => {
                    tracing::warn!(call_id = %kept.call, "could not write the end of the recording; it will be finished at the next start");
                    return;
                }
            };
            if more.is_err() {
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

    /// The service has been stopping for so long that what is not done by now is left to the next start.
    async fn stopped(&self) {
        self.closing.cancelled().await;
        tokio::time::sleep(FINISH_MAX).await;
    }

    fn upload(&self, kept: &Kept) -> Upload {
        Upload::new(
            self.store.clone(),
            storage::key(&kept.organization, &kept.call),
            spool::path(&self.folder, &kept.call),
        )
    }

    /// Brings a whole recording to the store, and only then lets go of the spool.
    async fn complete(&self, kept: Kept, whole: &Whole, mut upload: Upload) {
        let bytes = u32::try_from(whole.bytes).unwrap_or(u32::MAX);
        let stored = Kept {
            recording: CallRecording {
                status: RecordingStatus::Stored,
                date_started: kept.recording.date_started,
                duration_ms: whole.duration_ms,
                bytes,
                gaps: whole.gaps.clone(),
            },
            key: Some(storage::key(&kept.organization, &kept.call).to_string()),
            ..kept.clone()
        };
        let mut backoff = BACKOFF;
        for turn in 1_u32.. {
            match self.store(&stored, whole, &mut upload).await {
                Ok(true) => {
                    self.stored.fetch_add(1, Ordering::Relaxed);
                    tracing::info!(call_id = %kept.call, bytes, duration_ms = whole.duration_ms, "stored the recording");
                    break;
                }
                Ok(false) => {
                    tracing::info!(call_id = %kept.call, "the recording was deleted before it was stored");
                    break;
                }
                Err(error) if turn == TRIES_MAX => {
                    tracing::error!(call_id = %kept.call, %error, "could not store the recording; it stays in the spool and will be tried again");
                    self.give_up(kept.clone()).await;
                }
                Err(error) => {
                    tracing::warn!(call_id = %kept.call, %error, turn, "could not store the recording");
                }
            }
            let pause = tokio::time::sleep(backoff);
            if turn < TRIES_MAX {
                pause.await;
            } else {
                tokio::select! {
                    () = pause => {}
                    () = self.closing.cancelled() => return,
                }
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
        if let Err(error) = spool::remove(&self.folder, &kept.call) {
            tracing::warn!(call_id = %kept.call, %error, "could not remove a recording from the spool");
        }
    }

    /// Tries once to store a recording and to note it; false when somebody deleted it meanwhile.
    async fn store(
        &self,
        stored: &Kept,
        whole: &Whole,
        upload: &mut Upload,
    ) -> Result<bool, StorageError> {
        let uploaded = match self.uploads.acquire().await {
            Ok(_turn) => upload.finish(whole.bytes).await,
            // It is never closed.
            Err(_) => return Ok(false),
        };
        let _changing = self.changing.lock().await;
        let (organization, call) = (&stored.organization, &stored.call);
        let known = self.database.recording(organization, call).await?;
        if known.is_some_and(|known| known.recording.status == RecordingStatus::Deleted) {
            if let Some(key) = &stored.key {
                self.remove(key).await?;
            }
            return Ok(false);
        }
        uploaded?;
        self.keep(stored, Some(&whole.peaks)).await?;
        Ok(true)
    }

    async fn give_up(&self, mut kept: Kept) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        kept.recording.status = RecordingStatus::Failed;
        if let Err(error) = self.keep(&kept, None).await {
            tracing::error!(call_id = %kept.call, %error, "could not save that a recording failed");
        }
    }

    /// Saves how a recording stands, and tells it on the call.
    async fn keep(&self, kept: &Kept, peaks: Option<&RecordingPeaks>) -> Result<(), StoreError> {
        self.database.save_recording(kept, peaks).await?;
        self.tell(kept).await
    }

    async fn tell(&self, kept: &Kept) -> Result<(), StoreError> {
        let (done_in, done) = oneshot::channel();
        let changed = RecordingEvent::Changed {
            organization: kept.organization.clone(),
            call: kept.call.clone(),
            recording: kept.recording.clone(),
            done: done_in,
        };
        let stopped = || StoreError::Unavailable("the service was stopped".to_owned());
        let sent = self.events.send(changed).await;
        sent.map_err(|_| stopped())?;
        done.await.map_err(|_| stopped())?
    }

    /// Finishes what an earlier service left behind, and begins to look for what is too old. Calls that
    /// it left open must have been closed.
    pub fn recover(self: &Arc<Self>) {
        // Both taken here: what begins later is not left behind.
        let began = now();
        let left = spool::left_behind(&self.folder).unwrap_or_else(|error| {
            tracing::error!(%error, "could not read the spool of recordings");
            Vec::new()
        });
        let of = self.clone();
        self.tasks.spawn(async move {
            of.finish_all(left, began).await;
        });
        let of = self.clone();
        // Not one of those that a stop waits for.
        tokio::spawn(async move {
            loop {
                of.sweep().await;
                tokio::select! {
                    () = tokio::time::sleep(SWEEP) => {}
                    () = of.closing.cancelled() => return,
                }
            }
        });
    }

    async fn finish_all(&self, left: Vec<CallId>, began: Timestamp) {
        let unfinished = match self.database.unfinished_recordings().await {
            Ok(unfinished) => unfinished,
            Err(error) => {
                tracing::error!(%error, "could not read recordings that were cut off");
                Vec::new()
            }
        };
        for kept in unfinished {
            if kept.recording.date_started < began && !left.contains(&kept.call) {
                tracing::error!(call_id = %kept.call, "nothing is left of a recording that was cut off");
                self.give_up(kept).await;
            }
        }
        for call in left {
            self.finish(call).await;
        }
    }

    async fn finish(&self, call: CallId) {
        let (folder, of) = (self.folder.clone(), call.clone());
        let recovered = tokio::task::spawn_blocking(move || spool::recover(&folder, &of)).await;
        let recovered = match recovered {
            Ok(Ok(recovered)) => recovered,
            Ok(Err(error)) => {
                tracing::error!(call_id = %call, %error, "could not finish a recording that was cut off");
                return;
            }
            Err(_) => return,
        };
        let kept = Kept {
            recording: running(recovered.started_at),
            organization: recovered.organization,
            call,
            key: None,
        };
        tracing::info!(call_id = %kept.call, "finished a recording that was cut off");
        match recovered.whole {
            Some(whole) => {
                let upload = self.upload(&kept);
                self.complete(kept, &whole, upload).await;
            }
            None => {
                let call = kept.call.clone();
                self.give_up(kept).await;
                if let Err(error) = spool::remove(&self.folder, &call) {
                    tracing::warn!(call_id = %call, %error, "could not remove a recording from the spool");
                }
            }
        }
    }

    /// Deletes what is older than its organization keeps it, and what could not be deleted earlier.
    async fn sweep(&self) {
        for (is_expired, found) in [
            (false, self.database.undeleted_recordings(SWEEP_MAX).await),
            (
                true,
                self.database.expired_recordings(now(), SWEEP_MAX).await,
            ),
        ] {
            let found = found.unwrap_or_else(|error| {
                tracing::error!(%error, "could not look for old recordings");
                Vec::new()
            });
            for kept in found {
                let (organization, call) = (kept.organization.clone(), kept.call.clone());
                let _changing = self.changing.lock().await;
                if let Err(error) = self.delete(kept).await {
                    tracing::error!(call_id = %call, %error, "could not delete an old recording");
                } else if is_expired {
                    tracing::info!(call_id = %call, "deleted a recording that was past its retention");
                    let expired = RecordingEvent::Expired { organization, call };
                    // Who is to know may have stopped.
                    let _ = self.events.send(expired).await;
                }
            }
        }
    }

    /// Deletes a recording, while `changing` is held.
    async fn delete(&self, kept: Kept) -> Result<(), DeleteError> {
        // It may have been stored since it was found.
        let newest = self.database.recording(&kept.organization, &kept.call);
        let mut kept = newest.await?.unwrap_or(kept);
        kept.recording.status = RecordingStatus::Deleted;
        kept.recording.bytes = 0;
        // First that nobody can play it, then the file: a failure between the two is made up for.
        self.keep(&kept, None).await?;
        // What failed to be stored may still stand in the spool, to be tried again.
        spool::remove(&self.folder, &kept.call).map_err(StorageError::from)?;
        if let Some(key) = kept.key.take() {
            self.remove(&key).await?;
            self.database.save_recording(&kept, None).await?;
        }
        Ok(())
    }

    /// Removes the file from the store of recordings, if it is there.
    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        let path = object_store::path::Path::from(key);
        match self.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn controls(&self) -> MutexGuard<'_, HashMap<CallId, Arc<Control>>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A recording that runs.
const fn running(date_started: Timestamp) -> CallRecording {
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
