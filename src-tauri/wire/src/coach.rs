//! Coaches on a call: their modes, their legs, and what they ask.

use crate::{DeviceId, InvitationId, LegId, Timestamp, UserId};
use wire_macros::wire_type;

/// The three modes of a coach: who hears them.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum CoachMode {
    /// Hears rep and lead; nobody hears the coach.
    Listen,
    /// The rep hears the coach; the lead, other coaches and the recording do not.
    Whisper,
    /// Everybody hears the coach.
    Barge,
}

impl From<CoachMode> for mix::Mode {
    fn from(mode: CoachMode) -> Self {
        match mode {
            CoachMode::Listen => Self::Listen,
            CoachMode::Whisper => Self::Whisper,
            CoachMode::Barge => Self::Barge,
        }
    }
}

impl From<mix::Mode> for CoachMode {
    fn from(mode: mix::Mode) -> Self {
        match mode {
            mix::Mode::Listen => Self::Listen,
            mix::Mode::Whisper => Self::Whisper,
            mix::Mode::Barge => Self::Barge,
        }
    }
}

/// Where a coach's leg stands.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum CoachLegStatus {
    /// Let in; the audio is not connected yet.
    Connecting,
    /// Hears the call.
    Connected,
    /// The audio is lost; within 30 s the same leg goes on.
    Reconnecting,
    /// Over.
    Done,
}

/// Why a coach's leg ended.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum LegEndReason {
    /// The coach left.
    Left,
    /// The call ended.
    CallEnded,
    /// The coach's role lost the permission.
    PermissionRevoked,
    /// The organization's plan lost the feature.
    PlanChanged,
    /// The coach was deactivated.
    Deactivated,
    /// The connection was lost for longer than is waited for.
    ConnectionLost,
    /// The service was stopped.
    ServiceStopped,
}

/// What a coach did, or what was done to them.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ParticipationAction {
    /// Entered, or switched to, Listen.
    Listen,
    /// Switched to Whisper.
    Whisper,
    /// Switched to Barge.
    Barge,
    /// Muted the microphone.
    Muted,
    /// Opened the microphone again.
    Unmuted,
    /// Moved the audio to another device of theirs.
    MovedDevice,
    /// The audio was lost.
    ConnectionLost,
    /// The audio came back.
    Reconnected,
    /// A permission was taken away, so the mode became Listen.
    MovedToListen,
    /// Left, or was put out.
    Left,
}

/// One line of a coach's history on a call.
#[wire_type]
pub struct ParticipationEntry {
    /// What happened.
    pub action: ParticipationAction,
    /// When.
    pub timestamp: Timestamp,
}

/// A coach's leg of a call.
#[wire_type]
pub struct CoachLeg {
    /// Its id.
    pub id: LegId,
    /// The coach.
    pub user_id: UserId,
    /// The device that has the audio.
    pub device_id: DeviceId,
    /// Where it stands.
    pub status: CoachLegStatus,
    /// The mode that is granted: what others hear of the coach is never wider.
    pub mode: CoachMode,
    /// Whether the coach's microphone is muted.
    pub muted: bool,
    /// Whether the coach's app says that its microphone doesn't work, so no one can hear the coach.
    #[serde(default)]
    pub microphone_trouble: bool,
    /// When the coach was let in.
    pub date_created: Timestamp,
    /// When the audio was first connected.
    pub date_connected: Option<Timestamp>,
    /// When the leg ended.
    pub date_done: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: Option<LegEndReason>,
    /// What happened on it, oldest first; at most the newest 1000 lines.
    pub participation_history: Vec<ParticipationEntry>,
}

/// `POST …/coach_leg/`: joins a call. A coach always enters in Listen, also when they come back.
#[wire_type(Default)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The invitation that is accepted by it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_id: Option<InvitationId>,
}

/// `PUT …/coach_leg/mode/`: switches the mode of the asking coach's leg.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct ModeRequest {
    /// The mode that is wanted.
    pub mode: CoachMode,
}
