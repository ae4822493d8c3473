//! The one owner of what is drawn: every change comes here, and the whole goes to the window.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use client::{KeyRingTroubles, View};
use tauri::AppHandle;
use tauri_specta::Event as _;
use tokio::sync::{mpsc, watch};

use crate::events::ViewChanged;
use crate::leaving::LeavingQuestion;
use crate::link::{Link, LinkToOpen};
use crate::place::{Local, Place};
use crate::tray;
use crate::view::{AppView, DemoUser, LocalService};

/// Changes that may wait.
const CHANGES_MAX: usize = 256;
/// The window is drawn so often at most: a burst of presence is one drawing.
const INTERVAL: Duration = Duration::from_millis(30);

/// What a notice is about. There is one of each at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The app's folder.
    Folder,
    /// The settings as they were read.
    SettingsRead,
    /// The settings as they were saved last.
    SettingsSaved,
}

/// Everything that changes what is drawn.
#[derive(Debug)]
pub enum Change {
    /// The session's state.
    Session(Arc<View>),
    /// The app works elsewhere, or nowhere yet.
    Place(Option<Place>),
    /// The bundled service of this place.
    LocalService(Local, LocalService),
    /// What is wrong with the microphone.
    MicrophoneTrouble(Option<sound::Fault>),
    /// What is wrong with the loudspeaker.
    LoudspeakerTrouble(Option<sound::Fault>),
    /// What is wrong with the key ring.
    KeyRing(KeyRingTroubles),
    /// What is wrong on this computer; `None` when it's well again.
    Notice(About, Option<String>),
    /// A link was opened; it takes the place of one that wasn't followed yet.
    Link(Link),
    /// The window follows the link of this number.
    LinkFollowed(u32),
    /// Somebody on a call wants to leave; `None` when that's answered.
    Leaving(Option<LeavingQuestion>),
}

/// Where changes are told, and the state is read.
#[derive(Debug, Clone)]
pub struct Presenter {
    changes: mpsc::Sender<Change>,
    view: watch::Receiver<AppView>,
}

impl Presenter {
    /// Starts from this state. Must be called within a tokio runtime.
    pub fn start(app: AppHandle, first: AppView) -> Self {
        let (changes, inbox) = mpsc::channel(CHANGES_MAX);
        let (sender, view) = watch::channel(first);
        tauri::async_runtime::spawn(run(app, inbox, sender));
        Self { changes, view }
    }

    /// Tells a change; waits while too many do.
    pub async fn tell(&self, change: Change) {
        // The loop ends with the app only.
        let _ = self.changes.send(change).await;
    }

    /// What is drawn now.
    pub fn view(&self) -> AppView {
        self.view.borrow().clone()
    }
}

/// What is drawn, put together from all that changes it.
#[derive(Debug)]
pub struct Drawing {
    /// What only the shell knows.
    shell: AppView,
    session: Arc<View>,
    microphone: Option<sound::Fault>,
    loudspeaker: Option<sound::Fault>,
    notices: BTreeMap<About, String>,
    links: u32,
}

impl Drawing {
    /// Before anything changed.
    pub fn new(first: AppView) -> Self {
        Self {
            shell: first,
            session: Arc::default(),
            microphone: None,
            loudspeaker: None,
            notices: BTreeMap::new(),
            links: 0,
        }
    }

    /// Takes a change in.
    pub fn take(&mut self, change: Change) {
        match change {
            Change::Session(session) => self.session = session,
            Change::Place(place) => {
                self.shell.local_service = LocalService::at_first(place.as_ref());
                self.shell.place = place;
            }
            Change::LocalService(of, service) => {
                // What is said of another one comes too late.
                if self.shell.place.as_ref().and_then(Place::local) == Some(of) {
                    self.shell.local_service = service;
                }
            }
            Change::MicrophoneTrouble(fault) => self.microphone = fault,
            Change::LoudspeakerTrouble(fault) => self.loudspeaker = fault,
            Change::KeyRing(key_ring) => self.shell.key_ring = key_ring,
            Change::Notice(about, Some(notice)) => {
                self.notices.insert(about, notice);
            }
            Change::Notice(about, None) => {
                self.notices.remove(&about);
            }
            Change::Link(link) => {
                self.links = self.links.wrapping_add(1);
                let number = self.links;
                self.shell.link = Some(LinkToOpen { number, link });
            }
            Change::LinkFollowed(number) => {
                self.shell.link.take_if(|link| link.number == number);
            }
            Change::Leaving(question) => self.shell.leaving = question,
        }
        // There is nothing left to ask once the call is over.
        if !self.session.is_on_call() {
            self.shell.leaving = None;
        }
    }

    /// The whole, as it is now.
    pub fn view(&self) -> AppView {
        let mut view = self.shell.clone();
        view.take(&self.session);
        if view.place == Some(Place::Demo) {
            view.demo_users = demo_users();
        }
        view.notices = self.notices.values().cloned().collect();
        let is_silent =
            |fault: &Option<sound::Fault>| fault.as_ref().is_some_and(|it| it.is_silent);
        let message = |fault: &Option<sound::Fault>| fault.as_ref().map(|it| it.message.clone());
        // What the session says is always that no one hears the user.
        let trouble = &mut view.session.microphone_trouble;
        view.microphone_silent = trouble.is_some() || is_silent(&self.microphone);
        *trouble = trouble.take().or_else(|| message(&self.microphone));
        view.loudspeaker_silent = is_silent(&self.loudspeaker);
        view.loudspeaker_trouble = message(&self.loudspeaker);
        view
    }
}

async fn run(app: AppHandle, mut inbox: mpsc::Receiver<Change>, sender: watch::Sender<AppView>) {
    let mut drawing = Drawing::new(sender.borrow().clone());
    while let Some(change) = inbox.recv().await {
        let mut next = Some(change);
        while let Some(change) = next {
            drawing.take(change);
            next = inbox.try_recv().ok();
        }
        let view = drawing.view();
        let changed = sender.send_if_modified(|shown| {
            let changed = *shown != view;
            if changed {
                shown.clone_from(&view);
            }
            changed
        });
        if changed {
            tray::show_presence(&app, &view);
            if let Err(error) = ViewChanged(view).emit(&app) {
                log::warn!("could not update the window: {error}");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

/// The people of the bundled service's demonstration.
fn demo_users() -> Vec<DemoUser> {
    [
        ("riley", "Riley Reed", "Salesperson"),
        ("morgan", "Morgan Moss", "Sales manager"),
        ("casey", "Casey Cole", "Sales manager"),
        ("jordan", "Jordan Jay", "Sales manager"),
        ("taylor", "Taylor Tate", "Trainee (listen only)"),
        ("sam", "Sam Shaw", "Salesperson"),
        ("admin", "Alex Ash", "Admin"),
    ]
    .map(|(address, name, role)| DemoUser {
        email: format!("{address}@demo.example"),
        name: name.into(),
        role: role.into(),
    })
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaving::Leaving;
    use crate::view::LocalServiceStatus;

    fn link_of(drawing: &Drawing) -> Option<u32> {
        drawing.view().link.map(|link| link.number)
    }

    #[test]
    fn a_link_waits_until_the_window_follows_it_and_the_newest_counts() {
        let mut drawing = Drawing::new(AppView::default());
        drawing.take(Change::Link(Link::Unknown));
        assert_eq!(link_of(&drawing), Some(1));
        drawing.take(Change::Link(Link::Unknown));
        drawing.take(Change::LinkFollowed(1));
        assert_eq!(link_of(&drawing), Some(2), "the second waits still");
        drawing.take(Change::LinkFollowed(2));
        assert_eq!(link_of(&drawing), None);
    }

    #[test]
    fn o1_only_the_service_of_the_place_in_use_is_shown_and_the_demos_people_only_there() {
        let mut drawing = Drawing::new(AppView::default());
        let running = || LocalService {
            status: LocalServiceStatus::Running,
            message: None,
        };
        let status = |drawing: &Drawing| drawing.view().local_service.status;
        assert_eq!(status(&drawing), LocalServiceStatus::Off);
        drawing.take(Change::Place(Some(Place::Demo)));
        assert_eq!(status(&drawing), LocalServiceStatus::Starting);
        drawing.take(Change::LocalService(Local::Demo, running()));
        assert_eq!(status(&drawing), LocalServiceStatus::Running);
        assert!(!drawing.view().demo_users.is_empty());

        drawing.take(Change::Place(Some(Place::Team)));
        drawing.take(Change::LocalService(Local::Demo, running()));
        assert_eq!(status(&drawing), LocalServiceStatus::Starting);
        assert!(drawing.view().demo_users.is_empty());
        let url = "https://calls.example".into();
        for elsewhere in [None, Some(Place::Server { url })] {
            drawing.take(Change::Place(elsewhere));
            drawing.take(Change::LocalService(Local::Team, running()));
            assert_eq!(status(&drawing), LocalServiceStatus::Off);
            assert!(drawing.view().demo_users.is_empty());
        }
    }

    #[test]
    fn a_notice_stays_until_it_is_over_and_a_newer_one_takes_its_place() {
        let mut drawing = Drawing::new(AppView::default());
        for text in ["the disk is full", "the disk is read-only"] {
            drawing.take(Change::Notice(About::SettingsSaved, Some(text.into())));
        }
        drawing.take(Change::Notice(About::Folder, Some("no log".into())));
        let notices = drawing.view().notices;
        assert_eq!(notices, ["no log", "the disk is read-only"]);
        drawing.take(Change::Notice(About::SettingsSaved, None));
        assert_eq!(drawing.view().notices, ["no log"]);
    }

    #[test]
    fn nobody_is_asked_about_a_call_that_is_over() {
        let mut drawing = Drawing::new(AppView::default());
        drawing.take(Change::Leaving(Some(LeavingQuestion {
            how: Leaving::Close,
            can_hide: true,
        })));
        assert_eq!(drawing.view().leaving, None);
    }
}
