//! How calls reach users: through the hub.

use super::Hub;
use crate::calls::Notify;
use wire::{ActiveCall, ClientType, Event, OrganizationId, ServerMessage, UserId};

impl Notify for Hub {
    fn listeners(&self, organization: &OrganizationId) -> Vec<UserId> {
        self.listeners(organization)
    }

    fn to_user(&self, organization: &OrganizationId, user: &UserId, event: &Event) {
        self.send(organization, user, event);
    }

    fn unnumbered(&self, organization: &OrganizationId, user: &UserId, message: &ServerMessage) {
        self.send_unnumbered(organization, user, message);
    }

    fn active_calls_changed(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        calls: &[(ClientType, ActiveCall)],
    ) {
        self.presence.set_active_calls(user, calls.to_vec());
        self.availability_changed(organization, user);
    }
}
