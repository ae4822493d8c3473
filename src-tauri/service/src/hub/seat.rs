//! A socket's place in the hub, which it gives up when it goes, whichever way.

use super::Hub;
use std::sync::Arc;
use std::time::Instant;
use wire::{ClientType, OrganizationId, UserId};

/// A socket's place in the hub.
pub struct Seat {
    pub(super) hub: Arc<Hub>,
    pub(super) organization: OrganizationId,
    pub(super) user: UserId,
    pub(super) client_type: ClientType,
    pub(super) id: u64,
    /// Whether it changed the user's presence when it came.
    pub presence_changed: bool,
}

impl Seat {
    /// Gives the place up; whether the user's presence changed by it.
    #[must_use]
    pub fn leave(mut self) -> bool {
        self.give_up()
    }

    fn give_up(&mut self) -> bool {
        let hub = self.hub.clone();
        let mut guard = hub.lock();
        let inner = &mut *guard;
        let Some(member) = inner
            .organizations
            .get_mut(&self.organization)
            .and_then(|members| members.get_mut(&self.user))
        else {
            return false;
        };
        if member.sockets.remove(&self.id).is_none() {
            return false;
        }
        inner.sockets -= 1;
        if member.sockets.is_empty() {
            member.left_at = Some(Instant::now());
        }
        hub.presence.leave(&self.user, self.client_type)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.give_up();
    }
}
