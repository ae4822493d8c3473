//! Where the sign-in is kept between runs: the operating system's key ring.

use std::fmt::Debug;

/// Log targets of libraries that may say a secret, for whoever sets up a log: none of their lines may
/// be written, at any level. The WebSocket's would say the access token of the `hello`.
pub const SECRET_LOG_TARGETS: &[&str] = &["keyring_core", "tokio_tungstenite", "tungstenite"];

/// The name that the key ring shows for what is kept.
const SERVICE: &str = "Call Coaching";

/// Why the key ring did not do something. It never holds what is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There is none, it is locked, or it refuses.
    #[error("the key ring can't be used: {0}")]
    Unavailable(String),
}

/// Keeps the refresh token of one service and one profile. Each call may block for as long as the
/// user is asked to unlock a key ring: the client makes them one after the other, on a thread of
/// their own. Whatever implements it prints no token.
pub trait Credentials: Debug + Send + Sync {
    /// The token that was saved last; none when there is none.
    ///
    /// # Errors
    /// [`CredentialsError::Unavailable`].
    fn load(&self) -> Result<Option<String>, CredentialsError>;

    /// Keeps this token in place of any other.
    ///
    /// # Errors
    /// [`CredentialsError::Unavailable`].
    fn save(&self, refresh_token: &str) -> Result<(), CredentialsError>;

    /// Keeps none; no error when none was kept.
    ///
    /// # Errors
    /// [`CredentialsError::Unavailable`].
    fn clear(&self) -> Result<(), CredentialsError>;
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

    fn entry(&self) -> Result<keyring::Entry, CredentialsError> {
        keyring::Entry::new(SERVICE, &self.account).map_err(unavailable)
    }
}

impl Credentials for KeyRing {
    fn load(&self) -> Result<Option<String>, CredentialsError> {
        match self.entry()?.get_password() {
            Ok(token) => Ok(Some(token)),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    fn save(&self, refresh_token: &str) -> Result<(), CredentialsError> {
        let saved = self.entry()?.set_password(refresh_token);
        saved.map_err(unavailable)
    }

    fn clear(&self) -> Result<(), CredentialsError> {
        match self.entry()?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// Some of the key ring's errors hold what is kept, so only those are quoted that hold none.
fn unavailable(error: keyring::Error) -> CredentialsError {
    CredentialsError::Unavailable(match error {
        keyring::Error::PlatformFailure(cause) | keyring::Error::NoStorageAccess(cause) => {
            cause.to_string()
        }
        keyring::Error::NoDefaultStore => "there is none".into(),
        _ => "it holds something other than what was saved".into(),
    })
}
