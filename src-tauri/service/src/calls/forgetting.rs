//! Calls whose lead is deleted.

use super::handle::{Calls, Result, error};
use super::owner::Owner;
use super::question::Question;
use tokio::sync::oneshot;
use wire::{Code, LeadId, OrganizationId};

impl Calls {
    /// Forgets the calls with a lead that are over. When this returns, nothing of them waits to be
    /// kept any more.
    ///
    /// # Errors
    /// `conflict` while a call with the lead is in progress.
    pub async fn forget_lead(&self, organization: &OrganizationId, lead: &LeadId) -> Result<()> {
        let forgotten = self
            .put(|reply| Question::ForgetLead {
                organization: organization.clone(),
                lead: lead.clone(),
                reply,
            })
            .await?;
        let Some(kept) = forgotten else {
            return Err(error(
                Code::Conflict,
                "A call with this lead is in progress. Hang it up first.",
            ));
        };
        kept.await.map_err(|_| {
            error(
                Code::Unavailable,
                "Too much waits to be kept just now. Try again shortly.",
            )
        })
    }
}

impl Owner {
    /// What to wait for until all is kept; none while a call with the lead is in progress.
    pub(super) fn forget_lead(
        &mut self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Option<oneshot::Receiver<()>> {
        if self
            .of(organization)
            .any(|live| live.machine.record().lead.id == *lead)
        {
            return None;
        }
        self.state
            .recent
            .retain(|(of, one)| of != organization || one.record.lead.id != *lead);
        Some(self.saves.kept())
    }
}
