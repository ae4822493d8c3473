//! Where what happens on calls goes: to users' sockets, to the audit log, and to who watches balances.

use crate::audit::Audit;
use crate::balances::BalanceNews;
use crate::hub::Hub;
use calls::Events;
use std::sync::Arc;
use wire::{
    ActiveCall, CallId, ClientType, CoachLeg, Event, OrganizationId, ServerMessage, UserId,
};

/// The hub, the audit log and the balances of this process, as calls tell them.
pub struct CallEvents {
    /// Users' streams.
    pub hub: Arc<Hub>,
    /// The audit log.
    pub audit: Audit,
    /// Balances that changed.
    pub balances: Arc<BalanceNews>,
}

impl Events for CallEvents {
    fn listeners(&self, organization: &OrganizationId) -> Vec<UserId> {
        self.hub.listeners(organization)
    }

    fn to_user(&self, organization: &OrganizationId, user: &UserId, event: &Event) {
        self.hub.send(organization, user, event);
    }

    fn unnumbered(&self, organization: &OrganizationId, user: &UserId, message: &ServerMessage) {
        self.hub.send_unnumbered(organization, user, message);
    }

    fn active_calls_changed(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        calls: &[(ClientType, ActiveCall)],
    ) {
        let presence = self.hub.presence();
        presence.set_active_calls(user, calls.to_vec());
        self.hub.availability_changed(organization, user);
    }

    fn coach_leg_changed(&self, organization: &OrganizationId, call: &CallId, leg: &CoachLeg) {
        self.audit.coach_leg(organization, call, leg);
    }

    fn charged(&self, organization: &OrganizationId) {
        self.balances.note(organization.clone());
    }
}
