//! The recording of calls (R1), as calls ask for it.

use crate::store::StoreError;
use async_trait::async_trait;
use media::{Announcement, RecordingTap};
use wire::{CallId, OrganizationId, UserId};

/// How a call is to be recorded. Decided when it is placed, for the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingPlan {
    /// Whether it begins with an announcement.
    pub announced: bool,
}

/// Who records calls. All but [`Recorder::plan`] returns at once.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// How the calls of a member are recorded now; none when they are not (R1).
    async fn plan(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<RecordingPlan>, StoreError>;

    /// What takes a call's public mix. It is thrown away until [`Recorder::begin`]: before the lead
    /// answers there is nothing to record.
    fn open(&self, organization: &OrganizationId, call: &CallId) -> Option<Box<dyn RecordingTap>>;

    /// The lead answered.
    fn begin(&self, call: &CallId);

    /// The rep pauses, or goes on. It holds from the next tick.
    fn set_paused(&self, call: &CallId, paused: bool);

    /// What is announced.
    fn announcement(&self) -> Option<Announcement>;
}

/// Nobody records: for a store that is only read.
pub struct NoRecorder;

#[async_trait]
impl Recorder for NoRecorder {
    async fn plan(
        &self,
        _: &OrganizationId,
        _: &UserId,
    ) -> Result<Option<RecordingPlan>, StoreError> {
        Ok(None)
    }

    fn open(&self, _: &OrganizationId, _: &CallId) -> Option<Box<dyn RecordingTap>> {
        None
    }

    fn begin(&self, _: &CallId) {}

    fn set_paused(&self, _: &CallId, _: bool) {}

    fn announcement(&self) -> Option<Announcement> {
        None
    }
}
