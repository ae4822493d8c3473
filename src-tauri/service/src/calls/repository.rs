//! Where calls are kept.

use crate::store::StoreError;
use async_trait::async_trait;
use usage::Charge;
use wire::{Call, CallId, CoachLeg, Invitation, LeadId, OrganizationId, Timestamp};

/// Calls in the store. Each save writes the whole of what it is given over what was there under the
/// same id, so that one that was missed is made up for by the next. A call is always saved before its
/// legs and invitations.
#[async_trait]
pub trait CallRepository: Send + Sync {
    /// Saves a call. Not its `coach_legs`, which are saved one by one; not its `joinability`, which
    /// depends on who asks.
    async fn save_call(&self, organization: &OrganizationId, call: &Call)
    -> Result<(), StoreError>;

    /// Saves a coach's leg of a call, with its history.
    async fn save_coach_leg(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        leg: &CoachLeg,
    ) -> Result<(), StoreError>;

    /// Saves an invitation.
    async fn save_invitation(
        &self,
        organization: &OrganizationId,
        invitation: &Invitation,
    ) -> Result<(), StoreError>;

    /// One call with all its coach legs, in the order of their `date_created`. `joinability` is not
    /// joinable, without code and message.
    async fn call(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Option<Call>, StoreError>;

    /// Calls, newest first by `date_created`, then by id; those of one lead when it is given. Each as
    /// [`CallRepository::call`] gives it. At most `limit`, after the first `skip`.
    async fn calls(
        &self,
        organization: &OrganizationId,
        lead: Option<&LeadId>,
        limit: u32,
        skip: u32,
    ) -> Result<Vec<Call>, StoreError>;

    /// Every call whose status is not over, of every organization: what a service that died left
    /// behind.
    async fn unfinished_calls(&self) -> Result<Vec<(OrganizationId, Call)>, StoreError>;

    /// Every call that was placed since then, of every organization, with its coach legs.
    async fn calls_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(OrganizationId, Call)>, StoreError>;

    /// Charges these started minutes of a call and its legs, those that are not charged yet; how many
    /// that were (B2).
    async fn save_charges(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        charges: &[Charge],
    ) -> Result<u64, StoreError>;

    /// When the newest minute that was charged of a call began.
    async fn last_charge(&self, call: &CallId) -> Result<Option<Timestamp>, StoreError>;

    /// The service runs, with a call in it.
    async fn save_alive(&self, at: Timestamp) -> Result<(), StoreError>;

    /// When it was last known to.
    async fn last_alive(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Every invitation whose status is open, of every organization.
    async fn open_invitations(&self) -> Result<Vec<(OrganizationId, Invitation)>, StoreError>;
}
