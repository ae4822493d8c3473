//! What is done for recordings that nobody is making any more: finishing what was cut off, deleting
//! what is too old, and giving out what is kept.

use super::keeper::{Recordings, running};
use super::spool;
use super::storage::{self, StorageError};
use crate::audit::{Audit, Told};
use crate::calls::Calls;
use crate::clock::now;
use object_store::{GetOptions, GetRange, GetResult, ObjectStoreExt};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use store::Whose;
use store::{Kept, StoreError};
use wire::{AuditAction, CallId, OrganizationId, RecordingPeaks, RecordingStatus, Timestamp};

/// How often what is too old is looked for.
const SWEEP: Duration = Duration::from_secs(3600);
/// Recordings that one sweep deletes at most; the next goes on.
const SWEEP_MAX: u32 = 1000;

/// Why a recording is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// There is none.
    #[error("there is no such recording")]
    NotFound,
    /// It is still being made.
    #[error("the recording is still being made")]
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
    /// Finishes what an earlier service left behind, and begins to look for what is too old. Calls are
    /// told from here on; those that an earlier service left open must have been closed.
    pub fn begin(self: &Arc<Self>, calls: Calls, audit: Audit) {
        // It is set here alone.
        let _ = self.calls.set(calls);
        // Both taken here: what begins later is not left behind.
        let began = now();
        let left = spool::left_behind(&self.folder).unwrap_or_else(|error| {
            tracing::error!(%error, "the spool of recordings cannot be read");
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
                of.sweep(&audit).await;
                tokio::select! {
                    () = tokio::time::sleep(SWEEP) => {}
                    () = of.closing.cancelled() => return,
                }
            }
        });
    }

    async fn finish_all(&self, left: Vec<CallId>, began: Timestamp) {
        let unfinished = match self.repository.unfinished_recordings().await {
            Ok(unfinished) => unfinished,
            Err(error) => {
                tracing::error!(%error, "recordings that were cut off cannot be read");
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
                tracing::error!(call_id = %call, %error, "a recording that was cut off cannot be finished");
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
        tracing::info!(call_id = %kept.call, "a recording that was cut off is finished");
        match recovered.whole {
            Some(whole) => {
                let upload = self.upload(&kept);
                self.complete(kept, &whole, upload).await;
            }
            None => {
                let call = kept.call.clone();
                self.give_up(kept).await;
                if let Err(error) = spool::remove(&self.folder, &call) {
                    tracing::warn!(call_id = %call, %error, "a spooled recording stays");
                }
            }
        }
    }

    /// Deletes what is older than its organization keeps it, and what could not be deleted earlier.
    async fn sweep(&self, audit: &Audit) {
        for (is_expired, found) in [
            (false, self.repository.undeleted_recordings(SWEEP_MAX).await),
            (
                true,
                self.repository.expired_recordings(now(), SWEEP_MAX).await,
            ),
        ] {
            let found = found.unwrap_or_else(|error| {
                tracing::error!(%error, "old recordings cannot be found");
                Vec::new()
            });
            for kept in found {
                let (organization, call) = (kept.organization.clone(), kept.call.clone());
                if let Err(error) = self.delete(kept).await {
                    tracing::error!(call_id = %call, %error, "an old recording is not deleted");
                } else if is_expired {
                    tracing::info!(call_id = %call, "the recording's days were over");
                    audit.tell(over(organization, call));
                }
            }
        }
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
        let kept = self.repository.recording(organization, call).await?;
        let kept = kept.ok_or(DeleteError::NotFound)?;
        match kept.recording.status {
            RecordingStatus::Recording | RecordingStatus::Paused => Err(DeleteError::Running),
            RecordingStatus::Deleted if kept.key.is_none() => Err(DeleteError::NotFound),
            _ => self.delete(kept).await,
        }
    }

    async fn delete(&self, mut kept: Kept) -> Result<(), DeleteError> {
        kept.recording.status = RecordingStatus::Deleted;
        kept.recording.bytes = 0;
        // First that nobody can play it, then the file: a failure between the two is made up for.
        self.keep(&kept, None).await?;
        // What failed to be stored may still stand in the spool, to be tried again.
        spool::remove(&self.folder, &kept.call).map_err(StorageError::from)?;
        if let Some(key) = &kept.key {
            let path = object_store::path::Path::from(key.as_str());
            match self.store.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(StorageError::from(error).into()),
            }
            kept.key = None;
            self.repository.save_recording(&kept, None).await?;
        }
        Ok(())
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
        self.repository.recording(organization, call).await
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
        self.repository.recording_peaks(organization, call).await
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
}

/// The audit log's line about a recording that nobody deleted (A4).
fn over(organization: OrganizationId, call: CallId) -> Told {
    Told {
        whose: Whose::Organization(organization),
        action: AuditAction::RecordingDeleted,
        refused: None,
        user_id: None,
        device_id: None,
        address: None,
        call_id: Some(call),
        target: None,
        detail: Some("retention".to_owned()),
    }
}
