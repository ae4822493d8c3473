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
    MicrophoneTrouble(Option<String>),
    /// What is wrong with the loudspeaker.
    LoudspeakerTrouble(Option<String>),
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

async fn run(app: AppHandle, mut inbox: mpsc::Receiver<Change>, sender: watch::Sender<AppView>) {
    let mut view = sender.borrow().clone();
    let mut session = Arc::new(View::default());
    let mut sound_trouble = (None, None);
    while let Some(change) = inbox.recv().await {
        let mut next = Some(change);
        while let Some(change) = next {
            match change {
                Change::Session(new) => session = new,
                Change::Server(server) => view.server = server,
                Change::LocalService(service) => view.local_service = service,
                Change::MicrophoneTrouble(trouble) => sound_trouble.0 = trouble,
                Change::LoudspeakerTrouble(trouble) => sound_trouble.1 = trouble,
            }
            next = inbox.try_recv().ok();
        }
        view.take(&session);
        view.demo_users = if view.server.local {
            demo_users()
        } else {
            Vec::new()
        };
        let microphone_trouble = &mut view.session.microphone_trouble;
        *microphone_trouble = microphone_trouble.take().or(sound_trouble.0.clone());
        view.loudspeaker_trouble.clone_from(&sound_trouble.1);
        let changed = sender.send_if_modified(|shown| {
            let changed = *shown != view;
            if changed {
                shown.clone_from(&view);
            }
            changed
        });
        if changed {
            if let Err(error) = ViewChanged(view.clone()).emit(&app) {
                log::warn!("the window could not be told: {error}");
            }
            tray::show_presence(&app, &view);
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
