//! The one owner of what is drawn: every change comes here, and the whole goes to the window.

use std::sync::Arc;
use std::time::Duration;

use client::View;
use tauri::AppHandle;
use tauri_specta::Event as _;
use tokio::sync::{mpsc, watch};

use crate::events::ViewChanged;
use crate::tray;
use crate::view::{AppView, DemoUser, LocalService, Server};

/// Changes that may wait.
const CHANGES_MAX: usize = 256;
/// The window is drawn so often at most: a burst of presence is one drawing.
const INTERVAL: Duration = Duration::from_millis(30);

/// Everything that changes what is drawn.
#[derive(Debug)]
pub enum Change {
    /// The session's state.
    Session(Arc<View>),
    /// Another service is used.
    Server(Server),
    /// The bundled service.
    LocalService(LocalService),
    /// What is wrong with the microphone.
    MicrophoneTrouble(Option<sound::Fault>),
    /// What is wrong with the loudspeaker.
    LoudspeakerTrouble(Option<sound::Fault>),
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

    /// Waits until somebody is signed in and the state is read.
    pub async fn until_signed_in(&self) {
        // The loop ends with the app only.
        let _ = self
            .view
            .clone()
            .wait_for(|view| view.session.me.is_some())
            .await;
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
}

impl Drawing {
    /// Before anything changed.
    pub fn new(first: AppView) -> Self {
        Self {
            shell: first,
            session: Arc::default(),
            microphone: None,
            loudspeaker: None,
        }
    }

    /// Takes a change in.
    pub fn take(&mut self, change: Change) {
        match change {
            Change::Session(session) => self.session = session,
            Change::Server(server) => self.shell.server = server,
            Change::LocalService(service) => self.shell.local_service = service,
            Change::MicrophoneTrouble(fault) => self.microphone = fault,
            Change::LoudspeakerTrouble(fault) => self.loudspeaker = fault,
        }
    }

    /// The whole, as it is now.
    pub fn view(&self) -> AppView {
        let mut view = self.shell.clone();
        view.take(&self.session);
        if view.server.local {
            view.demo_users = demo_users();
        }
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
                log::warn!("the window could not be told: {error}");
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
        ("taylor", "Taylor Tate", "Trainee: may only listen"),
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
