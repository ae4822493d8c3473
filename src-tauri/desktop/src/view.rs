//! The whole state as the user interface draws it: the session's view, and what only the shell knows.

use client::View;
use serde::{Deserialize, Serialize};
use specta::Type;
use wire::{Balance, Call, CallId, CoachLeg, CoachMode, Invitation, Me, User, UserAvailability};

/// The connection to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Nobody is signed in.
    #[default]
    SignedOut,
    /// The first connection is being made.
    Connecting,
    /// Events come as they happen.
    Online,
    /// It was lost and is being made again.
    Resuming,
    /// The service cannot be reached; the next try is after a wait.
    Offline,
}

/// The connection of the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum MediaStatus {
    /// There is none.
    #[default]
    Idle,
    /// It is being made for the first time.
    Connecting,
    /// Sound flows.
    Connected,
    /// It was lost and is being made again.
    Reconnecting,
}

/// Who hears the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Nobody.
    Nobody,
    /// The rep only.
    Rep,
    /// Everybody on the call, and the recording.
    Everybody,
}

/// Which service the app talks to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
pub struct Server {
    /// Whether it is the bundled one.
    pub local: bool,
    /// Its address.
    pub url: String,
}

/// How the bundled service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum LocalServiceStatus {
    /// Another service is used.
    #[default]
    Off,
    /// It is being started.
    Starting,
    /// It answers.
    Running,
    /// It could not be started; it is tried again.
    Failed,
}

/// The bundled service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
pub struct LocalService {
    /// How it does.
    pub status: LocalServiceStatus,
    /// Why it failed, for the person.
    pub message: Option<String>,
}

/// Somebody of the demonstration, to sign in as with one click.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DemoUser {
    /// The address to sign in with.
    pub email: String,
    /// First and last name.
    pub name: String,
    /// What they are there.
    pub role: String,
}

/// The user's own call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MyCall {
    /// The call, with its coach legs (W5).
    pub call: Call,
    /// Whether the microphone is muted here.
    pub muted: bool,
    /// Whether the user hung up and that is not confirmed yet.
    pub ending: bool,
}

/// The call that the user coaches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct Coaching {
    /// The call's id.
    pub call_id: CallId,
    /// The call; null for a moment while it is not read.
    pub call: Option<Call>,
    /// The user's leg.
    pub leg: CoachLeg,
    /// The mode that is confirmed, or narrower.
    pub mode: CoachMode,
    /// The mode that was asked for and is not confirmed.
    pub mode_under_way: Option<CoachMode>,
    /// Who hears the user now.
    pub audience: Audience,
    /// Whether the microphone is muted.
    pub muted: bool,
    /// Whether sound and events flow.
    pub connected: bool,
}

/// Everything that is drawn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Type)]
pub struct AppView {
    /// Whose window this is.
    pub profile: String,
    /// The app's.
    pub version: String,
    /// The service in use.
    pub server: Server,
    /// The bundled service.
    pub local_service: LocalService,
    /// Whom one click signs in; only with the bundled service.
    pub demo_users: Vec<DemoUser>,
    /// Whether somebody is being signed in, or a kept sign-in taken up again.
    pub signing_in: bool,
    /// Whether the next start will be signed in too.
    pub sign_in_kept: bool,
    /// The connection to the service.
    pub connection: Connection,
    /// The service's clock minus this machine's.
    #[specta(type = i32)]
    pub clock_offset_ms: i64,
    /// Who is signed in.
    pub me: Option<Me>,
    /// The organization's members.
    pub users: Vec<User>,
    /// Counts how often members, roles, groups or numbers changed: whoever shows them reads them anew.
    pub directory_version: u32,
    /// Who is online, on which calls.
    pub availability: Vec<UserAvailability>,
    /// Calls in progress that the user may see.
    pub calls: Vec<Call>,
    /// The user's own call.
    pub my_call: Option<MyCall>,
    /// The call that the user coaches.
    pub coaching: Option<Coaching>,
    /// The organization's balance, for those who manage it; null until it is known.
    pub balance: Option<Balance>,
    /// Open invitations to the user.
    pub invitations: Vec<Invitation>,
    /// The connection of the sound.
    pub media: MediaStatus,
    /// What is wrong with the microphone in use, if anything.
    pub microphone_trouble: Option<String>,
    /// What is wrong with the loudspeaker in use, if anything.
    pub loudspeaker_trouble: Option<String>,
}

impl AppView {
    /// Takes in what the session says; what only the shell knows stays.
    pub fn take(&mut self, view: &View) {
        self.signing_in = view.signing_in;
        self.sign_in_kept = view.sign_in_kept;
        self.connection = connection(view.connection);
        self.clock_offset_ms = view.clock_offset_ms;
        self.me = view.me.clone();
        self.users = view.users.values().cloned().collect();
        self.directory_version = view.directory_version;
        self.availability = view.availability.values().cloned().collect();
        self.calls = view.calls.values().cloned().collect();
        self.my_call = view.my_call.as_ref().map(|my_call| MyCall {
            call: my_call.call.clone(),
            muted: my_call.muted,
            ending: my_call.ending,
        });
        self.coaching = view.coaching.as_ref().map(|coaching| Coaching {
            call_id: coaching.call_id.clone(),
            call: view.calls.get(&coaching.call_id).cloned(),
            leg: coaching.leg.clone(),
            mode: coaching.mode(),
            mode_under_way: coaching.mode_under_way(),
            audience: audience(coaching.audience()),
            muted: coaching.muted,
            connected: coaching.connected,
        });
        self.balance = view.balance;
        self.invitations = view.invitations.values().cloned().collect();
        self.media = media(view.media);
    }

    /// The name of a member, as far as it is known.
    pub fn name_of(&self, id: &wire::UserId) -> String {
        let user = self.users.iter().find(|user| user.id == *id);
        user.map_or_else(|| "A teammate".into(), |user| user.first_name.clone())
    }
}

fn connection(connection: client::Connection) -> Connection {
    match connection {
        client::Connection::SignedOut => Connection::SignedOut,
        client::Connection::Connecting => Connection::Connecting,
        client::Connection::Online => Connection::Online,
        client::Connection::Resuming => Connection::Resuming,
        client::Connection::Offline => Connection::Offline,
    }
}

fn media(media: client::MediaStatus) -> MediaStatus {
    match media {
        client::MediaStatus::Idle => MediaStatus::Idle,
        client::MediaStatus::Connecting => MediaStatus::Connecting,
        client::MediaStatus::Connected => MediaStatus::Connected,
        client::MediaStatus::Reconnecting => MediaStatus::Reconnecting,
    }
}

fn audience(audience: client::Audience) -> Audience {
    match audience {
        client::Audience::Nobody => Audience::Nobody,
        client::Audience::Rep => Audience::Rep,
        client::Audience::Everybody => Audience::Everybody,
    }
}
