//! Who is online, with which type of client. Several processes would share one that is not in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use wire::{ActiveCall, ClientAvailability, ClientType, PresenceStatus, UserAvailability, UserId};

const TYPES: [ClientType; 3] = [ClientType::Native, ClientType::Web, ClientType::Mobile];

/// Calls that a user is the rep of, each with the type of client that it was placed from.
pub type ActiveCalls = Vec<(ClientType, ActiveCall)>;

/// Counts each user's devices by type, and knows the calls that they are on.
pub trait Presence: Send + Sync {
    /// A device came; whether the user's status for this type changed.
    fn arrive(&self, user: &UserId, client_type: ClientType) -> bool;
    /// A device went; whether the user's status for this type changed.
    fn leave(&self, user: &UserId, client_type: ClientType) -> bool;
    /// Whether the user has a device of this type online.
    fn is_online(&self, user: &UserId, client_type: ClientType) -> bool;
    /// The calls that the user is the rep of are these now.
    fn set_active_calls(&self, user: &UserId, calls: ActiveCalls);
    /// The calls that the user is the rep of.
    fn active_calls(&self, user: &UserId) -> ActiveCalls;
}

/// The presence of one process.
#[derive(Default)]
pub struct InProcessPresence {
    users: Mutex<HashMap<UserId, Here>>,
}

/// One user, while they have a device online or a call.
#[derive(Default)]
struct Here {
    devices: [u32; 3],
    calls: ActiveCalls,
}

impl InProcessPresence {
    /// Changes what is known of a user; forgets them when nothing is left.
    fn change<T>(&self, user: &UserId, change: impl FnOnce(&mut Here) -> T) -> T {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let here = users.entry(user.clone()).or_default();
        let changed = change(here);
        if here.devices == [0; 3] && here.calls.is_empty() {
            users.remove(user);
        }
        changed
    }
}

impl Presence for InProcessPresence {
    fn arrive(&self, user: &UserId, client_type: ClientType) -> bool {
        self.change(user, |here| {
            let count = here.count(client_type);
            *count += 1;
            *count == 1
        })
    }

    fn leave(&self, user: &UserId, client_type: ClientType) -> bool {
        self.change(user, |here| {
            let count = here.count(client_type);
            let was = *count;
            *count = was.saturating_sub(1);
            was == 1
        })
    }

    fn is_online(&self, user: &UserId, client_type: ClientType) -> bool {
        self.change(user, |here| *here.count(client_type) > 0)
    }

    fn set_active_calls(&self, user: &UserId, calls: ActiveCalls) {
        self.change(user, |here| here.calls = calls);
    }

    fn active_calls(&self, user: &UserId) -> ActiveCalls {
        self.change(user, |here| here.calls.clone())
    }
}

impl Here {
    fn count(&mut self, client_type: ClientType) -> &mut u32 {
        let [native, web, mobile] = &mut self.devices;
        match client_type {
            ClientType::Native => native,
            ClientType::Web => web,
            ClientType::Mobile => mobile,
        }
    }
}

/// A user's availability: a line for each type of client, with the calls that are on it.
#[must_use]
pub fn availability(presence: &dyn Presence, user: &UserId) -> UserAvailability {
    let calls = presence.active_calls(user);
    UserAvailability {
        user_id: user.clone(),
        availability: TYPES
            .into_iter()
            .map(|client_type| ClientAvailability {
                client_type,
                status: if presence.is_online(user, client_type) {
                    PresenceStatus::Online
                } else {
                    PresenceStatus::Offline
                },
                active_calls: calls
                    .iter()
                    .filter(|(on, _)| *on == client_type)
                    .map(|(_, call)| call.clone())
                    .collect(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_online_until_the_last_device_of_the_type_went() {
        let presence = InProcessPresence::default();
        let user = UserId::parse("user_1").unwrap();
        let native = ClientType::Native;
        assert!(presence.arrive(&user, native));
        assert!(
            !presence.arrive(&user, native),
            "the second device changes nothing"
        );
        assert!(presence.arrive(&user, ClientType::Web));
        assert!(!presence.leave(&user, native));
        assert!(presence.is_online(&user, native));
        assert!(presence.leave(&user, native));
        assert!(!presence.is_online(&user, native));
        assert!(presence.is_online(&user, ClientType::Web));
        assert!(!presence.leave(&user, native), "nobody goes twice");
        assert!(presence.leave(&user, ClientType::Web));
        assert!(presence.users.lock().unwrap().is_empty());
    }
}
