//! What must last, behind one small trait a concern, so that another engine can take SQLite's place.
//!
//! Nothing here knows of HTTP, sockets or media. What belongs to an organization is asked for with the
//! organization's id, and what another one owns is simply not there (A3).

mod administration;
pub mod audit;
pub mod data;
pub mod demo;
pub mod sqlite;

pub use administration::*;

use crate::calls::CallRepository;
use crate::random::Hash;
use crate::recording::RecordingRepository;
use async_trait::async_trait;
use std::sync::Arc;
use wire::{
    Balance, ClientType, Contact, DeviceId, Group, Lead, LedgerEntry, ListQuery, Me, MembershipId,
    MembershipPatch, MicroDollars, OrganizationId, PhoneNumber, Plan, Role, SpendOfCall,
    SpendOfCoach, SpendOfDay, Timestamp, User, UserId,
};

/// Why the store did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot now: the disk is full, the file is for reading only, another process holds it.
    #[error("the store cannot do it just now: {0}")]
    Unavailable(String),
    /// It would break a rule of the data, such as the last manager of an organization going.
    #[error("{0}")]
    Conflict(String),
    /// A fault of ours, or a file that holds what it must not.
    #[error("the store has a fault: {0}")]
    Fault(String),
}

/// What a sign-in is checked against.
#[derive(Clone)]
pub struct Credentials {
    /// Whose they are.
    pub user_id: UserId,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// Whether the member may sign in.
    pub active: bool,
}

/// Who asks, as an access token proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user_id: UserId,
    /// Their organization: all that they can see is in it.
    pub organization_id: OrganizationId,
    /// The device that this sign-in is.
    pub device_id: DeviceId,
    /// What kind of client it is.
    pub client_type: ClientType,
    /// The organization's plan.
    pub plan: Plan,
    /// What their role holds, implied permissions included.
    pub permissions: Vec<wire::Permission>,
    /// The sign-in.
    pub sign_in_id: String,
    /// When this token ends.
    pub expires_at: Timestamp,
}

/// A sign-in that begins.
pub struct NewSignIn {
    /// Its id.
    pub id: String,
    /// Whose.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// What kind of client.
    pub client_type: ClientType,
    /// The first refresh token.
    pub refresh_hash: Hash,
    /// When that ends.
    pub refresh_expires_at: Timestamp,
    /// The first access token.
    pub access_hash: Hash,
    /// When that ends.
    pub access_expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// A refresh token that is used, and what takes its place.
pub struct Rotation {
    /// The sign-in.
    pub id: String,
    /// The token that was shown.
    pub shown_hash: Hash,
    /// The next refresh token.
    pub refresh_hash: Hash,
    /// When that ends.
    pub refresh_expires_at: Timestamp,
    /// The next access token.
    pub access_hash: Hash,
    /// When that ends.
    pub access_expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// What became of a [`Rotation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotated {
    /// The new tokens hold.
    Done {
        /// Whose sign-in it is.
        user_id: UserId,
        /// Its device.
        device_id: DeviceId,
    },
    /// There is no such sign-in, or it is over.
    Unknown,
    /// The token was used before: the whole sign-in is ended.
    Reused {
        /// The device whose sign-in it was.
        device_id: DeviceId,
    },
}

/// A change of a membership that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipChange {
    /// Whose membership.
    pub user_id: UserId,
    /// How it is now.
    pub membership: wire::Membership,
    /// Whether the member is active now.
    pub active: bool,
}

/// What decides about a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFacts {
    /// Who.
    pub user_id: UserId,
    /// What their role holds, implied permissions included.
    pub permissions: Vec<wire::Permission>,
    /// The organization's plan.
    pub plan: Plan,
    /// What is left of the organization's balance.
    pub balance: MicroDollars,
}

/// Money that is put in.
#[derive(Debug, Clone)]
pub struct Payment {
    /// How much.
    pub micro_dollars: MicroDollars,
    /// By whom.
    pub user_id: UserId,
    /// The client's own name for it: it is put in once.
    pub request_id: String,
    /// Now.
    pub at: Timestamp,
}

/// Who can sign in.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// What the sign-in of this e-mail address, in lower case, is checked against.
    async fn credentials(&self, email: &str) -> Result<Option<Credentials>, StoreError>;
}

/// Who is signed in.
#[async_trait]
pub trait SignIns: Send + Sync {
    /// Begins one; a user's oldest go when there are more than twenty.
    async fn begin(&self, new: NewSignIn) -> Result<(), StoreError>;
    /// Whom an access token proves; none when it is unknown, over, or the member is not active.
    async fn principal(
        &self,
        access_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<Principal>, StoreError>;
    /// Exchanges a refresh token for the next.
    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError>;
    /// Ends a sign-in whose newest refresh token this is; whose it was, and its device, when there was
    /// one.
    async fn end(
        &self,
        id: &str,
        refresh_hash: &Hash,
    ) -> Result<Option<(UserId, DeviceId)>, StoreError>;
    /// Until when a sign-in's newest access token is good; none when it is over.
    async fn valid_until(&self, id: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;
}

/// Organizations and the people in them.
#[async_trait]
pub trait Organizations: Send + Sync {
    /// A person, their place, organization and role; none when they are not active.
    async fn me(&self, user: &UserId) -> Result<Option<Me>, StoreError>;
    /// The active members, by name. One more than the page holds tells that there are more.
    async fn users(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<User>, StoreError>;
    /// One member, active or not: old calls name them.
    async fn user(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<User>, StoreError>;
    /// Every active member, with the permissions of their role, and the organization's plan.
    async fn members(&self, organization: &OrganizationId) -> Result<Vec<MemberFacts>, StoreError>;
    /// One active member.
    async fn member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<MemberFacts>, StoreError>;
    /// Roles, by name.
    async fn roles(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<Role>, StoreError>;
    /// Groups, by name.
    async fn groups(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<Group>, StoreError>;
    /// Changes a membership; none when there is no such membership or role in the organization.
    async fn patch_membership(
        &self,
        organization: &OrganizationId,
        membership: &MembershipId,
        patch: &MembershipPatch,
    ) -> Result<Option<MembershipChange>, StoreError>;
}

/// Who is called, and from which numbers.
#[async_trait]
pub trait Leads: Send + Sync {
    /// Leads by name, those whose name holds `query` when it is given.
    async fn leads(
        &self,
        organization: &OrganizationId,
        query: Option<&str>,
        page: &ListQuery,
    ) -> Result<Vec<Lead>, StoreError>;
    /// One lead.
    async fn lead(
        &self,
        organization: &OrganizationId,
        lead: &wire::LeadId,
    ) -> Result<Option<Lead>, StoreError>;
    /// Contacts by name, those of one lead when it is given.
    async fn contacts(
        &self,
        organization: &OrganizationId,
        lead: Option<&wire::LeadId>,
        page: &ListQuery,
    ) -> Result<Vec<Contact>, StoreError>;
    /// The organization's numbers.
    async fn phone_numbers(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<PhoneNumber>, StoreError>;
    /// One number.
    async fn phone_number(
        &self,
        organization: &OrganizationId,
        number: &wire::PhoneNumberId,
    ) -> Result<Option<PhoneNumber>, StoreError>;
}

/// A lead who calls, as the store knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadWhoCalls {
    /// The lead.
    pub lead: wire::LeadBrief,
    /// The person whose phone it is; none when the number is withheld.
    pub contact: Option<wire::ContactId>,
}

/// Who calls, and whom.
#[async_trait]
pub trait Callers: Send + Sync {
    /// The number with exactly these digits, and whose it is; only the organization's when one is
    /// given (A3). No two organizations have the same number.
    async fn number_called(
        &self,
        organization: Option<&OrganizationId>,
        number: &str,
    ) -> Result<Option<(OrganizationId, PhoneNumber)>, StoreError>;
    /// The organization's lead with this phone, compared by digits; the oldest of several. An unknown
    /// number becomes a lead of its own, and all withheld ones share one.
    async fn lead_who_calls(
        &self,
        organization: &OrganizationId,
        phone: Option<&str>,
    ) -> Result<LeadWhoCalls, StoreError>;
}

/// From one moment on, and before another.
pub type Span = (Timestamp, Timestamp);

/// The ledger, which is only ever added to (B2). Charges come with the calls they are of.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The balance now.
    async fn balance(&self, organization: &OrganizationId) -> Result<Balance, StoreError>;
    /// Organizations whose running total is not the sum of their lines: the total, and the sum.
    async fn wrong_balances(
        &self,
    ) -> Result<Vec<(OrganizationId, MicroDollars, MicroDollars)>, StoreError>;
    /// Puts money in, once for each of the client's names.
    async fn pay(&self, organization: &OrganizationId, payment: &Payment)
    -> Result<(), StoreError>;
    /// Lines, newest first.
    async fn entries(
        &self,
        organization: &OrganizationId,
        span: Span,
        page: &ListQuery,
    ) -> Result<Vec<LedgerEntry>, StoreError>;
    /// Every line, oldest first and at most so many, each with the names of its lead and its person.
    async fn named_entries(
        &self,
        organization: &OrganizationId,
        span: Span,
        limit: u32,
    ) -> Result<Vec<(LedgerEntry, Option<String>, Option<String>)>, StoreError>;
    /// What was spent on each day, or in each month, in UTC.
    async fn spend_by(
        &self,
        organization: &OrganizationId,
        span: Span,
        by_month: bool,
    ) -> Result<Vec<SpendOfDay>, StoreError>;
    /// What each coach cost, the dearest first.
    async fn spend_by_coach(
        &self,
        organization: &OrganizationId,
        span: Span,
    ) -> Result<Vec<SpendOfCoach>, StoreError>;
    /// What each call cost, newest first; at most 200.
    async fn spend_by_call(
        &self,
        organization: &OrganizationId,
        span: Span,
    ) -> Result<Vec<SpendOfCall>, StoreError>;
}

/// The store's own health.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Writes something and takes it away again.
    async fn probe(&self) -> Result<(), StoreError>;
    /// Writes what is pending and closes the files.
    async fn close(&self);
}

/// Every repository, each behind its trait.
#[derive(Clone)]
pub struct Store {
    /// Who can sign in.
    pub accounts: Arc<dyn Accounts>,
    /// Who is signed in.
    pub sign_ins: Arc<dyn SignIns>,
    /// Organizations and people.
    pub organizations: Arc<dyn Organizations>,
    /// The organization as a whole.
    pub administration: Arc<dyn Administration>,
    /// Roles of an organization's own.
    pub roles: Arc<dyn Roles>,
    /// Groups.
    pub groups: Arc<dyn Groups>,
    /// Phone numbers.
    pub numbers: Arc<dyn Numbers>,
    /// Invitations by link.
    pub invites: Arc<dyn Invites>,
    /// Who is called.
    pub leads: Arc<dyn Leads>,
    /// Who calls.
    pub callers: Arc<dyn Callers>,
    /// Calls.
    pub calls: Arc<dyn CallRepository>,
    /// Recordings of calls.
    pub recordings: Arc<dyn RecordingRepository>,
    /// Money.
    pub ledger: Arc<dyn Ledger>,
    /// An organization's data as a whole.
    pub data: Arc<dyn data::Data>,
    /// The audit log.
    pub audit: Arc<dyn audit::AuditLog>,
    /// Its health.
    pub upkeep: Arc<dyn Upkeep>,
}

impl From<StoreError> for wire::ErrorBody {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::new(
                wire::Code::Unavailable,
                "The service cannot write or read its store just now. Try again later.",
            ),
            StoreError::Conflict(message) => Self::new(wire::Code::Conflict, message),
            StoreError::Fault(_) => Self::new(
                wire::Code::Internal,
                "The service has a fault of its own, and wrote it to its log.",
            ),
        }
    }
}
