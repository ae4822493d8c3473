//! What the app holds while it runs: the session, the sound card, and what is kept.

use std::sync::{Arc, Mutex, PoisonError};

use client::{Devices, KeyRing, Session};
use sound::SoundCard;
use tauri::AppHandle;
use tokio::sync::watch;

use crate::error::AppError;
use crate::playback::Deck;
use crate::presenter::{Change, Presenter};
use crate::profile::Profile;
use crate::pump;
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
    file: SettingsFile,
    kept: Mutex<Kept>,
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
    pub file: SettingsFile,
    pub kept: Kept,
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
            file: parts.file,
            kept: Mutex::new(parts.kept),
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
                "Sign out first, then choose another service.",
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
        self.keep(|kept| kept.server = server.as_ref().map(|_| url.clone()))?;
        self.presenter
            .tell(Change::Server(Server { local, url }))
            .await;
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
        kept.unwrap_or_else(PoisonError::into_inner)
            .settings
            .clone()
    }

    /// Sets it, keeps it, and lets the sound card know.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn set_settings(&self, settings: AppSettings) -> Result<(), AppError> {
        self.apply(&settings);
        self.keep(|kept| kept.settings = settings)
    }

    /// The link by which somebody is invited into the organization.
    pub fn invite_link(&self, token: &str) -> String {
        let server = self.presenter.view().server;
        link_of(token, (!server.local).then_some(&server.url))
    }

    /// What such a link carries.
    ///
    /// # Errors
    /// When it is none, or one of another service than is in use.
    pub fn invite_token(&self, link: &str) -> Result<String, AppError> {
        let (token, server) = read_link(link).ok_or_else(|| {
            let message =
                "This is no invitation link. Copy the whole of it, from callcoaching:// on.";
            AppError::new("settings", message)
        })?;
        let in_use = self.presenter.view().server;
        match server {
            Some(server) if in_use.local || server != in_use.url => Err(AppError::new(
                "settings",
                format!("The invitation is of another service. Choose {server} first."),
            )),
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

    fn keep(&self, change: impl FnOnce(&mut Kept)) -> Result<(), AppError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut kept);
        self.file.save(&kept).map_err(|error| {
            AppError::new(
                "settings",
                format!("The settings could not be kept: {error}"),
            )
        })
    }
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
            ..client::Settings::new(url)
        };
        // A session starts tasks of its own, which needs the runtime.
        let runtime = tauri::async_runtime::handle();
        let _entered = runtime.inner().enter();
        let session = Session::start(settings)?;
        let pump = pump::session(app.clone(), presenter.clone(), session.clone());
        Ok(Self {
            session,
            pump: tauri::async_runtime::spawn(pump),
        })
    }
}

/// What a link carries by which somebody is invited: `callcoaching://invite/TOKEN`, with
/// `?server=ADDRESS` unless it is the bundled service's.
fn link_of(token: &str, server: Option<&str>) -> String {
    let mut link = format!("callcoaching://invite/{token}");
    if let Some(server) = server {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("server", server);
        link.push('?');
        link.push_str(&query.finish());
    }
    link
}

/// The token and the address in such a link; the token alone is taken too.
fn read_link(link: &str) -> Option<(String, Option<String>)> {
    let link = link.trim();
    let plain = |text: &str| {
        let right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        (16..=256).contains(&text.len()) && text.bytes().all(right)
    };
    if plain(link) {
        return Some((link.to_owned(), None));
    }
    let url = url::Url::parse(link).ok()?;
    let token = url.path().trim_matches('/').to_owned();
    let is_invite = url.scheme() == "callcoaching" && url.host_str() == Some("invite");
    let server = url.query_pairs().find(|(name, _)| name == "server");
    (is_invite && plain(&token)).then(|| (token, server.map(|(_, value)| value.into_owned())))
}

/// An address that a password may be sent to: encrypted, or on this machine.
///
/// # Errors
/// When it is neither.
pub fn checked(address: &str) -> Result<String, AppError> {
    let address = address.trim();
    let url = url::Url::parse(address).map_err(|_| {
        let example = "an address such as https://calls.example.com";
        AppError::new("settings", format!("This is not {example}."))
    })?;
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.has_host() => Ok(address.into()),
        "http" if local => Ok(address.into()),
        _ => Err(AppError::new(
            "settings",
            "The address must begin with https://, so that nobody on the way reads your password.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_link_is_read_as_it_was_written_and_nothing_else_is() {
        let token = "abcdefghijklmnop_-0123";
        for server in [None, Some("https://calls.example:8443/?a=b&c")] {
            let read = read_link(&link_of(token, server));
            assert_eq!(read, Some((token.to_owned(), server.map(str::to_owned))));
        }
        assert_eq!(read_link(token), Some((token.to_owned(), None)));
        for bad in [
            "",
            "x",
            "https://invite/abcdefghijklmnop",
            "callcoaching://call/abcdefghijklmnop",
            "callcoaching://invite/a",
        ] {
            assert_eq!(read_link(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_password_goes_out_encrypted_or_not_at_all() {
        for good in [
            "https://calls.example",
            " https://10.0.0.1:8443 ",
            "http://127.0.0.1:7780",
            "http://localhost:1",
        ] {
            assert!(checked(good).is_ok(), "{good}");
        }
        for bad in [
            "http://calls.example",
            "http://127.0.0.1.example",
            "ftp://localhost",
            "calls",
            "",
            "https://",
        ] {
            assert_eq!(checked(bad).unwrap_err().code, "settings", "{bad}");
        }
    }
}
