//! Why something is refused: a code for the program, a sentence for the person.

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
            "Keys are 1 to 32 of 0-9, *, # and A-D. Send those.",
        )
    }

    /// The call is over.
    #[must_use]
    pub fn over() -> Self {
        Self::new(
            Code::CallEnded,
            "The call is over. Choose a call that is in progress.",
        )
    }

    pub(crate) fn not_answered() -> Self {
        Self::new(
            Code::CallEnded,
            "The lead has not answered yet. Try again once the call is in progress.",
        )
    }

    pub(crate) fn not_recorded() -> Self {
        Self::new(
            Code::NotFound,
            "This call is not being recorded. An admin can turn recording on for the next one.",
        )
    }

    pub(crate) fn answered_already() -> Self {
        Self::new(
            Code::Conflict,
            "The call was answered already, on this or another device of yours.",
        )
    }

    pub(crate) fn own_call() -> Self {
        Self::new(
            Code::OwnCall,
            "This is your own call, which you cannot coach. Invite a teammate instead.",
        )
    }

    pub(crate) fn inbound() -> Self {
        Self::new(
            Code::InboundCall,
            "The lead called in. Only outbound calls can be joined.",
        )
    }

    pub(crate) fn number(kind: PhoneNumberKind) -> Self {
        let what = match kind {
            PhoneNumberKind::Virtual => "a virtual number, which only forwards",
            PhoneNumberKind::External | PhoneNumberKind::Internal => {
                "an external number, which is only shown as caller id"
            }
        };
        Self::new(
            Code::ExternalNumber,
            format!(
                "This call uses {what}. Only calls from one of the organization's internal numbers \
                 can be joined."
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
                "The {name} plan does not include Call Coaching. It takes Business (legacy) or \
                 Enterprise: ask an admin to upgrade."
            ),
        )
    }

    pub(crate) fn may_not_listen() -> Self {
        Self::new(
            Code::PermissionRequired,
            "Your role does not hold the Listen permission. Ask an admin for it.",
        )
    }

    pub(crate) fn may_not_speak() -> Self {
        Self::new(
            Code::PermissionRequired,
            "Your role does not hold the Whisper & Barge permission. Stay in Listen, or ask an \
             admin for it.",
        )
    }

    pub(crate) fn full(party_max: usize) -> Self {
        Self::new(
            Code::CallFull,
            format!("The call has {party_max} people, which is all it may. Join when one leaves."),
        )
    }

    pub(crate) fn no_funds() -> Self {
        Self::new(
            Code::InsufficientBalance,
            "The usage balance does not pay for the first minute of coaching. Ask an admin to top it \
             up.",
        )
    }

    /// Only the rep may do `what`.
    #[must_use]
    pub fn rep_only(what: &str) -> Self {
        Self::new(
            Code::PermissionRequired,
            format!("Only the salesperson on the call can {what}. Ask them to."),
        )
    }

    /// The user is not on the call.
    #[must_use]
    pub fn not_on_call() -> Self {
        Self::new(Code::NotFound, "You are not on this call. Join it first.")
    }

    pub(crate) fn other_device() -> Self {
        Self::new(
            Code::Conflict,
            "Your audio of this call is on another device. Join here to move it.",
        )
    }

    pub(crate) fn reconnecting() -> Self {
        Self::new(
            Code::Conflict,
            "Your audio is lost and being connected again. Switch once you hear the call.",
        )
    }

    pub(crate) fn invitee_offline() -> Self {
        Self::new(
            Code::UserOffline,
            "Somebody you invited has no desktop app online, so nobody was invited. Choose among \
             those who are shown.",
        )
    }

    pub(crate) fn invitee_on_call() -> Self {
        Self::new(
            Code::Conflict,
            "Somebody you invited is on this call already, so nobody was invited. Choose the others.",
        )
    }

    pub(crate) fn invitee(refusal: &Self) -> Self {
        match refusal.code {
            Code::PermissionRequired => Self::new(
                refusal.code,
                "Somebody you invited may not listen to calls, so nobody was invited. Choose \
                 others, or ask an admin to give them the Listen permission.",
            ),
            Code::OwnCall => Self::new(
                refusal.code,
                "You cannot invite yourself to your own call. Choose teammates.",
            ),
            _ => refusal.clone(),
        }
    }

    pub(crate) fn too_many_invitations(open_max: usize) -> Self {
        Self::new(
            Code::RateLimited,
            format!(
                "At most {open_max} invitations to a call can be open at once. Wait until some are \
                 answered."
            ),
        )
    }

    /// The invitation is answered, expired or cancelled.
    #[must_use]
    pub fn invitation_closed() -> Self {
        Self::new(
            Code::InviteExpired,
            "The invitation is no longer open. Ask for another, or join from the lead's page.",
        )
    }

    /// The user has no such invitation.
    #[must_use]
    pub fn no_invitation() -> Self {
        Self::new(
            Code::NotFound,
            "There is no such invitation for you. Ask for one, or join from the lead's page.",
        )
    }
}
