//! Where what happens on calls and to recordings goes: to users' sockets, to the audit log, and to who watches balances.

use crate::audit::{Audit, NewEntry};
use crate::balances::BalanceNews;
use crate::hub::Hub;
use calls::{Calls, Events};
use recordings::RecordingEvent;
use std::sync::Arc;
use store::{StoreError, Whose};
use tokio::sync::mpsc;
use wire::{
    ActiveCall, AuditAction, CallId, ClientType, CoachLeg, Event, OrganizationId, ServerMessage,
    UserId,
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

/// Tells calls and the audit log what happens to recordings, until nobody records any more.
pub async fn relay(mut events: mpsc::Receiver<RecordingEvent>, calls: Calls, audit: Audit) {
    while let Some(event) = events.recv().await {
        match event {
            RecordingEvent::Changed {
                organization,
                call,
                recording,
                done,
            } => {
                let calls = calls.clone();
                // Each recording waits for its own answer, and for no other's.
                tokio::spawn(async move {
                    let told = calls
                        .recording_changed(&organization, &call, &recording)
                        .await;
                    let told = told.map_err(|error| StoreError::Unavailable(error.error.message));
                    let _ = done.send(told);
                });
            }
            RecordingEvent::Expired { organization, call } => {
                audit.add(expired(organization, call))
            }
        }
    }
}

/// The audit log's line about a recording that nobody deleted (A4).
fn expired(organization: OrganizationId, call: CallId) -> NewEntry {
    NewEntry {
        whose: Whose::Organization(organization),
        action: AuditAction::RecordingDeleted,
        refused: None,
        user_id: None,
        device_id: None,
        address: None,
        call_id: Some(call),
        target: None,
        detail: Some("retention".to_owned()),
    }
}
