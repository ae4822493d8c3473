//! The errors that cross: a stable code for programs, a sentence for people.

use wire_macros::wire_type;

/// The body of every HTTP error: `{"error": {"code", "message"}}`.
#[wire_type]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// One error, for a program and for a person.
#[wire_type]
pub struct ErrorDetail {
    /// The stable code.
    pub code: Code,
    /// What happened and what to do, in words.
    pub message: String,
}

/// Why a request was refused. Codes are stable: a program may match on them.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The call came in; only outbound calls can be joined.
    InboundCall,
    /// The call shows a number that is not the organization's own line.
    ExternalNumber,
    /// The call is over, or is not up yet.
    CallEnded,
    /// The call has as many parties as it may.
    CallFull,
    /// The role does not hold the permission.
    PermissionRequired,
    /// The plan does not hold the feature.
    PlanRequired,
    /// A rep cannot coach a call of their own.
    OwnCall,
    /// The usage balance does not pay for it.
    InsufficientBalance,
    /// The invitation is no longer open.
    InviteExpired,
    /// The user has no desktop app online.
    UserOffline,
    /// The request is not of the form that is documented.
    InvalidRequest,
    /// There is no valid token with the request.
    Unauthenticated,
    /// There is no such thing, or it is not for this user to see.
    NotFound,
    /// Too many tries; wait and try again.
    RateLimited,
    /// The thing is not in a state that allows this.
    Conflict,
    /// The request is larger than is accepted.
    TooLarge,
    /// The service cannot do it just now; trying again later may help.
    Unavailable,
    /// A fault of the service's own, written to its log.
    Internal,
}

impl Code {
    /// The HTTP status that this code goes with.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Unauthenticated => 401,
            Self::InsufficientBalance => 402,
            Self::PermissionRequired | Self::PlanRequired | Self::OwnCall => 403,
            Self::NotFound => 404,
            Self::InboundCall
            | Self::ExternalNumber
            | Self::CallEnded
            | Self::CallFull
            | Self::UserOffline
            | Self::Conflict => 409,
            Self::InviteExpired => 410,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

impl ErrorBody {
    /// An error with its code and its sentence.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            error: ErrorDetail {
                code,
                message: message.into(),
            },
        }
    }
}
