//! What calls are decided by, read from the store and from who is online.

use crate::hub::Presence;
use async_trait::async_trait;
use call::Authority;
use calls::{Directory, Member};
use std::sync::Arc;
use store::clock::now;
use store::{Database, LeadWhoCalls, MemberFacts, StoreError};
use wire::{
    ClientType, Lead, LeadId, LedgerKind, OrganizationId, PhoneNumber, PhoneNumberId, UserId,
};

/// The store and presence, as calls ask them.
pub struct Facts {
    store: Database,
    presence: Arc<dyn Presence>,
}

impl Facts {
    /// Over these.
    #[must_use]
    pub const fn new(store: Database, presence: Arc<dyn Presence>) -> Self {
        Self { store, presence }
    }
}

#[async_trait]
impl Directory for Facts {
    async fn members(&self, organization: &OrganizationId) -> Result<Vec<Member>, StoreError> {
        let members = self.store.members(organization).await?;
        Ok(members.into_iter().map(member).collect())
    }

    async fn member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Member>, StoreError> {
        let facts = self.store.member(organization, user).await?;
        Ok(facts.map(member))
    }

    async fn lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<Option<Lead>, StoreError> {
        self.store.lead(organization, lead).await
    }

    async fn phone_number(
        &self,
        organization: &OrganizationId,
        number: &PhoneNumberId,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        self.store.phone_number(organization, number).await
    }

    async fn number_called(
        &self,
        organization: Option<&OrganizationId>,
        number: &str,
    ) -> Result<Option<(OrganizationId, PhoneNumber)>, StoreError> {
        self.store.number_called(organization, number).await
    }

    async fn lead_who_calls(
        &self,
        organization: &OrganizationId,
        phone: Option<&str>,
    ) -> Result<LeadWhoCalls, StoreError> {
        self.store.lead_who_calls(organization, phone, now()).await
    }

    async fn lead_with_phone(
        &self,
        organization: &OrganizationId,
        phone: &str,
    ) -> Result<Option<LeadWhoCalls>, StoreError> {
        self.store.lead_with_phone(organization, phone).await
    }

    async fn lead_to_call(
        &self,
        organization: &OrganizationId,
        phone: &str,
        name: &str,
    ) -> Result<LeadWhoCalls, StoreError> {
        self.store
            .lead_to_call(organization, phone, name, now())
            .await
    }

    async fn country(&self, organization: &OrganizationId) -> Result<String, StoreError> {
        self.store.country(organization).await
    }

    fn is_native_online(&self, user: &UserId) -> bool {
        self.presence.is_online(user, ClientType::Native)
    }
}

fn member(facts: MemberFacts) -> Member {
    let pays = |kind| facts.balance >= usage::rate_at(kind, now());
    let funds = pays(LedgerKind::Coaching);
    Member {
        call_funds: pays(LedgerKind::Call),
        authority: Authority::new(true, &facts.permissions, facts.plan).with_funds(funds),
        user_id: facts.user_id,
    }
}
