//! The facts that calls are decided by, as the rest of the service knows them.

use async_trait::async_trait;
use call::Authority;
use store::{LeadWhoCalls, StoreError};
use wire::{Lead, LeadId, OrganizationId, PhoneNumber, PhoneNumberId, UserId};

/// An active member and what they may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// What their role and the organization's plan let them do.
    pub authority: Authority,
    /// Whether the organization's balance pays for the first minute of a call.
    pub call_funds: bool,
}

/// Who may do what, who is called, and from which numbers. Whatever belongs to another organization
/// is not there (A3). Each answer is of now: none is kept.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Every active member.
    async fn members(&self, organization: &OrganizationId) -> Result<Vec<Member>, StoreError>;

    /// One active member; none when there is no such member or they are not active.
    async fn member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Member>, StoreError>;

    /// One lead with its contacts.
    async fn lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<Option<Lead>, StoreError>;

    /// One of the organization's numbers.
    async fn phone_number(
        &self,
        organization: &OrganizationId,
        number: &PhoneNumberId,
    ) -> Result<Option<PhoneNumber>, StoreError>;

    /// The number with these digits that somebody calls, and the organization it belongs to; only one
    /// of `organization` when that is known.
    async fn number_called(
        &self,
        organization: Option<&OrganizationId>,
        number: &str,
    ) -> Result<Option<(OrganizationId, PhoneNumber)>, StoreError>;

    /// The lead who calls from this phone, or from one that is withheld. Who was not known is afterwards.
    async fn lead_who_calls(
        &self,
        organization: &OrganizationId,
        phone: Option<&str>,
    ) -> Result<LeadWhoCalls, StoreError>;

    /// The lead with this phone, in E.164, if there is one.
    async fn lead_with_phone(
        &self,
        organization: &OrganizationId,
        phone: &str,
    ) -> Result<Option<LeadWhoCalls>, StoreError>;

    /// The lead with this phone, who is to be called. Who was not known is afterwards, by this name.
    async fn lead_to_call(
        &self,
        organization: &OrganizationId,
        phone: &str,
        name: &str,
    ) -> Result<LeadWhoCalls, StoreError>;

    /// Where the organization is, an ISO 3166 code.
    async fn country(&self, organization: &OrganizationId) -> Result<String, StoreError>;

    /// Whether the user has a desktop app online (W3).
    fn is_native_online(&self, user: &UserId) -> bool;
}
