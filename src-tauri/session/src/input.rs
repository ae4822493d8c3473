//! What a session is told.

use wire::{
    AcceptInviteRequest, Balance, Call, CallId, CoachLeg, CoachMode, Code, DeviceId, Invitation,
    InvitationId, Me, PlaceCallRequest, ServerMessage, SignInRequest, Timestamp, User,
    UserAvailability, UserId,
};

/// Matches an HTTP request to its answer. Later requests have greater ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Matches a command to its outcome; the shell chooses it, and never twice the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// One attempt at a media connection. What is said of an earlier attempt is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaId(pub u64);

/// What the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Signs in; a sign-in that is being resumed is given up for it.
    SignIn(SignInRequest),
    /// Becomes a member by an invitation's link, and signs in.
    AcceptInvite(AcceptInviteRequest),
    /// Resumes the sign-in that was kept, without a password. While the service cannot be reached it
    /// is tried again and again, ever more slowly.
    Resume,
    /// Gives up resuming; what is kept stays kept.
    StopResuming,
    /// Signs out; a call or coaching in progress ends first.
    SignOut,
    /// Calls a lead.
    PlaceCall(PlaceCallRequest),
    /// Takes a call that came in for the user.
    Answer(CallId),
    /// Declines a call that rings for the user.
    DeclineCall(CallId),
    /// Hangs up the user's own call.
    HangUp,
    /// Puts the lead on hold, or takes them off it.
    Hold(bool),
    /// Pauses the recording of the user's own call, or lets it go on.
    PauseRecording(bool),
    /// Presses keys on the user's own call: 1 to 32 of `0`–`9`, `*`, `#`, `A`–`D`.
    Dtmf(String),
    /// Invites teammates to the user's own call.
    Invite(Vec<UserId>),
    /// Joins a call as a coach, always in Listen (M1).
    Join {
        /// The call.
        call_id: CallId,
        /// The invitation that is accepted by it, if any.
        invitation_id: Option<InvitationId>,
    },
    /// Declines an invitation.
    Decline(InvitationId),
    /// Switches the mode.
    SetMode(CoachMode),
    /// The key for whispering is down, or up again: Whisper while it is held, then Listen, whatever
    /// is answered in which order.
    HoldToWhisper(bool),
    /// Mutes or unmutes the microphone, on the user's own call or as a coach.
    Mute(bool),
    /// Leaves the call that is coached.
    Leave,
}

/// What the service answers a request with.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Done; what it changed comes as events.
    Done,
    /// To signing in. Tokens stay with the shell.
    SignedIn {
        /// Who it is.
        user_id: UserId,
        /// Which device this is.
        device_id: DeviceId,
    },
    /// To resuming: no sign-in is kept here.
    NothingKept,
    /// Who is signed in.
    Me(Box<Me>),
    /// The organization's members.
    Users(Vec<User>),
    /// Who is online, on which calls.
    Availability(Vec<UserAvailability>),
    /// The calls in progress.
    ActiveCalls(Vec<Call>),
    /// Open invitations to this user, or those that were just sent.
    Invitations(Vec<Invitation>),
    /// The organization's balance.
    Balance(Balance),
    /// One call.
    Call(Box<Call>),
    /// The user's own coach leg.
    CoachLeg(Box<CoachLeg>),
    /// The SDP answer to an offer, and the user's own coach leg as the new connection finds it.
    MediaAnswer(String, Option<Box<CoachLeg>>),
}

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The service's code; `None` when the service could not be asked, or this session refuses.
    pub code: Option<Code>,
    /// What happened, in words for the user.
    pub message: String,
    /// Whether the service could not be reached: trying again later may help.
    pub unreachable: bool,
}

impl Failure {
    /// A refusal of the service's.
    #[must_use]
    pub fn refused(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            ..Self::local(message)
        }
    }

    /// The service could not be reached, for this reason.
    #[must_use]
    pub fn unreachable(why: impl Into<String>) -> Self {
        Self {
            unreachable: true,
            ..Self::local(why)
        }
    }

    /// Whether it may work later: the service could not be asked, or cannot answer just now.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(
            self.code,
            None | Some(Code::Unavailable | Code::RateLimited | Code::Internal)
        )
    }

    /// A failure without a code of the service.
    #[must_use]
    pub fn local(message: impl Into<String>) -> Self {
        Self {
            code: None,
            message: message.into(),
            unreachable: false,
        }
    }
}

/// What is heard from the media connection.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaInput {
    /// The SDP offer is made.
    Offered(String),
    /// Sound flows.
    Connected,
    /// It could not be made, or it broke.
    Lost {
        /// Random, 0 to 1, for the wait before the next try.
        jitter: f32,
    },
}

/// Everything that a session is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The user wants something.
    Command(CommandId, Command),
    /// A request was answered, or could not be.
    Answer(RequestId, Result<Reply, Failure>),
    /// The WebSocket said something.
    Socket(Box<ServerMessage>),
    /// The WebSocket is gone, or could not be had.
    SocketClosed {
        /// Random, 0 to 1, for the wait before the next try.
        jitter: f32,
    },
    /// The media connection.
    Media(MediaId, MediaInput),
    /// Whether the next run can resume this sign-in.
    SignInKept(bool),
    /// Why the user cannot be heard although the microphone should be open; `None` once it is well.
    Microphone(Option<String>),
    /// What this machine's calendar shows; said before each `welcome`.
    WallClock(Timestamp),
    /// The time that was asked for has come.
    Wake,
}
