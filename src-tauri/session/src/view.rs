//! What can be shown: the whole state, as it is now, and what follows from it.

use std::collections::BTreeMap;

use mix::Mode;
use serde::{Serialize, Serializer};
use specta::Type;
use wire::{
    Balance, Call, CallId, CoachMode, DeviceId, HangupCause, Invitation, InvitationId,
    LegEndReason, Me, Permission, PresenceStatus, User, UserAvailability, UserId,
};

use crate::coaching::{Coaching, CoachingView, shown};

/// The connection to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Type)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Type)]
#[serde(rename_all = "snake_case")]
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
    /// It was lost for longer than the service waits: the call has probably ended.
    Lost,
}

/// Who hears the user now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
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
    /// The call ended, and for this reason; `None` when the service doesn't say.
    Call(Option<HangupCause>),
    /// The service's reason, while the call goes on.
    Leg(LegEndReason),
    /// The coach moved the sound to another device of theirs (J4).
    MovedDevice,
    /// The coach signed out.
    SignedOut,
    /// The leg is no longer there.
    Gone,
}

/// The user's own call: the user is its rep.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
pub struct MyCall {
    /// The call, as the service last told of it; its coach legs say who coaches, in which mode (W5).
    pub call: Call,
    /// Whether the user's microphone is muted here.
    pub muted: bool,
    /// Whether the user hung up and the end is not confirmed yet.
    pub ending: bool,
}

/// The whole state, for the user interface to draw. It crosses there as lists, without what only this
/// side needs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Type)]
pub struct View {
    /// The connection to the service.
    pub connection: Connection,
    /// Whether somebody is being signed in, by password or by what was kept.
    pub signing_in: bool,
    /// Whether the next run can resume this sign-in. If not, it is for this run only.
    pub sign_in_kept: bool,
    /// Whether the service takes the sign-in no longer, and a call goes on all the same. The user signs
    /// in again after it.
    pub sign_in_lost: bool,
    /// The service's calendar clock minus this machine's, as of the newest `welcome`.
    #[specta(type = i32)]
    pub clock_offset_ms: i64,
    /// Who is signed in; `None` until it is read.
    pub me: Option<Me>,
    /// The user's id, known from signing in.
    #[serde(skip)]
    pub user_id: Option<UserId>,
    /// This device's id.
    #[serde(skip)]
    pub device_id: Option<DeviceId>,
    /// The organization's members.
    #[serde(serialize_with = "values")]
    #[specta(type = Vec<User>)]
    pub users: BTreeMap<UserId, User>,
    /// Counts how often members, roles, groups or numbers changed: whoever shows them reads them anew.
    pub directory_version: u32,
    /// Who is online, with which client, on which calls.
    #[serde(skip)]
    pub availability: BTreeMap<UserId, UserAvailability>,
    /// Calls in progress that the user may see.
    #[serde(serialize_with = "values")]
    #[specta(type = Vec<Call>)]
    pub calls: BTreeMap<CallId, Call>,
    /// The user's own call.
    pub my_call: Option<MyCall>,
    /// Whom the user invited to that call, with the newest state of each invitation (W3).
    #[serde(serialize_with = "values")]
    #[specta(type = Vec<Invitation>)]
    pub sent_invitations: BTreeMap<UserId, Invitation>,
    /// The call that the user coaches.
    #[serde(serialize_with = "shown")]
    #[specta(type = Option<CoachingView>)]
    pub coaching: Option<Coaching>,
    /// The organization's balance, for those who manage it; `None` until it is read.
    pub balance: Option<Balance>,
    /// Open invitations to the user.
    #[serde(serialize_with = "values")]
    #[specta(type = Vec<Invitation>)]
    pub invitations: BTreeMap<InvitationId, Invitation>,
    /// The connection of the sound.
    pub media: MediaStatus,
    /// Who hears the user now.
    #[serde(skip)]
    pub audience: Option<Audience>,
    /// Why the user cannot be heard although the microphone should be open.
    pub microphone_trouble: Option<String>,
}

/// One of the modes, and whether the user's role has it (A1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct ModeChoice {
    /// Which.
    pub mode: CoachMode,
    /// Why the user may not use it, in words; `None` when they may.
    pub refusal: Option<String>,
}

/// Where a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// On a call, by whichever client.
    OnCall,
    /// Online, and on no call.
    Online,
    /// Neither.
    Offline,
}

/// A member, and where they are (W1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct Person {
    /// The member.
    pub user_id: UserId,
    /// Where they are.
    pub presence: Presence,
    /// Their call in progress, when it is one that the user may see.
    pub call_id: Option<CallId>,
    /// The name of the lead they speak with, also when only their presence tells of the call.
    pub lead_name: Option<String>,
}

impl View {
    /// Whether the organization's plan has Call Coaching (J3); until it is known, it is taken to.
    #[must_use]
    pub fn has_call_coaching(&self) -> bool {
        let me = self.me.as_ref();
        me.is_none_or(|me| me.organization.plan.has_call_coaching())
    }

    /// Whether the user manages the organization.
    #[must_use]
    pub fn manages(&self) -> bool {
        let me = self.me.as_ref();
        me.is_some_and(|me| {
            me.role
                .permissions
                .contains(&Permission::ManageOrganization)
        })
    }

    /// Every mode, in order, and why the user may not use it. Whether they really may is decided by the
    /// service each time (A2).
    #[must_use]
    pub fn modes(&self) -> Vec<ModeChoice> {
        let allows = |mode| self.me.as_ref().is_some_and(|me| me.role.allows(mode));
        [CoachMode::Listen, CoachMode::Whisper, CoachMode::Barge]
            .map(|mode| {
                let permission = match mode {
                    CoachMode::Listen => "Listen",
                    CoachMode::Whisper | CoachMode::Barge => "Whisper & Barge",
                };
                let refusal = || format!("Your role doesn't have the {permission} permission");
                ModeChoice {
                    mode,
                    refusal: (!allows(mode)).then(refusal),
                }
            })
            .into()
    }

    /// Whether the user is on a call: their own, or one that they coach.
    #[must_use]
    pub const fn is_on_call(&self) -> bool {
        self.my_call.is_some() || self.coaching.is_some()
    }

    /// Why the user cannot place or join a call now, in words; `None` when nothing here is in the way.
    #[must_use]
    pub fn occupied(&self) -> Option<String> {
        let why = if self.my_call.is_some() {
            "You're on a call"
        } else if self.coaching.is_some() {
            "You're coaching a call"
        } else if self.connection != Connection::Online {
            "You're not connected to the service"
        } else {
            return None;
        };
        Some(why.into())
    }

    /// Every member, by name, and where they are.
    #[must_use]
    pub fn people(&self) -> Vec<Person> {
        let calls = self.calls.values().filter(|call| !call.status.is_over());
        let call_of: BTreeMap<&UserId, &Call> = calls.map(|call| (&call.user_id, call)).collect();
        let mut users: Vec<&User> = self.users.values().collect();
        users.sort_by_cached_key(|user| {
            let name = format!("{} {}", user.first_name, user.last_name);
            (name.trim().to_lowercase(), user.id.clone())
        });
        let person = |user: &User| {
            let clients = self.availability.get(&user.id);
            let clients = clients.map_or(&[][..], |user| &user.availability);
            let call = call_of.get(&user.id);
            let elsewhere = || {
                clients
                    .iter()
                    .flat_map(|client| &client.active_calls)
                    .next()
            };
            let lead = call
                .map(|call| &call.lead)
                .or_else(|| elsewhere().map(|call| &call.lead));
            let is_online = |status| status == PresenceStatus::Online;
            let presence = if lead.is_some() {
                Presence::OnCall
            } else if clients.iter().any(|client| is_online(client.status)) {
                Presence::Online
            } else {
                Presence::Offline
            };
            Person {
                user_id: user.id.clone(),
                presence,
                call_id: call.map(|call| call.id.clone()),
                lead_name: lead.map(|lead| lead.display_name.clone()),
            }
        };
        users.into_iter().map(person).collect()
    }
}

/// What a map holds, as a list.
fn values<K, V: Serialize, S: Serializer>(
    map: &BTreeMap<K, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}
