//! What the app holds while it runs: the session, the sound card, and what is kept.

use std::sync::{Arc, Mutex, PoisonError};

use client::{Devices, KeyRing, Session};
use sound::SoundCard;
use tauri::AppHandle;
use tokio::sync::watch;

use crate::address::checked;
use crate::disk;
use crate::error::AppError;
use crate::kept_sign_in;
use crate::link;
use crate::playback::Deck;
use crate::presenter::{About, Change, Presenter};
use crate::profile::Profile;
use crate::pump;
use crate::reset_link;
use crate::settings::{AppSettings, Kept, SettingsFile};
use crate::view::Server;

/// The app's parts. Commands are given it by Tauri.
pub struct App {
    /// Whose window this is.
    pub profile: Profile,
    /// What is drawn.
    pub presenter: Presenter,
    /// Microphones and loudspeakers.
    pub card: SoundCard,
    /// The recording that plays.
    pub deck: Deck,
    /// Where the bundled service answers.
    pub local_url: String,
    /// Whether the bundled service is wanted.
    local_wanted: watch::Sender<bool>,
    kept: Mutex<(Kept, SettingsFile)>,
    link: Mutex<Link>,
}

/// The session with the service in use, and what passes its events on.
struct Link {
    session: Session,
    pump: tauri::async_runtime::JoinHandle<()>,
}

/// What an app is made of.
pub struct Parts {
    pub profile: Profile,
    pub presenter: Presenter,
    pub card: SoundCard,
    pub local_url: String,
    pub local_wanted: watch::Sender<bool>,
    pub kept: Kept,
    pub file: SettingsFile,
}

impl App {
    /// With a session for the service that was chosen, in which nobody is signed in yet.
    ///
    /// # Errors
    /// When the service's address is none.
    pub fn new(app: &AppHandle, parts: Parts, server: Option<&str>) -> Result<Self, AppError> {
        let local = server.is_none();
        let url = server.unwrap_or(&parts.local_url).to_owned();
        let link = Link::start(app, &parts.profile, &parts.presenter, local, &url)?;
        parts.local_wanted.send_replace(local);
        let app = Self {
            profile: parts.profile,
            presenter: parts.presenter,
            card: parts.card,
            deck: Deck::default(),
            local_url: parts.local_url,
            local_wanted: parts.local_wanted,
            kept: Mutex::new((parts.kept, parts.file)),
            link: Mutex::new(link),
        };
        app.apply(&app.settings());
        Ok(app)
    }

    /// The session with the service in use.
    pub fn session(&self) -> Session {
        let link = self.link.lock();
        link.unwrap_or_else(PoisonError::into_inner).session.clone()
    }

    /// Uses another service from now on; `None` is the bundled one.
    ///
    /// # Errors
    /// While somebody is signed in, or when it is not an address to send a password to.
    pub async fn set_server(
        &self,
        app: &AppHandle,
        server: Option<String>,
    ) -> Result<(), AppError> {
        let session = self.session();
        session.stop_resuming().await?;
        if session.view().user_id.is_some() {
            return Err(AppError::new(
                "not_possible",
                "Sign out first, then choose another server.",
            ));
        }
        let url = match &server {
            Some(url) => checked(url)?,
            None => self.local_url.clone(),
        };
        let local = server.is_none();
        let link = Link::start(app, &self.profile, &self.presenter, local, &url)?;
        self.replace(link);
        self.local_wanted.send_replace(local);
        let kept = server.is_some().then(|| url.clone());
        self.presenter
            .tell(Change::Server(Server { local, url }))
            .await;
        self.keep(|all| all.server = kept).await;
        Ok(())
    }

    fn replace(&self, link: Link) {
        let mut slot = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, link).pump.abort();
    }

    /// A microphone and a loudspeaker for a call, the ones that are set. The Settings page's meter is
    /// over with it: in Listen the microphone is closed (M4).
    pub fn devices(&self) -> Devices {
        self.close_meters();
        // On a call nothing else is heard.
        self.deck.stop();
        Devices::new(self.card.microphone(), self.card.loudspeaker())
    }

    /// No microphone is open any more just for the Settings page to show its level.
    pub fn close_meters(&self) {
        self.card.meter(false);
        self.card.meter_all(false);
    }

    /// What is set.
    pub fn settings(&self) -> AppSettings {
        let kept = self.kept.lock();
        let kept = kept.unwrap_or_else(PoisonError::into_inner);
        kept.0.settings.clone()
    }

    /// Sets it, keeps it, and lets the sound card know. What can't be kept is in use all the same, for
    /// this run, and the window says so.
    pub async fn set_settings(&self, settings: AppSettings) {
        self.apply(&settings);
        self.keep(|kept| kept.settings = settings).await;
    }

    /// The link by which somebody is invited into the organization.
    pub fn invite_link(&self, token: &str) -> String {
        let server = self.presenter.view().server;
        link::invite(token, (!server.local).then_some(&server.url))
    }

    /// What such a link carries.
    ///
    /// # Errors
    /// When it is none, or one of another service than is in use.
    pub fn invite_token(&self, link: &str) -> Result<String, AppError> {
        let (token, server) = link::read_invite(link).ok_or_else(|| {
            let message =
                "That's not a valid invite link. Copy all of it, starting with callcoaching://.";
            AppError::new("settings", message)
        })?;
        let in_use = self.presenter.view().server;
        match server {
            Some(server) if in_use.local || server != in_use.url => Err(AppError::new(
                "settings",
                format!(
                    "That invite link is for another server. Choose {server} first, then open the \
                     link again."
                ),
            )),
            _ => Ok(token),
        }
    }

    /// The link by which a member chooses a new password.
    pub fn reset_link(&self, token: &str) -> String {
        let server = self.presenter.view().server;
        reset_link::write(token, (!server.local).then_some(&server.url))
    }

    /// What such a link carries.
    ///
    /// # Errors
    /// When it is none, or one of another service than is in use.
    pub fn reset_token(&self, link: &str) -> Result<String, AppError> {
        let (token, server) = reset_link::read(link).ok_or_else(|| {
            AppError::new(
                "settings",
                "That's not a valid reset link. Copy all of it, or ask for a new one.",
            )
        })?;
        let in_use = self.presenter.view().server;
        match server {
            Some(server) if in_use.local || !same_server(&server, &in_use.url) => {
                Err(AppError::new(
                    "settings",
                    format!(
                        "That reset link is for another server. Choose {server} first, then open \
                         the link again."
                    ),
                ))
            }
            _ => Ok(token),
        }
    }

    fn apply(&self, settings: &AppSettings) {
        self.card.choose(sound::Choice {
            microphone: settings.microphone.clone(),
            loudspeaker: settings.loudspeaker.clone(),
        });
        self.card.processing(sound::Processing {
            echo_cancellation: settings.echo_cancellation,
            noise_suppression: settings.noise_suppression,
            gain_control: settings.gain_control,
        });
    }

    /// Keeps it; says so when that fails.
    async fn keep(&self, change: impl FnOnce(&mut Kept)) {
        let saved = {
            let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let (kept, file) = &mut *all;
            change(kept);
            file.save(kept)
        };
        let notices = match saved {
            // What could not be read before is replaced now, and put aside.
            Ok(()) => vec![(About::SettingsRead, None), (About::SettingsSaved, None)],
            Err(error) => {
                log::warn!("could not save the settings: {error}");
                let why = disk::reason(&error);
                let notice = format!(
                    "Couldn't save your settings: {why}. They apply until you close the app."
                );
                vec![(About::SettingsSaved, Some(notice))]
            }
        };
        for (about, notice) in notices {
            self.presenter.tell(Change::Notice(about, notice)).await;
        }
    }
}

/// Whether two addresses are one server's, however they end.
fn same_server(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// What this computer is called, as far as the service takes it for a name.
fn device_name() -> Option<String> {
    let name = gethostname::gethostname();
    let name: String = name
        .to_string_lossy()
        .chars()
        .filter(|letter| letter.is_ascii_graphic())
        .take(64)
        .collect();
    (!name.is_empty()).then_some(name)
}

impl Link {
    fn start(
        app: &AppHandle,
        profile: &Profile,
        presenter: &Presenter,
        local: bool,
        url: &str,
    ) -> Result<Self, AppError> {
        // The bundled service stays the same one on another port.
        let service = if local { "local" } else { url };
        let credentials = Arc::new(KeyRing::new(&profile.to_string(), service));
        let settings = client::Settings {
            credentials: Some(credentials),
            device_name: device_name(),
            ..client::Settings::new(url)
        };
        // A session starts tasks of its own, which needs the runtime.
        let runtime = tauri::async_runtime::handle();
        let _entered = runtime.inner().enter();
        let session = Session::start(settings)?;
        let pump = pump::session(app.clone(), presenter.clone(), session.clone());
        let key_ring = kept_sign_in::follow_key_ring(presenter.clone(), session.clone());
        let pumps = async { tokio::join!(pump, key_ring) };
        Ok(Self {
            session,
            pump: tauri::async_runtime::spawn(async move {
                pumps.await;
            }),
        })
    }
}
