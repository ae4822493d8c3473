//! One call's hands: do in order what its machine puts out, to the media and to the lead's line.

use super::request::{Answer, Reply, RequestError, Snapshot};
use call::{Output, REP_LEG};
use media::{Dial, LeadEvent, LeadLeg, LeadLine, Media, MediaError};
use mix::{LegNumber, Role};
use recordings::Recordings;
use std::sync::Arc;
use store::RecordingPlan;
use tokio::sync::{mpsc, oneshot};
use wire::{CallId, OrganizationId};

/// What waits for one call's hands at most. The owner waits when there is more.
pub const WORK_MAX: usize = 1024;

/// What the hands are given.
pub enum Work {
    /// Do this; what is not of media or line is passed over.
    Do(Output),
    /// All that was given before is done: answer.
    Answer(Reply, Snapshot),
    /// The same, with nothing to say.
    Done(oneshot::Sender<()>),
}

/// The media could not do something for this leg.
pub struct Failed {
    pub call: CallId,
    pub leg: LegNumber,
}

/// How a call is recorded.
pub struct Recorded {
    pub by: Arc<Recordings>,
    pub organization: OrganizationId,
    pub plan: RecordingPlan,
}

pub struct Hands {
    pub dial: Dial,
    pub media: Media,
    pub line: Arc<dyn LeadLine>,
    pub lead_events: mpsc::Sender<LeadEvent>,
    pub failures: mpsc::Sender<Failed>,
    pub recording: Option<Recorded>,
    pub lead: Option<Box<dyn LeadLeg>>,
    /// Whether something failed since the last answer.
    pub failed: bool,
}

impl Hands {
    /// Works until the owner lets go of the call.
    pub async fn run(mut self, mut work: mpsc::Receiver<Work>) {
        let call = self.dial.call.clone();
        let recording = self.recording.as_ref();
        let tap = recording.and_then(|of| of.by.open(&of.organization, &call));
        let opened = self.media.open_recorded_call(call, tap).await;
        self.check(REP_LEG, opened);
        while let Some(work) = work.recv().await {
            match work {
                Work::Do(output) => self.perform(output).await,
                Work::Answer(reply, snapshot) => {
                    let answer = if std::mem::take(&mut self.failed) {
                        Err(RequestError::Unavailable(
                            "The call's audio couldn't be changed. Try again.".to_owned(),
                        ))
                    } else {
                        Ok(Answer::Call(snapshot))
                    };
                    // Who asked may be gone.
                    let _ = reply.send(answer);
                }
                Work::Done(reply) => {
                    let _ = reply.send(());
                }
            }
        }
    }

    async fn perform(&mut self, output: Output) {
        let call = self.dial.call.clone();
        let media = self.media.clone();
        match output {
            Output::Dial => {
                let leg = self.line.dial(self.dial.clone(), self.lead_events.clone());
                self.lead = Some(leg);
            }
            Output::Receive => {
                let leg = self
                    .line
                    .receive(self.dial.clone(), self.lead_events.clone());
                self.lead = Some(leg);
            }
            Output::PickUp => {
                if let Some(lead) = &mut self.lead {
                    lead.pick_up();
                }
            }
            Output::AddLeg { leg, role } => {
                let added = media.add_leg(&call, leg, role).await;
                self.check(leg, added);
                if role == Role::Lead {
                    self.attach(leg).await;
                }
            }
            Output::Answered => self.begin_recording().await,
            Output::RemoveLeg { leg } => {
                let removed = media.remove_leg(&call, leg).await;
                self.check(leg, removed);
            }
            Output::SetGrant { leg, mode, cause } => {
                let set = media.set_mode(&call, leg, mode, cause).await;
                self.check(leg, set);
            }
            Output::SetMuted { leg, muted } => {
                let set = media.set_muted(&call, leg, muted).await;
                self.check(leg, set);
            }
            Output::SetHeld(held) => {
                let set = media.set_held(&call, held).await;
                self.check(call::LEAD_LEG, set);
                if let Some(lead) = &mut self.lead {
                    lead.set_held(held);
                }
            }
            Output::SetRecordingPaused(paused) => {
                if let Some(recording) = &self.recording {
                    recording.by.set_paused(&call, paused);
                }
            }
            Output::SendDtmf(digits) => {
                if let Some(lead) = &mut self.lead {
                    lead.send_dtmf(digits.as_str());
                }
            }
            Output::HangUpLead => {
                if let Some(mut lead) = self.lead.take() {
                    lead.hang_up();
                }
            }
            Output::Ended(_) => {
                self.lead = None;
                let closed = media.close_call(&call).await;
                if let Err(error) = closed {
                    tracing::warn!(%error, "the call's media was gone before its end");
                }
            }
            Output::CallChanged
            | Output::Charge(_)
            | Output::CoachLegChanged(_)
            | Output::InvitationChanged(_) => {}
        }
    }

    async fn attach(&mut self, leg: LegNumber) {
        let sound = self.lead.as_mut().and_then(|lead| lead.take_media());
        let attached = match sound {
            Some(sound) => self.media.attach_lead(&self.dial.call, sound).await,
            None => Err(MediaError::NotAttachable),
        };
        self.check(leg, attached);
    }

    /// The lead answered: from here on it is recorded, and first of all announced. What fails here
    /// leaves the call as it is.
    async fn begin_recording(&mut self) {
        let Some(recording) = &self.recording else {
            return;
        };
        let call = &self.dial.call;
        recording.by.begin(call);
        if !recording.plan.announced {
            return;
        }
        if let Some(announcement) = recording.by.announcement()
            && let Err(error) = self.media.announce(call, &announcement).await
        {
            tracing::error!(%error, "could not announce the recording");
        }
    }

    /// Tells the owner what went wrong; it then treats the leg as one that lost its connection.
    fn check(&mut self, leg: LegNumber, result: Result<(), MediaError>) {
        let Err(error) = result else {
            return;
        };
        self.failed = true;
        tracing::error!(leg = leg.0, %error, "the media refused");
        let call = self.dial.call.clone();
        if self.failures.try_send(Failed { call, leg }).is_err() {
            tracing::error!("too many failures at once; ignored one");
        }
    }
}
