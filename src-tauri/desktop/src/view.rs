//! The whole state as the user interface draws it: the session's view, and what only the shell knows.

use client::{KeyRingTroubles, ModeChoice, Person, View};
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::leaving::LeavingQuestion;
use crate::link::LinkToOpen;
use crate::place::Place;

/// The label of the only window.
pub const WINDOW: &str = "main";

/// How the bundled service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum LocalServiceStatus {
    /// It isn't used.
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

impl LocalService {
    /// As it is when a place was just chosen.
    pub fn at_first(place: Option<&Place>) -> Self {
        let status = match place.and_then(Place::local) {
            Some(_) => LocalServiceStatus::Starting,
            None => LocalServiceStatus::Off,
        };
        Self {
            status,
            message: None,
        }
    }
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

/// Everything that is drawn: the session's state and what follows from it, and what only the shell
/// knows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Type)]
pub struct AppView {
    /// Whose window this is.
    pub profile: String,
    /// The app's.
    pub version: String,
    /// Where the app works; null before it was chosen.
    pub place: Option<Place>,
    /// The bundled service.
    pub local_service: LocalService,
    /// Whom one click signs in; only with demo data.
    pub demo_users: Vec<DemoUser>,
    /// The session's state; the trouble with the microphone may be the sound card's, too.
    #[serde(flatten)]
    pub session: View,
    /// Every member, by name, and where they are.
    pub people: Vec<Person>,
    /// Every mode, in order, and why the user may not use it.
    pub modes: Vec<ModeChoice>,
    /// Why the user cannot place or join a call now; null when nothing here is in the way.
    pub occupied: Option<String>,
    /// Whether the organization's plan has Call Coaching.
    pub has_call_coaching: bool,
    /// Whether no one can hear the user because of the trouble with the microphone.
    pub microphone_silent: bool,
    /// What is wrong with the loudspeaker in use, if anything.
    pub loudspeaker_trouble: Option<String>,
    /// Whether the user can hear no one because of it.
    pub loudspeaker_silent: bool,
    /// The system's key ring.
    pub key_ring: KeyRingTroubles,
    /// What is wrong on this computer, in sentences that stay until it's over or was read.
    pub notices: Vec<String>,
    /// A link that the window has yet to follow.
    pub link: Option<LinkToOpen>,
    /// What to ask somebody who leaves in the middle of a call.
    pub leaving: Option<LeavingQuestion>,
}

impl AppView {
    /// Takes in what the session says; what only the shell knows stays.
    pub fn take(&mut self, view: &View) {
        self.session = view.clone();
        self.people = view.people();
        self.modes = view.modes();
        self.occupied = view.occupied();
        self.has_call_coaching = view.has_call_coaching();
    }

    /// The name of a member, as far as it is known.
    pub fn name_of(&self, id: &wire::UserId) -> String {
        let user = self.session.users.get(id);
        user.map_or_else(|| "A teammate".into(), |user| user.first_name.clone())
    }
}
