//! Keychain and Credential Manager.

use super::CredentialsError;

pub fn load(service: &str, account: &str) -> Result<Option<String>, CredentialsError> {
    match entry(service, account)?.get_password() {
        Ok(token) => Ok(Some(token)),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(why(error)),
    }
}

pub fn save(service: &str, account: &str, token: &str) -> Result<(), CredentialsError> {
    let saved = entry(service, account)?.set_password(token);
    saved.map_err(why)
}

pub fn clear(service: &str, account: &str) -> Result<(), CredentialsError> {
    match entry(service, account)?.delete_credential() {
        Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
        Err(error) => Err(why(error)),
    }
}

/// It can't be asked here without asking the user.
pub const fn is_locked(_: &str, _: &str) -> bool {
    false
}

fn entry(service: &str, account: &str) -> Result<keyring::Entry, CredentialsError> {
    keyring::Entry::new(service, account).map_err(why)
}

/// Some of the key ring's errors hold what is kept, so only those are quoted that hold none.
fn why(error: keyring::Error) -> CredentialsError {
    match error {
        keyring::Error::NoStorageAccess(_) => CredentialsError::Locked,
        keyring::Error::NoDefaultStore => CredentialsError::Missing,
        keyring::Error::PlatformFailure(cause) => CredentialsError::Failed(cause.to_string()),
        _ => CredentialsError::Failed("it holds something other than what was saved".into()),
    }
}
