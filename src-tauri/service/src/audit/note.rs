//! What a handler knows about its request that the log is to say.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Whose;
use wire::{AuditAction, DeviceId, Tokens, UserId};

/// A handler's note for the line that the gate writes about its request, also when it is refused
/// afterwards. It is in the request of every route that is audited.
#[derive(Debug, Clone, Default)]
pub struct Note(Arc<Mutex<Noted>>);

/// What was noted.
#[derive(Debug, Clone, Default)]
pub struct Noted {
    /// Whose log, where the caller does not say it.
    pub whose: Option<Whose>,
    /// Who, where the caller does not say it.
    pub user_id: Option<UserId>,
    /// The device, where the caller does not say it.
    pub device_id: Option<DeviceId>,
    /// What it turned out to be.
    pub action: Option<AuditAction>,
    /// To whom or what.
    pub target: Option<String>,
    /// More of it.
    pub detail: Option<String>,
    /// Whether there is nothing to say when it is allowed.
    pub silent: bool,
}

impl Note {
    /// It turned out to be this.
    pub fn action(&self, action: AuditAction) {
        self.lock().action = Some(action);
    }

    /// It was done to this.
    pub fn target(&self, target: impl std::fmt::Display) {
        self.lock().target = Some(target.to_string());
    }

    /// More of it, in a few words; never what somebody said, or a secret.
    pub fn detail(&self, detail: impl std::fmt::Display) {
        self.lock().detail = Some(detail.to_string());
    }

    /// There is nothing to say when it is allowed: it goes on with what was told before.
    pub fn silent(&self) {
        self.lock().silent = true;
    }

    /// Somebody tried to sign in with this e-mail address.
    pub fn tried(&self, email: &str) {
        let email = email.trim().to_lowercase();
        let mut noted = self.lock();
        noted.target = Some(email.clone());
        noted.whose = Some(Whose::Email(email));
    }

    /// Somebody is signed in by it.
    pub fn signed_in(&self, tokens: &Tokens) {
        let mut noted = self.lock();
        noted.whose = Some(Whose::Member(tokens.user_id.clone()));
        noted.user_id = Some(tokens.user_id.clone());
        noted.device_id = Some(tokens.device_id.clone());
    }

    /// It was done to their own account by a member who isn't signed in.
    pub fn member(&self, user: &UserId) {
        let mut noted = self.lock();
        noted.whose = Some(Whose::Member(user.clone()));
        noted.user_id = Some(user.clone());
    }

    /// A member's device was signed out by it.
    pub fn signed_out(&self, user: &UserId, device: &DeviceId) {
        let mut noted = self.lock();
        noted.whose = Some(Whose::Member(user.clone()));
        noted.user_id = Some(user.clone());
        noted.device_id = Some(device.clone());
    }

    /// What was noted so far.
    #[must_use]
    pub fn noted(&self) -> Noted {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
