//! What may happen to a call.

use wire::{CallRecording, CoachMode, DeviceId, InvitationId, LegId, Outcome, Plan, UserId};

use crate::authority::Authority;
use crate::refusal::Refusal;

/// What happened. Facts and new ids come with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The lead's line reported something.
    Lead(LeadProgress),
    /// A client offers a new connection for a leg. Like the leg, it begins in Listen: what one
    /// connection is granted is not granted to the next.
    MediaOffered {
        /// Whose leg it is.
        leg: mix::LegNumber,
        /// The device that offers it.
        device: DeviceId,
        /// How far a coach can reach over it: no further than Whisper, when nothing would tell a barge
        /// from a whisper that comes late (M3).
        widest: mix::Mode,
    },
    /// The media of a leg is connected. Ignored for a leg that is not in the call.
    MediaConnected(mix::LegNumber),
    /// The media of a leg is lost. Ignored for a leg that is not in the call.
    MediaLost(mix::LegNumber),
    /// This user answers the inbound call; only the rep may.
    Answer {
        /// Who asks.
        user: UserId,
    },
    /// This user wants the call to end; only the rep may (J5).
    HangUp {
        /// Who asks.
        user: UserId,
    },
    /// This user wants the lead on hold, or off it; only the rep may.
    SetHeld {
        /// Who asks.
        user: UserId,
        /// Whether the lead is to be on hold.
        held: bool,
    },
    /// This user mutes or unmutes their own leg, the rep's or a coach's.
    SetMuted {
        /// Who asks.
        user: UserId,
        /// From which device. A coach does it only on the one that has the audio.
        device: DeviceId,
        /// Whether the leg is to be muted.
        muted: bool,
    },
    /// This user's microphone doesn't work, or works again.
    SetMicrophoneTrouble {
        /// Who says so.
        user: UserId,
        /// From which device. Only the one that has the audio can.
        device: DeviceId,
        /// Whether it doesn't work.
        trouble: bool,
    },
    /// The call's recording began, or its status changed.
    Recording(CallRecording),
    /// This user pauses or resumes the recording; only the rep may.
    SetRecordingPaused {
        /// Who asks.
        user: UserId,
        /// Whether it is to be paused.
        paused: bool,
    },
    /// This user pressed keys; only the rep may.
    Dtmf {
        /// Who asks.
        user: UserId,
        /// Which keys.
        digits: Digits,
    },
    /// A coach joins, or moves the audio to another device (J4, M1).
    Join(Join),
    /// A coach leaves.
    Leave {
        /// Who.
        user: UserId,
        /// From which device. Only the one that has the audio can.
        device: DeviceId,
    },
    /// A coach switches the mode (M1, A2).
    SetMode {
        /// Who.
        user: UserId,
        /// From which device. Only the one that has the audio can.
        device: DeviceId,
        /// What is wanted.
        mode: CoachMode,
        /// What the coach may do now.
        authority: Authority,
    },
    /// The rep invites teammates: all of them or, if one is refused, none (W3).
    Invite {
        /// Who asks; only the rep may.
        user: UserId,
        /// Whom.
        invitees: Vec<Invitee>,
    },
    /// An invited teammate declines.
    Decline {
        /// Who.
        user: UserId,
        /// Which invitation.
        invitation: InvitationId,
    },
    /// What a user may do has changed (A2).
    AuthorityChanged {
        /// Who.
        user: UserId,
        /// What they may do now.
        authority: Authority,
    },
    /// Whoever may says what came of the call (L5).
    Annotate(Annotation),
    /// The organization's plan has changed (A2, J3).
    PlanChanged(Plan),
    /// Time passed, as with every other input.
    TimePassed,
    /// The service is stopping.
    ServiceStopping,
}

/// What came of a call: what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Annotation {
    /// The outcome; none within takes it away.
    pub outcome: Option<Option<Outcome>>,
    /// The note.
    pub note: Option<String>,
}

/// How the lead's leg is getting on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeadProgress {
    /// The phone rings.
    Ringing,
    /// The network plays something before the lead answers: the rep is to hear it.
    EarlyMedia,
    /// The lead answered.
    Answered,
    /// The lead is busy.
    Busy,
    /// The lead declined the call.
    Declined,
    /// The lead did not answer in time.
    NoAnswer,
    /// The number cannot be reached.
    Unreachable,
    /// The telephone network did not put the call through.
    Failed,
    /// Nothing has been heard of the lead's phone for so long. It may be back, or be lost.
    Unheard {
        /// How long ago it was last heard, in milliseconds.
        ms_ago: u64,
    },
    /// The lead's phone is heard again.
    Heard,
    /// The connection to the lead's phone was lost.
    Lost,
    /// The lead hung up.
    HungUp,
}

/// A coach who wants to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Who.
    pub user: UserId,
    /// The device that will have the audio.
    pub device: DeviceId,
    /// What they may do now.
    pub authority: Authority,
    /// The id of the leg, used if the coach has none in this call.
    pub leg: LegId,
    /// The invitation that this accepts, if any.
    pub invitation: Option<InvitationId>,
}

/// A teammate who is invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitee {
    /// Who.
    pub user: UserId,
    /// What they may do now. An invitation gives no more.
    pub authority: Authority,
    /// Whether their desktop app is online.
    pub native_online: bool,
    /// The id of the invitation, used if they have no open one.
    pub invitation: InvitationId,
}

/// Keys on a phone: 1 to 32 of `0`–`9`, `*`, `#`, `A`–`D` (RFC 4733). Never printed: they may be a
/// card's number.
#[derive(Clone, PartialEq, Eq)]
pub struct Digits(String);

impl Digits {
    /// Reads keys.
    ///
    /// # Errors
    /// `invalid_request` when there are none, too many, or invalid ones.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let keys = text.bytes().all(|byte| b"0123456789*#ABCD".contains(&byte));
        if text.is_empty() || text.len() > 32 || !keys {
            return Err(Refusal::digits());
        }
        Ok(Self(text.to_owned()))
    }

    /// The keys, for the line to send.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of keys.
    #[must_use]
    pub fn count(&self) -> u8 {
        // At most 32 by construction.
        self.0.len() as u8
    }
}

impl std::fmt::Debug for Digits {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Digits({})", self.0.len())
    }
}
