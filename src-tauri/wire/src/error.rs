//! The errors that cross: a stable code for programs, a sentence for people.

use wire_macros::wire_type;

/// The body of every HTTP error: `{"error": {"code", "message"}}`.
#[wire_type]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// One error, for a program and for a person.
#[wire_type(secret)]
pub struct ErrorDetail {
    /// The stable code.
    pub code: Code,
    /// What happened and what to do, in words.
    pub message: String,
    /// The field of the body that it's about, such as `contacts.0.phones.1.phone`, if it's about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// For the second step of signing in, if there is one to come. It works for five minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// A ticket is half a sign-in: no log may hold one.
impl std::fmt::Debug for ErrorDetail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ErrorDetail")
            .field("code", &self.code)
            .field("message", &self.message)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// Why a request was refused. Codes are stable: programs can rely on them.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The call is inbound. Only outbound calls can be joined.
    InboundCall,
    /// The call doesn't use one of the organization's own lines.
    ExternalNumber,
    /// The call has ended, or hasn't started.
    CallEnded,
    /// The call is full.
    CallFull,
    /// The role doesn't have the permission.
    PermissionRequired,
    /// The plan doesn't include the feature.
    PlanRequired,
    /// A rep can't coach their own call.
    OwnCall,
    /// The usage balance doesn't cover it.
    InsufficientBalance,
    /// The number may not be called: an emergency number, or one that the operator doesn't allow.
    NumberRefused,
    /// The invitation is no longer open.
    InviteExpired,
    /// The user doesn't have the desktop app online.
    UserOffline,
    /// The request isn't as documented.
    InvalidRequest,
    /// The request has no valid token.
    Unauthenticated,
    /// The password isn't the user's.
    WrongPassword,
    /// The password is right, and a code of the user's second factor is needed too.
    SecondFactorRequired,
    /// The password is right, and the organization requires a second factor, which has to be set up first.
    SecondFactorSetupRequired,
    /// The code isn't right, or was used before.
    WrongCode,
    /// It doesn't exist, or this user can't see it.
    NotFound,
    /// Too many attempts. Wait, then try again.
    RateLimited,
    /// The current state doesn't allow this.
    Conflict,
    /// The request is too large.
    TooLarge,
    /// The service can't do it right now. Try again later.
    Unavailable,
    /// Something went wrong in the service. Its log has the details.
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
            Self::PermissionRequired
            | Self::PlanRequired
            | Self::OwnCall
            | Self::NumberRefused
            | Self::WrongPassword
            | Self::SecondFactorRequired
            | Self::SecondFactorSetupRequired
            | Self::WrongCode => 403,
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
                field: None,
                ticket: None,
            },
        }
    }

    /// About this field of the body.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.error.field = Some(field.into());
        self
    }

    /// The same, with a ticket for the second step.
    #[must_use]
    pub fn with_ticket(mut self, ticket: String) -> Self {
        self.error.ticket = Some(ticket);
        self
    }
}
