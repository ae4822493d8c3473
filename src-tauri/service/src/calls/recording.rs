//! The recording of calls (R1): who records, when that is decided, and what a call knows of it.

use super::handle::{Caller, Calls, Result, stored};
use super::news::News;
use super::owner::Owner;
use super::question::Question;
use super::saves::Thing;
use async_trait::async_trait;
use call::{Input, recorded};
use media::{Announcement, RecordingTap};
use std::sync::Arc;
use store::{RecordingPlan, StoreError};
use wire::{Call, CallId, CallRecording, OrganizationId, UserId};

/// Who records calls. All but [`Recorder::plan`] returns at once.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// How the calls of a member are recorded now; none when they are not (R1).
    async fn plan(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> std::result::Result<Option<RecordingPlan>, StoreError>;

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

impl Calls {
    /// How the calls of a member are recorded now.
    ///
    /// # Errors
    /// None but those of all.
    pub(super) async fn recording_plan(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<RecordingPlan>> {
        let plan = self.shared.recorder.plan(organization, user).await;
        plan.map_err(stored)
    }

    /// The rep pauses the recording of their call, or lets it go on.
    ///
    /// # Errors
    /// `not_found` when it is not recorded, `permission_required` for others.
    pub async fn set_recording_paused(
        &self,
        caller: &Caller,
        call: &CallId,
        paused: bool,
    ) -> Result<Call> {
        let user = caller.user_id.clone();
        let input = Input::SetRecordingPaused { user, paused };
        self.change(caller, call, input).await
    }

    /// A call's recording stands otherwise than it did: kept on the call, and told, whether the call
    /// is in progress or over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn recording_changed(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        recording: &CallRecording,
    ) -> Result<()> {
        let known = self
            .put(|reply| Question::Recorded {
                organization: organization.clone(),
                call: call.clone(),
                recording: recording.clone(),
                reply,
            })
            .await;
        if matches!(known, Ok(true)) {
            return Ok(());
        }
        let repository = &self.shared.repository;
        let kept = repository.call(organization, call).await.map_err(stored)?;
        let Some(mut record) = kept else {
            return Ok(());
        };
        recorded(&mut record, recording.clone());
        // Here as well as by the owner, who may have stopped.
        repository
            .save_call(organization, &record)
            .await
            .map_err(stored)?;
        let told = self.put(|reply| Question::Revised {
            organization: organization.clone(),
            record: Arc::new(record),
            reply,
        });
        // Of a service that stops nobody is told any more.
        let _ = told.await;
        Ok(())
    }
}

impl Owner {
    pub(super) async fn asked_of_recording(&mut self, question: Question) {
        match question {
            Question::Recorded {
                organization,
                call,
                recording,
                reply,
            } => {
                let _ = reply.send(self.recorded(&organization, &call, recording).await);
            }
            Question::Revised {
                organization,
                record,
                reply,
            } => {
                self.revised(organization, record).await;
                let _ = reply.send(());
            }
            _ => {}
        }
    }

    /// Whether the call is in progress or ended lately; then its recording is kept and told.
    async fn recorded(
        &mut self,
        organization: &OrganizationId,
        call: &CallId,
        recording: CallRecording,
    ) -> bool {
        if let Some(live) = self.state.live.get(call) {
            if live.organization == *organization {
                self.tell(call, Input::Recording(recording)).await;
                return true;
            }
            return false;
        }
        let mut recent = self.state.recent.iter_mut().rev();
        let found = recent.find(|(of, one)| of == organization && one.record.id == *call);
        let Some((_, snapshot)) = found else {
            return false;
        };
        recorded(Arc::make_mut(&mut snapshot.record), recording);
        let record = snapshot.record.clone();
        self.revised(organization.clone(), record).await;
        true
    }

    /// Keeps and tells a call that is over.
    async fn revised(&mut self, organization: OrganizationId, record: Arc<Call>) {
        self.saves.save(&organization, Thing::Call(record.clone()));
        self.say(News::Call(organization, record)).await;
    }
}

/// Nobody records: for a store that is only read.
pub struct NoRecorder;

#[async_trait]
impl Recorder for NoRecorder {
    async fn plan(
        &self,
        _: &OrganizationId,
        _: &UserId,
    ) -> std::result::Result<Option<RecordingPlan>, StoreError> {
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
