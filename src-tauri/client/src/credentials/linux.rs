//! The Secret Service of a Linux desktop. It's connected to anew each time, so that one that was started,
//! restarted or unlocked meanwhile is found.

use std::collections::HashMap;

use secret_service::blocking::{Item, SecretService};
use secret_service::{EncryptionType, Error};

use super::CredentialsError;

const CONTENT_TYPE: &str = "application/octet-stream";

pub fn load(service: &str, account: &str) -> Result<Option<String>, CredentialsError> {
    let ring = connect()?;
    let Some(item) = find(&ring, &attributes(service, account)).map_err(why)? else {
        return Ok(None);
    };
    let secret = item.get_secret().map_err(why)?;
    let token = String::from_utf8(secret);
    token.map(Some).map_err(|_| {
        // The error itself would hold the secret.
        CredentialsError::Failed("it holds something other than what was saved".into())
    })
}

pub fn save(service: &str, account: &str, token: &str) -> Result<(), CredentialsError> {
    let ring = connect()?;
    let attributes = attributes(service, account);
    if let Some(item) = find(&ring, &attributes).map_err(why)? {
        return item.set_secret(token.as_bytes(), CONTENT_TYPE).map_err(why);
    }
    let collection = ring.get_default_collection().map_err(why)?;
    if collection.is_locked().map_err(why)? {
        collection.unlock().map_err(why)?;
    }
    let label = format!("{service}: {account}");
    let made = collection.create_item(&label, attributes, token.as_bytes(), true, CONTENT_TYPE);
    made.map(drop).map_err(why)
}

pub fn clear(service: &str, account: &str) -> Result<(), CredentialsError> {
    let ring = connect()?;
    match find(&ring, &attributes(service, account)).map_err(why)? {
        Some(item) => item.delete().map_err(why),
        None => Ok(()),
    }
}

pub fn is_locked(service: &str, account: &str) -> bool {
    let Ok(ring) = connect() else {
        return false;
    };
    let Ok(found) = ring.search_items(attributes(service, account)) else {
        return false;
    };
    match (found.unlocked.is_empty(), found.locked.is_empty()) {
        (false, _) => false,
        (true, false) => true,
        // Nothing is kept yet: it would go into the default one.
        (true, true) => ring
            .get_default_collection()
            .and_then(|collection| collection.is_locked())
            .unwrap_or(false),
    }
}

fn connect() -> Result<SecretService<'static>, CredentialsError> {
    SecretService::connect(EncryptionType::Dh).map_err(why)
}

fn attributes<'a>(service: &'a str, account: &'a str) -> HashMap<&'static str, &'a str> {
    HashMap::from([("service", service), ("username", account)])
}

/// What is kept, after asking the user to unlock it where that's needed.
fn find<'a>(
    ring: &'a SecretService<'_>,
    attributes: &HashMap<&str, &str>,
) -> Result<Option<Item<'a>>, Error> {
    let found = ring.search_items(attributes.clone())?;
    if let Some(item) = found.unlocked.into_iter().next() {
        return Ok(Some(item));
    }
    if !found.locked.is_empty() {
        ring.unlock_all(&found.locked.iter().collect::<Vec<_>>())?;
    }
    Ok(found.locked.into_iter().next())
}

fn why(error: Error) -> CredentialsError {
    match error {
        Error::Locked | Error::Prompt | Error::PromptDisconnected => CredentialsError::Locked,
        // There is no bus, or no key ring to keep anything in.
        Error::Unavailable | Error::NoResult => CredentialsError::Missing,
        other => {
            let text = other.to_string();
            // The bus knows no program that is a key ring.
            if text.contains("org.freedesktop.DBus.Error.ServiceUnknown") {
                return CredentialsError::Missing;
            }
            CredentialsError::Failed(text)
        }
    }
}
