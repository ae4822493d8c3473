//! Passwords, hashed with Argon2id (RFC 9106), a few at a time and always in the same memory.
//!
//! A hash takes 19 MiB. Were they allocated for each one, they would linger in the allocator's arenas, of
//! which there are several for each core: hundreds of megabytes after a busy hour.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use strength::Judgement;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hashes at once: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;
/// Tries that wait for their turn, or have it.
const WAITING_MAX: usize = 256;

/// Why a password was not hashed or checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many passwords are being checked")]
    Busy,
    /// Argon2 refused.
    #[error("could not hash a password")]
    Failed,
}

/// Hashes and checks passwords.
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    hasher: Arc<Hasher>,
}

impl Passwords {
    /// With nobody waiting.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Params::DEFAULT)
    }

    /// The same, with hashes that cost so much.
    fn with(params: Params) -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            hasher: Arc::new(Hasher {
                params,
                memory: Mutex::default(),
                nobodys_hash: OnceLock::new(),
            }),
        }
    }

    /// A new hash of a password, as a PHC string.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait already, [`PasswordError::Failed`] when Argon2
    /// refuses.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.in_turn(move |hasher| hasher.hash(&password)).await?
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
        self.in_turn(move |hasher| {
            let known = hash.is_some();
            let hash = hash.as_deref().or_else(|| hasher.nobodys_hash());
            let right = hash.is_some_and(|hash| hasher.verify(&password, hash));
            known && right
        })
        .await
    }

    /// How hard a new password is to guess for who knows these names.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait already.
    pub async fn judge(
        &self,
        password: String,
        names: Vec<String>,
    ) -> Result<Judgement, PasswordError> {
        self.in_turn(move |_| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            strength::judge(&password, &names)
        })
        .await
    }

    /// Does it when it is its turn, on a thread that may be busy for as long as it takes.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hasher) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (_place, turn) = self.turn().await?;
        let hasher = self.hasher.clone();
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            work(&hasher)
        })
        .await
        .map_err(|_| PasswordError::Failed)
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

/// Argon2, with memory that is kept.
struct Hasher {
    params: Params,
    /// The memory of hashes that are done, for those that come: there are never more than run at once.
    memory: Mutex<Vec<Vec<Block>>>,
    /// What a password is checked against when the e-mail address is nobody's.
    nobodys_hash: OnceLock<Option<String>>,
}

impl Hasher {
    fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let new = || -> Result<PasswordHash, argon2::password_hash::Error> {
            let (algorithm, version) = (Algorithm::default(), Version::default());
            let salt = Salt::new(&argon2::password_hash::try_generate_salt()?)?;
            let argon2 = Argon2::new(algorithm, version, self.params.clone());
            Ok(PasswordHash {
                algorithm: algorithm.ident(),
                version: Some(version.into()),
                params: ParamsString::try_from(&self.params)?,
                salt: Some(salt),
                hash: Some(self.output(&argon2, password, &salt)?),
            })
        };
        new()
            .map(|hash| hash.to_string())
            .map_err(|_| PasswordError::Failed)
    }

    fn verify(&self, password: &str, hash: &str) -> bool {
        let made = || -> Result<bool, argon2::password_hash::Error> {
            let hash = PasswordHash::new(hash)?;
            let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
            let version = hash.version.map(Version::try_from).transpose()?;
            // Those it was made with, whatever new ones are made with.
            let argon2 = Argon2::new(
                algorithm,
                version.unwrap_or_default(),
                Params::try_from(&hash)?,
            );
            let Some((salt, expected)) = hash.salt.zip(hash.hash) else {
                return Ok(false);
            };
            // Compared in constant time.
            Ok(self.output(&argon2, password, &salt)? == expected)
        };
        made().unwrap_or(false)
    }

    fn output(
        &self,
        argon2: &Argon2<'_>,
        password: &str,
        salt: &[u8],
    ) -> Result<Output, argon2::password_hash::Error> {
        let length = argon2.params().output_len();
        let mut output = [0; Output::MAX_LENGTH];
        let output = output
            .get_mut(..length.unwrap_or(Params::DEFAULT_OUTPUT_LEN))
            .ok_or(argon2::password_hash::Error::OutputSize)?;
        let mut memory = self.memory().pop().unwrap_or_default();
        memory.resize(argon2.params().block_count(), Block::new());
        let hashed =
            argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut memory);
        self.memory().push(memory);
        hashed?;
        Ok(Output::new(output)?)
    }

    fn nobodys_hash(&self) -> Option<&str> {
        self.nobodys_hash
            .get_or_init(|| self.hash("nobody").ok())
            .as_deref()
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHasher, PasswordVerifier};
    use std::collections::BTreeSet;
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    /// Hashes that cost next to nothing.
    fn cheap() -> Arc<Passwords> {
        Arc::new(Passwords::with(Params::new(64, 1, 1, None).unwrap()))
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_person_is_right() {
        let passwords = Passwords::new();
        let hash = passwords.hash("right".into()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = |password: &str, hash: Option<&String>| {
            passwords.verify(password.to_owned(), hash.cloned())
        };
        assert!(verify("right", Some(&hash)).await.unwrap());
        assert!(!verify("wrong", Some(&hash)).await.unwrap());
        assert!(!verify("nobody", None).await.unwrap());
        assert!(!verify("right", Some(&"no hash".to_owned())).await.unwrap());
    }

    #[tokio::test]
    async fn hashes_are_those_that_argon2_itself_makes_and_checks() {
        let passwords = cheap();
        let ours = passwords.hash("right".into()).await.unwrap();
        let argon2 = Argon2::default();
        assert!(argon2.verify_password(b"right", ours.as_str()).is_ok());
        assert!(argon2.verify_password(b"wrong", ours.as_str()).is_err());
        // One that costs more than ours, and then one that costs as much again: the memory fits both.
        let theirs = Argon2::from(Params::new(256, 2, 2, Some(24)).unwrap())
            .hash_password(b"right")
            .unwrap()
            .to_string();
        for _ in 0..2 {
            for hash in [&theirs, &ours] {
                let right = passwords.verify("right".into(), Some(hash.clone())).await;
                assert_eq!(right, Ok(true), "{hash}");
                let wrong = passwords.verify("wrong".into(), Some(hash.clone())).await;
                assert_eq!(wrong, Ok(false), "{hash}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn five_thousand_sign_ins_share_the_memory_of_two() {
        let passwords = cheap();
        let hash = passwords.hash("right".into()).await.unwrap();
        let mut people = tokio::task::JoinSet::new();
        for person in 0..50 {
            let (passwords, hash) = (passwords.clone(), hash.clone());
            people.spawn(async move {
                for _ in 0..100 {
                    // Every other one has no account.
                    let hash = (person % 2 == 0).then(|| hash.clone());
                    let right = passwords.verify("right".into(), hash.clone()).await;
                    assert_eq!(right, Ok(hash.is_some()));
                }
            });
        }
        while let Some(done) = people.join_next().await {
            done.unwrap();
        }
        let memory = passwords.hasher.memory();
        assert!((1..=AT_ONCE).contains(&memory.len()), "{}", memory.len());
        let places: BTreeSet<_> = memory.iter().map(|blocks| blocks.as_ptr()).collect();
        assert_eq!(places.len(), memory.len());
        assert!(memory.iter().all(|blocks| blocks.capacity() == 64));
    }

    #[tokio::test]
    async fn n4_when_too_many_wait_the_next_is_turned_away_at_once() {
        let passwords = cheap();
        let hash = passwords.hash("right".into()).await.unwrap();
        let turns = passwords.running.clone();
        let turns = turns.acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| Box::pin(passwords.verify("right".into(), Some(hash.clone()))))
            .collect();
        for one in &mut waiting {
            assert!(one.as_mut().poll(&mut context).is_pending());
        }
        let next = passwords.verify("right".into(), Some(hash.clone())).await;
        assert_eq!(next, Err(PasswordError::Busy));
        // Whoever gives up makes room.
        waiting.pop();
        let mut next = Box::pin(passwords.verify("right".into(), Some(hash.clone())));
        assert_eq!(next.as_mut().poll(&mut context), Poll::Pending);
        waiting.push(next);
        drop(turns);
        for one in waiting {
            assert_eq!(one.await, Ok(true));
        }
    }
}
