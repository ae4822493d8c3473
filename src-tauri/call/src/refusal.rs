//! Why something is refused: a code for programs, a sentence for people.

use wire::{Code, ErrorBody, PhoneNumberKind, Plan};

/// Why something was refused. The call is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// What happened and what to do, in words.
    pub message: String,
}

impl From<Refusal> for ErrorBody {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl Refusal {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn digits() -> Self {
        Self::new(
            Code::InvalidRequest,
            "Send 1 to 32 keys out of 0-9, *, # and A-D.",
        )
    }

    /// The call is over.
    #[must_use]
    pub fn over() -> Self {
        Self::new(
            Code::CallEnded,
            "This call has ended. Choose a call that's in progress.",
        )
    }

    pub(crate) fn not_answered() -> Self {
        Self::new(
            Code::CallEnded,
            "The lead hasn't answered yet. Try again once the call is in progress.",
        )
    }

    pub(crate) fn not_recorded() -> Self {
        Self::new(
            Code::NotFound,
            "This call isn't being recorded. An admin can turn on recording for future calls.",
        )
    }

    pub(crate) fn answered_already() -> Self {
        Self::new(
            Code::Conflict,
            "You've already answered this call, on this device or another one.",
        )
    }

    pub(crate) fn own_call() -> Self {
        Self::new(
            Code::OwnCall,
            "You can't coach your own call. Invite a teammate instead.",
        )
    }

    pub(crate) fn inbound() -> Self {
        Self::new(
            Code::InboundCall,
            "This is an inbound call. You can only join outbound calls.",
        )
    }

    pub(crate) fn number(kind: PhoneNumberKind) -> Self {
        let what = match kind {
            PhoneNumberKind::Virtual => "a virtual number, which only forwards calls",
            PhoneNumberKind::External | PhoneNumberKind::Internal => {
                "an external number, which is only used as the caller ID"
            }
        };
        Self::new(
            Code::ExternalNumber,
            format!(
                "This call uses {what}. You can only join calls from your organization's internal \
                 numbers."
            ),
        )
    }

    pub(crate) fn plan(plan: Plan) -> Self {
        let name = match plan {
            Plan::Startup => "Startup",
            Plan::Professional => "Professional",
            Plan::BusinessLegacy => "Business (legacy)",
            Plan::Enterprise => "Enterprise",
        };
        Self::new(
            Code::PlanRequired,
            format!(
                "The {name} plan doesn't include Call Coaching, which needs Business (legacy) or \
                 Enterprise. An admin can change the plan."
            ),
        )
    }

    pub(crate) fn may_not_listen() -> Self {
        Self::new(
            Code::PermissionRequired,
            "Your role doesn't have the Listen permission. An admin can change your role.",
        )
    }

    pub(crate) fn may_not_speak() -> Self {
        Self::new(
            Code::PermissionRequired,
            "Your role doesn't have the Whisper & Barge permission, so you can only listen. An \
             admin can change your role.",
        )
    }

    pub(crate) fn full(party_max: usize) -> Self {
        Self::new(
            Code::CallFull,
            format!("This call is full: it has {party_max} people. Try again when someone leaves."),
        )
    }

    pub(crate) fn no_funds() -> Self {
        Self::new(
            Code::InsufficientBalance,
            "Your organization's balance is too low for a minute of coaching. An admin can add \
             credit.",
        )
    }

    /// Only the rep may do `what`.
    #[must_use]
    pub fn rep_only(what: &str) -> Self {
        Self::new(
            Code::PermissionRequired,
            format!("Only the rep on the call can {what}. Ask them to do it."),
        )
    }

    /// The user is not on the call.
    #[must_use]
    pub fn not_on_call() -> Self {
        Self::new(Code::NotFound, "You're not on this call. Join it first.")
    }

    pub(crate) fn other_device() -> Self {
        Self::new(
            Code::Conflict,
            "Your audio for this call is on another device. Join from this one to move it here.",
        )
    }

    /// Only the desktop app can coach.
    #[must_use]
    pub fn desktop_only() -> Self {
        Self::new(
            Code::UserOffline,
            "You can only join calls from the desktop app. Sign in there, then join.",
        )
    }

    pub(crate) fn reconnecting() -> Self {
        Self::new(
            Code::Conflict,
            "Your audio is reconnecting. Switch modes once you hear the call again.",
        )
    }

    pub(crate) fn no_barge_track() -> Self {
        Self::new(
            Code::Conflict,
            "This connection can't tell a barge from a late whisper, so it can't barge. Send a new \
             offer with a track for each mode.",
        )
    }

    pub(crate) fn invitee_offline() -> Self {
        Self::new(
            Code::UserOffline,
            "Someone you invited doesn't have the desktop app open, so no one was invited. Choose \
             teammates who are online.",
        )
    }

    pub(crate) fn invitee_on_call() -> Self {
        Self::new(
            Code::Conflict,
            "Someone you invited is already on this call, so no one was invited. Choose someone else.",
        )
    }

    /// Why a teammate could not join, said to the rep.
    pub(crate) fn of_a_teammate(self) -> Self {
        match self.code {
            Code::PermissionRequired => Self::new(
                self.code,
                "Their role doesn't have the Listen permission. An admin can change their role.",
            ),
            _ => self,
        }
    }

    pub(crate) fn invitee(refusal: &Self) -> Self {
        match refusal.code {
            Code::PermissionRequired => Self::new(
                refusal.code,
                "Someone you invited doesn't have the Listen permission, so no one was invited. \
                 Choose someone else. An admin can change their role.",
            ),
            Code::OwnCall => Self::new(
                refusal.code,
                "You can't invite yourself to your own call. Choose a teammate.",
            ),
            _ => refusal.clone(),
        }
    }

    pub(crate) fn too_many_invitations(open_max: usize) -> Self {
        Self::new(
            Code::RateLimited,
            format!(
                "A call can have at most {open_max} open invitations. Wait until some are \
                 answered."
            ),
        )
    }

    /// The invitation is answered, expired or cancelled.
    #[must_use]
    pub fn invitation_closed() -> Self {
        Self::new(
            Code::InviteExpired,
            "This invitation is no longer open. Ask for a new one, or join from the lead's page.",
        )
    }

    /// The user has no such invitation.
    #[must_use]
    pub fn no_invitation() -> Self {
        Self::new(
            Code::NotFound,
            "You don't have this invitation. Ask for one, or join from the lead's page.",
        )
    }
}
