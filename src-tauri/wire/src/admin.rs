//! What those who manage an organization see and change.

use crate::auth::hidden_debug;
use crate::{
    ClientType, GroupId, MemberInviteId, MembershipId, Permission, PhoneNumberKind, Plan,
    RecordingOverride, RoleId, Timestamp, User, UserId,
};
use wire_macros::wire_type;

/// A member, as those see them who manage the organization.
#[wire_type]
pub struct Member {
    /// Their place.
    pub membership_id: MembershipId,
    /// The person.
    pub user: User,
    /// Their role.
    pub role_id: RoleId,
    /// Whether they may sign in.
    pub active: bool,
    /// Their groups.
    pub group_ids: Vec<GroupId>,
    /// Whether their calls are recorded.
    pub recording: RecordingOverride,
}

/// `POST` and `PUT` of `/api/v1/role/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// Its name, 1 to 64 characters, unlike any other role's.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// What it holds.
    pub permissions: Vec<Permission>,
}

/// `POST` and `PUT` of `/api/v1/group/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct GroupRequest {
    /// Its name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// Its members, at most 1000.
    #[schema(max_items = 1000)]
    pub members: Vec<UserId>,
}

/// `POST` and `PUT` of `/api/v1/phone_number/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct PhoneNumberRequest {
    /// E.164: `+` and 3 to 15 digits. It cannot be changed later.
    #[schema(pattern = "^\\+[0-9]{3,15}$")]
    pub number: String,
    /// What a person calls it, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub label: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: PhoneNumberKind,
    /// Whose it is: calls to it ring them.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// Who may call from it; empty for everybody.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub user_ids: Vec<UserId>,
}

/// Where an invitation into the organization stands.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum MemberInviteStatus {
    /// Its link can be used.
    Open,
    /// It was used.
    Used,
    /// It was taken back.
    Revoked,
    /// Its time is over.
    Expired,
}

/// An invitation into the organization, by a link.
#[wire_type]
pub struct MemberInvite {
    /// Its id, which is not what the link holds.
    pub id: MemberInviteId,
    /// The address it is meant for; null when anybody with the link may use it.
    pub email: Option<String>,
    /// The role that the new member gets.
    pub role_id: RoleId,
    /// The groups that the new member gets into.
    pub group_ids: Vec<GroupId>,
    /// Who invited.
    pub inviter_id: UserId,
    /// Where it stands.
    pub status: MemberInviteStatus,
    /// Who used it.
    pub user_id: Option<UserId>,
    /// When it was made.
    pub date_created: Timestamp,
    /// When it ends by itself.
    pub date_expires: Timestamp,
}

/// `POST /api/v1/member_invite/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct MemberInviteRequest {
    /// The address it is meant for; anybody with the link may use it when not given.
    #[serde(default)]
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// The role that the new member gets.
    pub role_id: RoleId,
    /// The groups that the new member gets into.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub group_ids: Vec<GroupId>,
    /// For how long the link is good: 1 to 720 hours.
    #[schema(minimum = 1, maximum = 720)]
    pub expires_in_hours: u32,
}

/// A new invitation with what its link holds, which is shown this once.
#[wire_type(secret)]
pub struct NewMemberInvite {
    /// The invitation.
    pub invite: MemberInvite,
    /// The secret that the link carries.
    pub token: String,
}

/// `POST /api/v1/auth/invite/`: what a link offers.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct InviteLookup {
    /// What the link carries.
    pub token: String,
}

/// What a link offers, before it is used.
#[wire_type]
pub struct InviteOffer {
    /// The organization.
    pub organization_name: String,
    /// Who invites, by name.
    pub inviter_name: String,
    /// The role, by name.
    pub role_name: String,
    /// The address that it is meant for.
    pub email: Option<String>,
    /// When it ends by itself.
    pub date_expires: Timestamp,
}

/// `POST /api/v1/auth/accept_invite/`: becomes a member and signs in.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct AcceptInviteRequest {
    /// What the link carries.
    pub token: String,
    /// The new member's e-mail address, to sign in with.
    #[schema(max_length = 254)]
    pub email: String,
    /// Given name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub first_name: String,
    /// Family name, at most 64 characters.
    #[schema(max_length = 64)]
    pub last_name: String,
    /// The password: 10 to 1024 bytes.
    #[schema(min_length = 10, max_length = 1024)]
    pub password: String,
    /// What kind of client signs in.
    pub client_type: ClientType,
}

/// One thing that a plan holds or does not.
#[wire_type]
pub struct PlanFeature {
    /// Its name.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// Whether the plan holds it.
    pub included: bool,
}

/// `GET /api/v1/plan/`: what a plan holds.
#[wire_type]
pub struct PlanInfo {
    /// Which.
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
