//! Coaches on a call: their modes, their legs, and what they ask.

use crate::{DeviceId, InvitationId, LegId, Timestamp, UserId};
use wire_macros::wire_type;

/// The three modes of a coach: who hears them.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum CoachMode {
    /// Hears rep and lead; no one hears the coach.
    Listen,
    /// The rep hears the coach; the lead, other coaches and the recording don't.
    Whisper,
    /// Everyone hears the coach.
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

/// The status of a coach's leg.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum CoachLegStatus {
    /// Joined; the audio isn't connected yet.
    Connecting,
    /// Hears the call.
    Connected,
    /// The audio was lost; the same leg continues if it's back within 30 s.
    Reconnecting,
    /// Ended.
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
    /// The organization's plan no longer includes coaching.
    PlanChanged,
    /// The coach was deactivated.
    Deactivated,
    /// The coach was disconnected for too long.
    ConnectionLost,
    /// The service was stopped.
    ServiceStopped,
}

/// What a coach did, or what was done to them.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ParticipationAction {
    /// Joined in Listen, or switched to it.
    Listen,
    /// Switched to Whisper.
    Whisper,
    /// Switched to Barge.
    Barge,
    /// Muted the microphone.
    Muted,
    /// Unmuted the microphone.
    Unmuted,
    /// Moved the audio to another of their devices.
    MovedDevice,
    /// The audio was lost.
    ConnectionLost,
    /// The audio came back.
    Reconnected,
    /// Was moved to Listen because a permission was revoked.
    MovedToListen,
    /// Left, or was removed.
    Left,
}

/// One entry of a coach's history on a call.
#[wire_type]
pub struct ParticipationEntry {
    /// What happened.
    pub action: ParticipationAction,
    /// When it happened.
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
    /// Its status.
    pub status: CoachLegStatus,
    /// The granted mode: others never hear the coach beyond it.
    pub mode: CoachMode,
    /// Whether the coach's microphone is muted.
    pub muted: bool,
    /// Whether the coach's app says that its microphone doesn't work, so no one can hear the coach.
    #[serde(default)]
    pub microphone_trouble: bool,
    /// When the coach joined.
    pub date_created: Timestamp,
    /// When the audio was first connected.
    pub date_connected: Option<Timestamp>,
    /// When the leg ended.
    pub date_done: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: Option<LegEndReason>,
    /// What happened on it, oldest first; the newest 1000 entries at most.
    pub participation_history: Vec<ParticipationEntry>,
}

/// `POST …/coach_leg/`: joins a call. A coach always joins in Listen, even when they come back.
#[wire_type(Default)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The invitation that this accepts, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_id: Option<InvitationId>,
}

/// `PUT …/coach_leg/mode/`: switches the mode of the signed-in coach's leg.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct ModeRequest {
    /// The mode to switch to.
    pub mode: CoachMode,
}
