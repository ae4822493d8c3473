//! What can be shown: the whole state, as it is now.

use std::collections::BTreeMap;

use mix::Mode;
use wire::{
    Balance, Call, CallId, DeviceId, Invitation, InvitationId, LegEndReason, Me, User,
    UserAvailability, UserId,
};

use crate::coaching::Coaching;

/// The connection to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connection {
    /// Nobody is signed in.
    #[default]
    SignedOut,
    /// The first connection is being made, or a kept sign-in is resumed.
    Connecting,
    /// Events come as they happen.
    Online,
    /// The connection was lost; it is being made again.
    Resuming,
    /// The service cannot be reached; the next try is after a wait.
    Offline,
}

/// The connection of the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MediaStatus {
    /// There is none.
    #[default]
    Idle,
    /// It is being made for the first time.
    Connecting,
    /// Sound flows.
    Connected,
    /// It was lost, and is being made again.
    Reconnecting,
}

/// Who hears the user now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Nobody: in Listen, muted, or not connected.
    Nobody,
    /// The rep only.
    Rep,
    /// Everybody on the call, and the recording.
    Everybody,
}

impl Audience {
    /// Who hears a coach whose microphone is stamped with this mode.
    #[must_use]
    pub const fn of(mode: Mode) -> Self {
        match mode {
            Mode::Listen => Self::Nobody,
            Mode::Whisper => Self::Rep,
            Mode::Barge => Self::Everybody,
        }
    }
}

/// Why coaching ended here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The service's reason.
    Leg(LegEndReason),
    /// The coach moved the sound to another device of theirs (J4).
    MovedDevice,
    /// The coach signed out.
    SignedOut,
    /// The leg is no longer there.
    Gone,
}

/// The user's own call: the user is its rep.
#[derive(Debug, Clone, PartialEq)]
pub struct MyCall {
    /// The call, as the service last told of it; its coach legs say who coaches, in which mode (W5).
    pub call: Call,
    /// Whether the user's microphone is muted here.
    pub muted: bool,
    /// Whether the user hung up and the end is not confirmed yet.
    pub ending: bool,
}

/// The whole state, for the user interface to draw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct View {
    /// The connection to the service.
    pub connection: Connection,
    /// Whether somebody is being signed in, by password or by what was kept.
    pub signing_in: bool,
    /// Whether the next run can resume this sign-in. If not, it is for this run only.
    pub sign_in_kept: bool,
    /// The service's calendar clock minus this machine's, as of the newest `welcome`.
    pub clock_offset_ms: i64,
    /// Who is signed in; `None` until it is read.
    pub me: Option<Me>,
    /// The user's id, known from signing in.
    pub user_id: Option<UserId>,
    /// This device's id.
    pub device_id: Option<DeviceId>,
    /// The organization's members.
    pub users: BTreeMap<UserId, User>,
    /// Counts how often members, roles, groups or numbers changed: whoever shows them reads them anew.
    pub directory_version: u32,
    /// Who is online, with which client, on which calls.
    pub availability: BTreeMap<UserId, UserAvailability>,
    /// Calls in progress that the user may see.
    pub calls: BTreeMap<CallId, Call>,
    /// The user's own call.
    pub my_call: Option<MyCall>,
    /// The call that the user coaches.
    pub coaching: Option<Coaching>,
    /// The organization's balance, for those who manage it; `None` until it changed since sign-in.
    pub balance: Option<Balance>,
    /// Open invitations to the user.
    pub invitations: BTreeMap<InvitationId, Invitation>,
    /// The connection of the sound.
    pub media: MediaStatus,
    /// Who hears the user now.
    pub audience: Option<Audience>,
    /// Why the user cannot be heard although the microphone should be open.
    pub microphone_trouble: Option<String>,
}
