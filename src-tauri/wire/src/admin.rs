//! What those who manage an organization see and change.

use crate::auth::hidden_debug;
use crate::{
    ClientType, GroupId, MemberInviteId, MembershipId, Permission, PhoneNumberKind, Plan,
    RecordingOverride, RoleId, Timestamp, User, UserId,
};
use wire_macros::wire_type;

/// A member, as seen by those who manage the organization.
#[wire_type]
pub struct Member {
    /// Their membership.
    pub membership_id: MembershipId,
    /// The person.
    pub user: User,
    /// Their role.
    pub role_id: RoleId,
    /// Whether they can sign in.
    pub active: bool,
    /// Their groups.
    pub group_ids: Vec<GroupId>,
    /// Whether their calls are recorded.
    pub recording: RecordingOverride,
    /// Whether they have a second factor.
    pub second_factor: bool,
}

/// `POST` and `PUT` of `/api/v1/role/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// Its name, 1 to 64 characters. No two roles have the same one.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// Its permissions.
    pub permissions: Vec<Permission>,
}

/// `POST` and `PUT` of `/api/v1/group/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct GroupRequest {
    /// Its name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// Its members, up to 1000.
    #[schema(max_items = 1000)]
    pub members: Vec<UserId>,
}

/// `POST` and `PUT` of `/api/v1/phone_number/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct PhoneNumberRequest {
    /// E.164: `+` and 3 to 15 digits. It can't be changed later.
    #[schema(pattern = "^\\+[0-9]{3,15}$")]
    pub number: String,
    /// A label for people, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub label: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: PhoneNumberKind,
    /// The member who owns it: incoming calls ring them.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// Who can call from it. Empty means everyone.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub user_ids: Vec<UserId>,
}

/// The status of an invite link.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum MemberInviteStatus {
    /// It can be used.
    Open,
    /// It was used.
    Used,
    /// It was revoked.
    Revoked,
    /// It expired.
    Expired,
}

/// An invite link to the organization.
#[wire_type]
pub struct MemberInvite {
    /// Its id. The link has a secret instead.
    pub id: MemberInviteId,
    /// The only email address that can use it; null if anyone with the link can.
    pub email: Option<String>,
    /// The role that the new member gets.
    pub role_id: RoleId,
    /// The groups that the new member joins.
    pub group_ids: Vec<GroupId>,
    /// Who created it.
    pub inviter_id: UserId,
    /// Its status.
    pub status: MemberInviteStatus,
    /// Who used it.
    pub user_id: Option<UserId>,
    /// When it was created.
    pub date_created: Timestamp,
    /// When it expires.
    pub date_expires: Timestamp,
}

/// `POST /api/v1/member_invite/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct MemberInviteRequest {
    /// The only email address that can use it. Without it, anyone with the link can.
    #[serde(default)]
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// The role that the new member gets.
    pub role_id: RoleId,
    /// The groups that the new member joins.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub group_ids: Vec<GroupId>,
    /// Hours until the link expires, 1 to 720.
    #[schema(minimum = 1, maximum = 720)]
    pub expires_in_hours: u32,
}

/// A new invite link with its secret, which is shown only once.
#[wire_type(secret)]
pub struct NewMemberInvite {
    /// The invitation.
    pub invite: MemberInvite,
    /// The secret in the link.
    pub token: String,
}

/// `POST /api/v1/auth/invite/`: what a link offers.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct InviteLookup {
    /// The secret in the link.
    pub token: String,
}

/// What a link offers, before it is used.
#[wire_type]
pub struct InviteOffer {
    /// The organization.
    pub organization_name: String,
    /// The name of the person who created it.
    pub inviter_name: String,
    /// The role's name.
    pub role_name: String,
    /// The only email address that can use it, if there is one.
    pub email: Option<String>,
    /// When it expires.
    pub date_expires: Timestamp,
}

/// `POST /api/v1/auth/accept_invite/`: becomes a member and signs in.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct AcceptInviteRequest {
    /// The secret in the link.
    pub token: String,
    /// The new member's email address, used to sign in.
    #[schema(max_length = 254)]
    pub email: String,
    /// First name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub first_name: String,
    /// Last name, up to 64 characters.
    #[schema(max_length = 64)]
    pub last_name: String,
    /// The password: 10 to 1024 bytes, and hard to guess.
    #[schema(min_length = 10, max_length = 1024)]
    pub password: String,
    /// The kind of client that signs in.
    pub client_type: ClientType,
    /// What to call the device in the user's list of sign-ins, such as its host name.
    #[schema(max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
}

/// A feature that a plan may include.
#[wire_type]
pub struct PlanFeature {
    /// Its name.
    pub name: String,
    /// What it does, in a sentence.
    pub description: String,
    /// Whether the plan includes it.
    pub included: bool,
}

/// `GET /api/v1/plan/`: what a plan includes.
#[wire_type]
pub struct PlanInfo {
    /// The plan.
    pub plan: Plan,
    /// Its name.
    pub name: String,
    /// Whether it is still sold.
    pub on_sale: bool,
    /// Whether calls can be coached on it.
    pub has_call_coaching: bool,
    /// The same features for each plan, in the same order.
    pub features: Vec<PlanFeature>,
}

// A link's secret lets somebody in: no log may hold one.
hidden_debug!(NewMemberInvite, InviteLookup, AcceptInviteRequest);
