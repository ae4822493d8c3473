//! What the owner answers without changing anything.

use super::Caller;
use super::owner::{Live, Owner};
use super::question::{Refused, Snapshot};
use call::Refusal;
use std::sync::Arc;
use wire::{Call, CallId, Invitation, InvitationId, OrganizationId};

impl Owner {
    pub(super) fn look(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Snapshot, Refused> {
        let live = self.state.live.get(call);
        live.filter(|live| live.organization == *organization)
            .map(|live| Snapshot::of(&live.machine))
            .or_else(|| self.recent(organization, call).cloned())
            .ok_or(Refused::Unknown)
    }

    pub(super) fn media_leg(
        &self,
        caller: &Caller,
        call: &CallId,
    ) -> Result<mix::LegNumber, Refused> {
        let live = self.state.live.get(call);
        match live.filter(|live| live.organization == caller.organization_id) {
            Some(live) => Ok(live.machine.media_leg(&caller.user_id, &caller.device_id)?),
            None if self.recent(&caller.organization_id, call).is_some() => {
                Err(Refusal::over().into())
            }
            None => Err(Refused::Unknown),
        }
    }

    pub(super) fn known(&self, organization: &OrganizationId) -> Vec<Arc<Call>> {
        let live = self
            .of(organization)
            .map(|live| Arc::new(live.machine.record()));
        let recent = self.state.recent.iter();
        let recent = recent
            .filter(|(of, _)| of == organization)
            .map(|(_, snapshot)| snapshot.record.clone());
        live.chain(recent).collect()
    }

    pub(super) fn recent(&self, organization: &OrganizationId, call: &CallId) -> Option<&Snapshot> {
        let mut recent = self.state.recent.iter();
        let found = recent.find(|(of, one)| of == organization && one.record.id == *call);
        found.map(|(_, snapshot)| snapshot)
    }

    /// Why an invitation that is not of a call in progress cannot be declined.
    pub(super) fn closed_invitation(&self, caller: &Caller, id: &InvitationId) -> Refusal {
        let recent = self.state.recent.iter();
        let mut recent = recent.filter(|(of, _)| *of == caller.organization_id);
        let theirs = |invitation: &Invitation| {
            invitation.id == *id && invitation.invitee_id == caller.user_id
        };
        if recent.any(|(_, snapshot)| snapshot.invitations.iter().any(theirs)) {
            Refusal::invitation_closed()
        } else {
            Refusal::no_invitation()
        }
    }

    pub(super) fn of(&self, organization: &OrganizationId) -> impl Iterator<Item = &Live> {
        let live = self.state.live.values();
        live.filter(move |live| live.organization == *organization)
    }
}
