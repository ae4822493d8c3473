//! What the app holds while it runs: the session, the sound card, and what is kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use client::{Devices, KeyRing, Session};
use sound::SoundCard;
use tauri::AppHandle;
use tokio::sync::watch;

use crate::disk;
use crate::error::AppError;
use crate::kept_sign_in;
use crate::link::{self, Pass};
use crate::local_service::{Bundled, LocalSettings};
use crate::place::{Local, Place};
use crate::playback::Deck;
use crate::presenter::{About, Change, Presenter};
use crate::profile::Profile;
use crate::pump;
use crate::settings::{AppSettings, Kept, SettingsFile};
use crate::view::{LocalService, LocalServiceStatus};

/// Where no one is: what is used before a place was chosen. The name never has an address (RFC 2606).
const NOWHERE: &str = "https://nowhere.invalid";

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
    /// How the bundled service is started.
    local: LocalSettings,
    /// Which bundled service is wanted.
    wanted: watch::Sender<Option<Bundled>>,
    kept: Mutex<(Kept, SettingsFile)>,
    link: Mutex<Link>,
}

/// The session with the service in use, and what passes its events on.
struct Link {
    place: Option<Place>,
    /// The bundled service of that place; in words, why it can't be used.
    bundled: Option<Result<Bundled, String>>,
    session: Session,
    pump: tauri::async_runtime::JoinHandle<()>,
}

/// What an app is made of.
pub struct Parts {
    pub profile: Profile,
    pub presenter: Presenter,
    pub card: SoundCard,
    pub local: LocalSettings,
    pub wanted: watch::Sender<Option<Bundled>>,
    pub kept: Kept,
    pub file: SettingsFile,
}

impl App {
    /// With a session for the place that was chosen, in which nobody is signed in yet.
    ///
    /// # Errors
    /// When the service's address is none.
    pub fn new(app: &AppHandle, parts: Parts, place: Option<Place>) -> Result<Self, AppError> {
        let link = Link::start(app, &parts.profile, &parts.presenter, &parts.local, place)?;
        let app = Self {
            profile: parts.profile,
            presenter: parts.presenter,
            card: parts.card,
            deck: Deck::default(),
            local: parts.local,
            wanted: parts.wanted,
            kept: Mutex::new((parts.kept, parts.file)),
            link: Mutex::new(link),
        };
        app.apply(&app.settings());
        Ok(app)
    }

    /// The session with the service in use.
    pub fn session(&self) -> Session {
        self.link().session.clone()
    }

    /// Where the app works.
    pub fn place(&self) -> Option<Place> {
        self.link().place.clone()
    }

    /// The bundled service of the place in use, which must be this one.
    ///
    /// # Errors
    /// When another place is in use, or the service can't be used.
    pub fn bundled(&self, of: Local) -> Result<Bundled, AppError> {
        let bundled = self.link().bundled.clone();
        match bundled {
            Some(Ok(bundled)) if bundled.place == of => Ok(bundled),
            Some(Err(message)) => Err(AppError::new("local_service", message)),
            _ => {
                let message = match of {
                    Local::Team => "This computer's team isn't in use.",
                    Local::Demo => "Demo users are only available with demo data.",
                };
                Err(AppError::new("not_possible", message))
            }
        }
    }

    /// Has the bundled service of the place in use run, or says why it can't.
    pub async fn want_local_service(&self) {
        let (place, bundled) = {
            let link = self.link();
            (link.place.clone(), link.bundled.clone())
        };
        self.presenter.tell(Change::Place(place.clone())).await;
        if let (Some(of), Some(Err(message))) = (place.as_ref().and_then(Place::local), &bundled) {
            log::error!("the bundled service: {message}");
            let failed = LocalService {
                status: LocalServiceStatus::Failed,
                message: Some(message.clone()),
            };
            self.presenter.tell(Change::LocalService(of, failed)).await;
        }
        self.wanted.send_replace(bundled.and_then(Result::ok));
    }

    /// Works elsewhere from now on; `None` lets the window offer the choice.
    ///
    /// # Errors
    /// While somebody is signed in, or when it is not an address to send a password to.
    pub async fn set_place(&self, app: &AppHandle, place: Option<Place>) -> Result<(), AppError> {
        let place = place.map(Place::checked).transpose()?;
        let session = self.session();
        session.stop_resuming().await?;
        if session.view().user_id.is_some() {
            return Err(AppError::new(
                "not_possible",
                "Sign out first, then choose where to sign in.",
            ));
        }
        let link = Link::start(
            app,
            &self.profile,
            &self.presenter,
            &self.local,
            place.clone(),
        )?;
        std::mem::replace(&mut *self.link(), link).pump.abort();
        self.want_local_service().await;
        self.keep(|all| all.place = place).await;
        Ok(())
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
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
    ///
    /// # Errors
    /// Before a place was chosen, when nobody is in one.
    pub fn invite_link(&self, token: &str) -> Result<String, AppError> {
        let place = self.place().ok_or_else(nowhere_yet)?;
        Ok(link::invite(token, &place))
    }

    /// What an invite link carries. The app works from now on where it is good.
    ///
    /// # Errors
    /// When it is none, and as [`App::set_place`].
    pub async fn follow_invite(&self, app: &AppHandle, link: &str) -> Result<String, AppError> {
        let pass = link::read_invite(link).ok_or_else(|| {
            let message =
                "That's not a valid invite link. Copy all of it, starting with callcoaching://.";
            AppError::new("settings", message)
        })?;
        self.follow(app, pass).await
    }

    /// What a set-up link carries. The app works from now on where it is good.
    ///
    /// # Errors
    /// When it is none, and as [`App::set_place`].
    pub async fn follow_setup(&self, app: &AppHandle, link: &str) -> Result<String, AppError> {
        let pass = link::read_setup(link).ok_or_else(|| {
            let message = "That's not a valid set-up link. Copy all of it.";
            AppError::new("settings", message)
        })?;
        self.follow(app, pass).await
    }

    /// The link by which a member chooses a new password.
    ///
    /// # Errors
    /// Before a place was chosen, when nobody is in one.
    pub fn reset_link(&self, token: &str) -> Result<String, AppError> {
        let place = self.place().ok_or_else(nowhere_yet)?;
        Ok(link::reset(token, &place))
    }

    /// What a reset link carries. The app works from now on where it is good.
    ///
    /// # Errors
    /// When it is none, and as [`App::set_place`].
    pub async fn follow_reset(&self, app: &AppHandle, link: &str) -> Result<String, AppError> {
        let pass = link::read_reset(link).ok_or_else(|| {
            let message = "That's not a valid reset link. Copy all of it, or ask for a new one.";
            AppError::new("settings", message)
        })?;
        self.follow(app, pass).await
    }

    async fn follow(&self, app: &AppHandle, pass: Pass) -> Result<String, AppError> {
        let here = self.place();
        match pass.place.map(Place::checked).transpose()? {
            Some(place) if here.as_ref() != Some(&place) => {
                self.set_place(app, Some(place)).await?;
            }
            None if here.is_none() => return Err(nowhere_yet()),
            _ => {}
        }
        Ok(pass.token)
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
        local: &LocalSettings,
        place: Option<Place>,
    ) -> Result<Self, AppError> {
        let bundled = place.as_ref().and_then(Place::local);
        let bundled = bundled.map(|of| local.of(of));
        let settings = match (&place, &bundled) {
            (Some(Place::Server { url }), _) => Some((url.clone(), None)),
            (_, Some(Ok(bundled))) => Some((bundled.url(), Some(bundled.secret()))),
            // Without its secret nobody knows who answers.
            _ => None,
        };
        let settings = match (settings, &place) {
            (Some((url, local_secret)), Some(place)) => client::Settings {
                credentials: Some(Arc::new(KeyRing::new(&profile.to_string(), place.key()))),
                local_secret,
                device_name: device_name(),
                ..client::Settings::new(url)
            },
            _ => client::Settings::new(NOWHERE),
        };
        // A session starts tasks of its own, which needs the runtime.
        let runtime = tauri::async_runtime::handle();
        let _entered = runtime.inner().enter();
        let session = Session::start(settings)?;
        let pump = pump::session(app.clone(), presenter.clone(), session.clone());
        let key_ring = kept_sign_in::follow_key_ring(presenter.clone(), session.clone());
        let pumps = async { tokio::join!(pump, key_ring) };
        Ok(Self {
            place,
            bundled,
            session,
            pump: tauri::async_runtime::spawn(async move {
                pumps.await;
            }),
        })
    }
}

fn nowhere_yet() -> AppError {
    AppError::new("settings", "Choose where to sign in first.")
}
