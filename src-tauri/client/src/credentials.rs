//! Where the sign-in is kept between runs: the operating system's key ring.

#[cfg_attr(target_os = "linux", path = "credentials/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "credentials/others.rs")]
mod system;

use std::fmt::Debug;

/// Log targets of libraries that may say a secret, for whoever sets up a log: none of their lines may
/// be written, at any level. The WebSocket's would say the access token of the `hello`.
pub const SECRET_LOG_TARGETS: &[&str] = &["keyring_core", "tokio_tungstenite", "tungstenite"];

/// The name that the key ring shows for what is kept.
const SERVICE: &str = "Call Coaching";

/// Why the key ring did not do something. It never holds what is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There is none.
    #[error("no key ring was found")]
    Missing,
    /// It's locked, and wasn't unlocked when it asked.
    #[error("the key ring is locked")]
    Locked,
    /// Anything else.
    #[error("the key ring can't be used: {0}")]
    Failed(String),
}

/// Keeps the refresh token of one service and one profile. Each call may block for as long as the
/// user is asked to unlock a key ring: the client makes them one after the other, on a thread of
/// their own. Whatever implements it prints no token.
pub trait Credentials: Debug + Send + Sync {
    /// The token that was saved last; none when there is none.
    ///
    /// # Errors
    /// [`CredentialsError`].
    fn load(&self) -> Result<Option<String>, CredentialsError>;

    /// Keeps this token in place of any other.
    ///
    /// # Errors
    /// [`CredentialsError`].
    fn save(&self, refresh_token: &str) -> Result<(), CredentialsError>;

    /// Keeps none; no error when none was kept.
    ///
    /// # Errors
    /// [`CredentialsError`].
    fn clear(&self) -> Result<(), CredentialsError>;

    /// Whether the user will be asked to unlock the key ring before it does any of this. Never asks.
    fn is_locked(&self) -> bool;
}

/// The operating system's key ring: Secret Service on Linux, Keychain on macOS, Credential Manager on
/// Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing {
    account: String,
}

impl KeyRing {
    /// The entry of this profile, such as `default`, at the service with this address.
    #[must_use]
    pub fn new(profile: &str, server: &str) -> Self {
        let server = server.trim_end_matches('/');
        Self {
            account: format!("{profile} at {server}"),
        }
    }
}

impl Credentials for KeyRing {
    fn load(&self) -> Result<Option<String>, CredentialsError> {
        system::load(SERVICE, &self.account)
    }

    fn save(&self, refresh_token: &str) -> Result<(), CredentialsError> {
        system::save(SERVICE, &self.account, refresh_token)
    }

    fn clear(&self) -> Result<(), CredentialsError> {
        system::clear(SERVICE, &self.account)
    }

    fn is_locked(&self) -> bool {
        system::is_locked(SERVICE, &self.account)
    }
}
