//! What those who manage an organization change, one small trait a concern.
//!
//! As everywhere in the store, what another organization owns is not there (A3): it is answered with
//! none, as what never was.

use super::{NewSignIn, StoreError};
use crate::random::Hash;
use async_trait::async_trait;
use wire::{
    Group, GroupId, GroupRequest, InviteOffer, ListQuery, Member, MemberInvite, MemberInviteId,
    MembershipId, Organization, OrganizationId, OrganizationPatch, PhoneNumber, PhoneNumberId,
    PhoneNumberRequest, Role, RoleId, RoleRequest, Timestamp, UserId,
};

/// Roles of an organization at most.
pub const ROLES_MAX: i64 = 100;
/// Groups of an organization at most.
pub const GROUPS_MAX: i64 = 1_000;
/// Phone numbers of an organization at most.
pub const NUMBERS_MAX: i64 = 1_000;
/// Links of an organization that can be used, at most.
pub const OPEN_INVITES_MAX: i64 = 200;

/// A role that was changed, and whom that concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleChange {
    /// As it is now.
    pub role: Role,
    /// Its active members.
    pub members: Vec<UserId>,
}

/// The roles that an organization makes for itself (A1).
#[async_trait]
pub trait Roles: Send + Sync {
    /// Makes one. [`StoreError::Conflict`] when the name is taken or there are too many.
    async fn create_role(
        &self,
        organization: &OrganizationId,
        id: RoleId,
        request: &RoleRequest,
    ) -> Result<Role, StoreError>;
    /// Changes one. [`StoreError::Conflict`] for a built-in one, a name that is taken, and when nobody
    /// would be left who may manage the organization.
    async fn change_role(
        &self,
        organization: &OrganizationId,
        id: &RoleId,
        request: &RoleRequest,
    ) -> Result<Option<RoleChange>, StoreError>;
    /// Deletes one; whether there was one. [`StoreError::Conflict`] for a built-in one and for one that
    /// a member holds.
    async fn delete_role(
        &self,
        organization: &OrganizationId,
        id: &RoleId,
    ) -> Result<bool, StoreError>;
}

/// Groups, and who is in them.
#[async_trait]
pub trait Groups: Send + Sync {
    /// Makes one; none when a member is none of the organization's.
    async fn create_group(
        &self,
        organization: &OrganizationId,
        id: GroupId,
        request: &GroupRequest,
    ) -> Result<Option<Group>, StoreError>;
    /// Changes name and active members; who is not active keeps their place. None as above, and when
    /// there is no such group.
    async fn change_group(
        &self,
        organization: &OrganizationId,
        id: &GroupId,
        request: &GroupRequest,
    ) -> Result<Option<Group>, StoreError>;
    /// Deletes one; whether there was one.
    async fn delete_group(
        &self,
        organization: &OrganizationId,
        id: &GroupId,
    ) -> Result<bool, StoreError>;
}

/// The organization's phone numbers.
#[async_trait]
pub trait Numbers: Send + Sync {
    /// Adds one; none when a person is none of the organization's. [`StoreError::Conflict`] when the
    /// number is taken, by whomever, or there are too many.
    async fn create_number(
        &self,
        organization: &OrganizationId,
        id: PhoneNumberId,
        request: &PhoneNumberRequest,
    ) -> Result<Option<PhoneNumber>, StoreError>;
    /// Changes all but the number itself, which the caller has compared; none as above, and when there
    /// is no such number.
    async fn change_number(
        &self,
        organization: &OrganizationId,
        id: &PhoneNumberId,
        request: &PhoneNumberRequest,
    ) -> Result<Option<PhoneNumber>, StoreError>;
    /// Takes one out; whether there was one.
    async fn delete_number(
        &self,
        organization: &OrganizationId,
        id: &PhoneNumberId,
    ) -> Result<bool, StoreError>;
    /// The organization's numbers that this person may call from.
    async fn numbers_of(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        page: &ListQuery,
    ) -> Result<Vec<PhoneNumber>, StoreError>;
}

/// The organization as a whole, as those see it who manage it.
#[async_trait]
pub trait Administration: Send + Sync {
    /// Every member, active or not, by name.
    async fn every_member(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<Member>, StoreError>;
    /// Changes what the patch holds.
    async fn patch_organization(
        &self,
        organization: &OrganizationId,
        patch: &OrganizationPatch,
    ) -> Result<Option<Organization>, StoreError>;
}

/// An invitation by link that begins.
pub struct NewInvite {
    /// Its id.
    pub id: MemberInviteId,
    /// What is kept of the link's secret.
    pub token_hash: Hash,
    /// The only address that may use it, in lower case; any when none.
    pub email: Option<String>,
    /// The role that the new member gets.
    pub role_id: RoleId,
    /// The groups that the new member gets into.
    pub group_ids: Vec<GroupId>,
    /// Who invites.
    pub inviter_id: UserId,
    /// Now.
    pub now: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Somebody who uses a link.
pub struct NewMember {
    /// What is kept of the secret that they showed.
    pub token_hash: Hash,
    /// Their place.
    pub membership_id: MembershipId,
    /// Their address, in lower case.
    pub email: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// Their first sign-in, which also holds their id and the moment.
    pub sign_in: NewSignIn,
}

/// What became of the use of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// There is a new member, of this organization.
    Done(OrganizationId),
    /// The link is wrong, used, taken back or too old.
    NotOpen,
    /// The link is for another address.
    OtherEmail,
}

/// Invitations into organizations, by links that are good once. A link is good while it is open and
/// its inviter is an active member who may manage the organization: who was put out has no way back in.
#[async_trait]
pub trait Invites: Send + Sync {
    /// Makes one; none when the role or a group is none of the organization's.
    /// [`StoreError::Conflict`] when the address has an account or too many links are open.
    async fn create_invite(
        &self,
        organization: &OrganizationId,
        new: NewInvite,
    ) -> Result<Option<MemberInvite>, StoreError>;
    /// All of them, newest first.
    async fn invites(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
        page: &ListQuery,
    ) -> Result<Vec<MemberInvite>, StoreError>;
    /// Takes one back that is open or was taken back; whether there is one.
    /// [`StoreError::Conflict`] for one that was used.
    async fn revoke_invite(
        &self,
        organization: &OrganizationId,
        id: &MemberInviteId,
    ) -> Result<bool, StoreError>;
    /// What a link offers; none when it is not open.
    async fn offer(
        &self,
        token_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<InviteOffer>, StoreError>;
    /// Makes account, membership and sign-in, and uses the link up, all or nothing.
    /// [`StoreError::Conflict`] when the address has an account.
    async fn accept(&self, new: NewMember) -> Result<Accepted, StoreError>;
}
