//! What the owner of calls is asked and what it answers: plain data, which could as well come over a
//! network. How the answer finds its way back is the envelope's business.

use call::{Annotation, Authority, Input, Machine, Placed, Refusal};
use std::sync::Arc;
use store::RecordingPlan;
use tokio::sync::oneshot;
use wire::{
    Call, CallId, CallRecording, ClientType, Code, DeviceId, ErrorBody, Invitation, InvitationId,
    LeadId, Plan, Timestamp, UserId,
};

/// Something that the owner is asked, or told, about the calls of one organization.
#[derive(Debug, Clone)]
pub enum Request {
    /// Let this call begin.
    Place {
        client_type: ClientType,
        at: Timestamp,
        placed: Box<Placed>,
        /// How it is to be recorded, if at all.
        recording: Option<RecordingPlan>,
    },
    /// Give this to a call. Answered when the media has done what follows from it.
    Give {
        call: CallId,
        input: Input,
        /// The count of authority changes when the facts in `input` were looked up.
        facts_of: Option<u64>,
    },
    /// As `Give` a decline, whichever call the invitation is of.
    Decline {
        user: UserId,
        invitation: InvitationId,
    },
    /// Whether one more call of this rep's fits; `Place` is refused like this.
    Room { rep: UserId },
    /// How a call is.
    Look { call: CallId },
    /// On which leg this device speaks.
    MediaLeg {
        user: UserId,
        device: DeviceId,
        call: CallId,
    },
    /// Every call that is in progress or ended lately.
    Known,
    /// Every open invitation of a user.
    Invitations { user: UserId },
    /// A call's recording stands otherwise than it did. [`RequestError::UnknownCall`] when the owner
    /// does not remember the call.
    Recording {
        call: CallId,
        recording: CallRecording,
    },
    /// What came of a call that is in progress or ended lately (L5); whoever says it may. Answered with a
    /// call in progress, and for one that is over when it is kept. [`RequestError::UnknownCall`] when the
    /// owner does not remember the call.
    Annotate {
        call: CallId,
        annotation: Annotation,
    },
    /// Tell a call of long ago, which the owner does not remember and the store has already.
    Revised { record: Arc<Call> },
    /// What a user may do changed. Answered when it holds on every call and is told (A2).
    AuthorityChanged { user: UserId, authority: Authority },
    /// The plan changed. Answered as `AuthorityChanged`.
    PlanChanged { plan: Plan },
    /// The balance pays for a coach's first minute now, or no longer does (B3).
    FundsChanged,
    /// Forget the calls with a lead that are over. Answered when nothing of them waits to be kept.
    ForgetLead { lead: LeadId },
}

/// What the owner answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The call, after what it was given.
    Call(Snapshot),
    /// For [`Request::MediaLeg`].
    MediaLeg(mix::LegNumber),
    /// For [`Request::Known`].
    Calls(Vec<Arc<Call>>),
    /// For [`Request::Invitations`].
    Invitations(Vec<Invitation>),
    /// It is done, and there is nothing to say.
    Done,
}

impl Answer {
    pub(crate) fn call(self) -> Result<Snapshot, RequestError> {
        match self {
            Self::Call(snapshot) => Ok(snapshot),
            other => Err(other.unexpected()),
        }
    }

    pub(crate) fn media_leg(self) -> Result<mix::LegNumber, RequestError> {
        match self {
            Self::MediaLeg(leg) => Ok(leg),
            other => Err(other.unexpected()),
        }
    }

    pub(crate) fn calls(self) -> Result<Vec<Arc<Call>>, RequestError> {
        match self {
            Self::Calls(calls) => Ok(calls),
            other => Err(other.unexpected()),
        }
    }

    pub(crate) fn invitations(self) -> Result<Vec<Invitation>, RequestError> {
        match self {
            Self::Invitations(invitations) => Ok(invitations),
            other => Err(other.unexpected()),
        }
    }

    /// Of an owner that speaks another version, say.
    fn unexpected(&self) -> RequestError {
        tracing::error!(answer = ?self, "the owner of the calls answers something else than was asked");
        RequestError::Unavailable("The call can't be reached right now. Try again.".to_owned())
    }
}

/// A call as it was at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub record: Arc<Call>,
    /// The invitations that it remembers.
    pub invitations: Arc<[Invitation]>,
}

impl Snapshot {
    /// As the machine is now.
    pub(crate) fn of(machine: &Machine) -> Self {
        let invitations: Vec<Invitation> = machine.invitations().cloned().collect();
        Self {
            record: Arc::new(machine.record()),
            invitations: invitations.into(),
        }
    }
}

/// Why the owner does not do something.
#[derive(Debug, Clone)]
pub enum RequestError {
    /// There is no such call in the organization, as far as the owner remembers.
    UnknownCall,
    /// The facts were looked up before they changed: look again.
    StaleFacts,
    /// The rules do not allow it.
    Refused(Refusal),
    /// A call with this lead is in progress.
    LeadOnCall,
    /// It cannot be done just now, for this reason.
    Unavailable(String),
}

impl RequestError {
    /// The owner is gone, or going.
    pub(crate) fn stopping() -> Self {
        Self::Unavailable("The service is stopping. Try again shortly.".to_owned())
    }
}

impl From<Refusal> for RequestError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<RequestError> for ErrorBody {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::UnknownCall => Self::new(Code::NotFound, "There's no such call."),
            RequestError::StaleFacts => Self::new(
                Code::Unavailable,
                "Permissions are being changed. Try again.",
            ),
            RequestError::Refused(refusal) => refusal.into(),
            RequestError::LeadOnCall => Self::new(
                Code::Conflict,
                "A call with this lead is in progress. Hang up first.",
            ),
            RequestError::Unavailable(message) => Self::new(Code::Unavailable, message),
        }
    }
}

/// Where an answer goes. Whoever asked may be gone: an answer that nobody takes is no fault.
pub type Reply = oneshot::Sender<Result<Answer, RequestError>>;
