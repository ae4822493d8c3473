//! All that an organization has in the store: to be taken along, or deleted.

use super::StoreError;
use async_trait::async_trait;
use wire::{CallId, LeadId, OrganizationId};

/// A piece of an export: its place, by which reading goes on, and itself as JSON.
pub type Piece = (String, String);

/// An organization's data as a whole.
#[async_trait]
pub trait Data: Send + Sync {
    /// The names of the sections of an export, in their order.
    fn sections(&self) -> Vec<&'static str>;
    /// The pieces of one section that come after this place, at most `limit`. Neither hashes of
    /// passwords nor tokens are among them.
    async fn pieces(
        &self,
        organization: &OrganizationId,
        section: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Piece>, StoreError>;
    /// Every call with a lead.
    async fn calls_with(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<Vec<CallId>, StoreError>;
    /// Deletes a lead with its contacts, calls, coaches' legs, invitations, and what is known of its
    /// recordings; whether there was one. Ledger and audit log stay.
    async fn delete_lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<bool, StoreError>;
}
