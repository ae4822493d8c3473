//! What is known of recordings, and lasts.

use crate::calls::RecordingPlan;
use crate::store::StoreError;
use async_trait::async_trait;
use wire::{CallId, CallRecording, OrganizationId, RecordingPeaks, Timestamp, UserId};

/// A recording, as the store of the service knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which call.
    pub call: CallId,
    /// How it stands.
    pub recording: CallRecording,
    /// Where it is in the store of recordings; none when it is not there.
    pub key: Option<String>,
}

/// Recordings in the store of the service. What belongs to another organization is not there (A3).
#[async_trait]
pub trait RecordingRepository: Send + Sync {
    /// How the calls of a member are recorded now: as they say, or else as the organization does (R1).
    /// None when they are not recorded.
    async fn plan(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<RecordingPlan>, StoreError>;

    /// Saves a recording, and its waveform when it is given. The call must have been saved before.
    async fn save_recording(
        &self,
        kept: &Kept,
        peaks: Option<&RecordingPeaks>,
    ) -> Result<(), StoreError>;

    /// The recording of a call.
    async fn recording(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Option<Kept>, StoreError>;

    /// Its waveform; none when there is no recording or it is not stored.
    async fn peaks(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Option<RecordingPeaks>, StoreError>;

    /// Stored recordings that are older than their organization keeps them, at most so many.
    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<Kept>, StoreError>;

    /// Recordings that run, as far as is known: what a service that died left behind.
    async fn unfinished_recordings(&self) -> Result<Vec<Kept>, StoreError>;

    /// Deleted recordings whose file is still there, at most so many.
    async fn undeleted(&self, limit: u32) -> Result<Vec<Kept>, StoreError>;
}
