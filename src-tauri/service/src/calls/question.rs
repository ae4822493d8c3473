//! What is asked of the owner, and how it answers.

use super::Caller;
use call::{Authority, Input, Machine, Refusal};
use std::sync::Arc;
use store::RecordingPlan;
use tokio::sync::oneshot;
use wire::{
    Call, CallId, CallRecording, ClientType, Code, ErrorBody, Invitation, InvitationId, LeadId,
    OrganizationId, Plan, UserId,
};

/// Something that the owner is asked, or told, by the rest of the service.
pub(super) enum Question {
    /// Let this call begin.
    Place {
        organization: OrganizationId,
        client_type: ClientType,
        machine: Box<Machine>,
        /// How it is to be recorded, if at all.
        recording: Option<RecordingPlan>,
        reply: Reply,
    },
    /// A call's recording stands otherwise than it did. Answers whether the owner knows the call.
    Recorded {
        organization: OrganizationId,
        call: CallId,
        recording: CallRecording,
        reply: oneshot::Sender<bool>,
    },
    /// Keep and tell a call of long ago, which the owner does not remember.
    Revised {
        organization: OrganizationId,
        record: Arc<Call>,
        reply: oneshot::Sender<()>,
    },
    /// Give this to a call, and answer when the media has done what follows from it.
    Give {
        organization: OrganizationId,
        call: CallId,
        input: Input,
        /// The count of authority changes when the facts in `input` were looked up.
        facts_of: Option<u64>,
        reply: Reply,
    },
    /// As `Give` a decline, whichever call the invitation is of.
    Decline {
        caller: Caller,
        invitation: InvitationId,
        reply: Reply,
    },
    /// How a call is.
    Look {
        organization: OrganizationId,
        call: CallId,
        reply: oneshot::Sender<Result<Snapshot, Refused>>,
    },
    /// On which leg this device speaks.
    MediaLeg {
        caller: Caller,
        call: CallId,
        reply: oneshot::Sender<Result<mix::LegId, Refused>>,
    },
    /// Every call of an organization that is in progress or ended lately.
    Known {
        organization: OrganizationId,
        reply: oneshot::Sender<Vec<Arc<Call>>>,
    },
    /// Every open invitation of a user.
    Invitations {
        organization: OrganizationId,
        user: UserId,
        reply: oneshot::Sender<Vec<Invitation>>,
    },
    /// What a user may do changed (A2). Answers with what is to be waited for.
    AuthorityChanged {
        organization: OrganizationId,
        user: UserId,
        authority: Authority,
        reply: oneshot::Sender<Vec<oneshot::Receiver<()>>>,
    },
    /// The plan changed (A2). Answers as `AuthorityChanged`.
    PlanChanged {
        organization: OrganizationId,
        plan: Plan,
        reply: oneshot::Sender<Vec<oneshot::Receiver<()>>>,
    },
    /// The balance pays for a coach's first minute now, or no longer does (B3).
    FundsChanged {
        organization: OrganizationId,
        reply: oneshot::Sender<()>,
    },
    /// Forget the calls with a lead that are over. Answers what to wait for until all is kept; none
    /// while a call with it is in progress.
    ForgetLead {
        organization: OrganizationId,
        lead: LeadId,
        reply: oneshot::Sender<Option<oneshot::Receiver<()>>>,
    },
    /// End every call, and answer when that is told and kept.
    Stop(oneshot::Sender<()>),
}

pub(super) type Reply = oneshot::Sender<Result<Snapshot, Refused>>;

/// A call as it was at one moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) record: Arc<Call>,
    /// The invitations that it remembers.
    pub(super) invitations: Arc<[Invitation]>,
}

impl Snapshot {
    /// As the machine is now.
    pub(super) fn of(machine: &Machine) -> Self {
        let invitations: Vec<Invitation> = machine.invitations().cloned().collect();
        Self {
            record: Arc::new(machine.record()),
            invitations: invitations.into(),
        }
    }
}

/// Why the owner does not do something.
#[derive(Debug, Clone)]
pub(super) enum Refused {
    /// There is no such call in the organization, as far as the owner remembers.
    Unknown,
    /// The facts were looked up before they changed: look again.
    Stale,
    /// The rules do not allow it.
    Rule(Refusal),
    /// It cannot be done just now.
    Unavailable(&'static str),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Rule(refusal)
    }
}

impl From<Refused> for ErrorBody {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unknown => Self::new(Code::NotFound, "There is no such call."),
            Refused::Stale => Self::new(
                Code::Unavailable,
                "Permissions are being changed just now. Try again.",
            ),
            Refused::Rule(refusal) => refusal.into(),
            Refused::Unavailable(message) => Self::new(Code::Unavailable, message),
        }
    }
}
