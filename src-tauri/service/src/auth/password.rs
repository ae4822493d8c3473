//! Passwords, hashed with Argon2id (RFC 9106) on threads of their own, a few at a time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::{Arc, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hashes at once: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;
/// Tries that wait for their turn.
const WAITING_MAX: usize = 256;

/// Why a password was not hashed or checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many passwords are being checked")]
    Busy,
    /// Argon2 refused.
    #[error("a password could not be hashed")]
    Failed,
}

/// Hashes and checks passwords.
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Passwords {
    /// With nobody waiting.
    #[must_use]
    pub fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }

    /// A new hash of a password, as a PHC string.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when Argon2 refuses.
    pub fn hash(password: &str) -> Result<String, PasswordError> {
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|_| PasswordError::Failed)
    }

    /// Whether the password is that of the hash. Without a hash, for nobody's e-mail address, it is
    /// as much work, and false.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait already.
    pub async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let (_place, turn) = self.turn().await?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            let known = hash.is_some();
            let right = match hash.as_deref().or_else(|| nobodys_hash()) {
                Some(hash) => PasswordHash::new(hash).is_ok_and(|hash| {
                    Argon2::default()
                        .verify_password(password.as_bytes(), &hash)
                        .is_ok()
                }),
                None => false,
            };
            known && right
        })
        .await
        .map_err(|_| PasswordError::Failed)
    }

    /// A new hash of a password, within the same bound on hashes at once.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait already, [`PasswordError::Failed`] when Argon2
    /// refuses.
    pub async fn hash_in_turn(&self, password: String) -> Result<String, PasswordError> {
        let (_place, turn) = self.turn().await?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            Self::hash(&password)
        })
        .await
        .map_err(|_| PasswordError::Failed)?
    }

    /// Waits for its turn, in a place that is counted.
    async fn turn(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), PasswordError> {
        let place = self
            .waiting
            .clone()
            .try_acquire_owned()
            .map_err(|_| PasswordError::Busy)?;
        let turn = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Busy)?;
        Ok((place, turn))
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

/// The hash that a password is checked against when the e-mail address is nobody's.
fn nobodys_hash() -> Option<&'static str> {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    HASH.get_or_init(|| Passwords::hash("nobody").ok())
        .as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_person_is_right() {
        let passwords = Passwords::new();
        let hash = Passwords::hash("right").unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        let verify = |password: &str, hash: Option<&String>| {
            passwords.verify(password.to_owned(), hash.cloned())
        };
        assert!(verify("right", Some(&hash)).await.unwrap());
        assert!(!verify("wrong", Some(&hash)).await.unwrap());
        assert!(!verify("nobody", None).await.unwrap());
        assert!(!verify("right", Some(&"no hash".to_owned())).await.unwrap());
    }
}
