//! People and what they may do.

use crate::{
    CoachMode, GroupId, MembershipId, MicroDollars, OrganizationId, RecordingOverride,
    RecordingSettings, RoleId, UserId,
};
use wire_macros::wire_type;

/// An organization's plan.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// No coaching.
    Startup,
    /// No coaching.
    Professional,
    /// With coaching; no longer sold.
    BusinessLegacy,
    /// With coaching.
    Enterprise,
}

impl Plan {
    /// Whether calls can be coached on this plan.
    #[must_use]
    pub const fn has_call_coaching(self) -> bool {
        matches!(self, Self::BusinessLegacy | Self::Enterprise)
    }
}

/// What a role can allow.
#[wire_type(Copy, PartialOrd, Ord, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Join calls in Listen.
    CallCoachListen,
    /// Whisper and barge. Includes `call_coach_listen`.
    CallCoachBarge,
    /// Manage members, roles, numbers, plan and money, and read the audit log.
    ManageOrganization,
    /// Delete recordings.
    DeleteRecordings,
}

/// A company that uses the product.
#[wire_type]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// The country it's in, which says how people write phone numbers: two letters (ISO 3166-1), such as
    /// `US`.
    pub country: String,
    /// Its time zone, such as `Europe/Berlin` (IANA).
    pub time_zone: String,
    /// Its plan.
    pub plan: Plan,
    /// Whether those who manage the organization can change its plan. Otherwise whoever runs the service
    /// does.
    pub plan_change_allowed: bool,
    /// What a coach's started minute on a call costs now, in micro-dollars: 4000 is $0.0040.
    pub coach_rate_micro_dollars_per_minute: u32,
    /// What a started minute of a call itself costs now, in micro-dollars.
    pub call_rate_micro_dollars_per_minute: u32,
    /// Its recording settings.
    pub recording: RecordingSettings,
    /// Whether its members must have a second factor.
    pub second_factor_required: bool,
}

/// A set of permissions with a name.
#[wire_type]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// Its permissions, including implied ones.
    pub permissions: Vec<Permission>,
    /// Whether it's built in. Built-in roles can't be changed or deleted.
    pub built_in: bool,
}

impl Role {
    /// Whether its holder may coach in this mode.
    #[must_use]
    pub fn allows(&self, mode: CoachMode) -> bool {
        let barges = self.permissions.contains(&Permission::CallCoachBarge);
        let listens = self.permissions.contains(&Permission::CallCoachListen);
        // The second permission implies the first.
        barges || listens && mode == CoachMode::Listen
    }
}

/// A group of users.
#[wire_type]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// Its members.
    pub members: Vec<UserId>,
}

/// A person with an account.
#[wire_type]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Email address, also used to sign in.
    pub email: String,
}

/// A person's membership in an organization.
#[wire_type]
pub struct Membership {
    /// Its id.
    pub id: MembershipId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// Their role.
    pub role_id: RoleId,
}

/// `GET /api/v1/me/`: who is signed in, where, and what they may do.
#[wire_type]
pub struct Me {
    /// The person.
    pub user: User,
    /// Their membership.
    pub membership: Membership,
    /// The organization.
    pub organization: Organization,
    /// Their role.
    pub role: Role,
}

/// `PATCH /api/v1/membership/{id}/`, for those who manage the organization. Takes effect immediately,
/// including on calls in progress.
#[wire_type(Default)]
#[serde(deny_unknown_fields)]
pub struct MembershipPatch {
    /// The new role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<RoleId>,
    /// Whether the member is active. Deactivated members can't sign in or be on a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Whether their calls are recorded. Applies to new calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingOverride>,
}

/// `PATCH /api/v1/organization/{id}/`, for those who manage it.
#[wire_type(Default)]
#[serde(deny_unknown_fields)]
pub struct OrganizationPatch {
    /// The new name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The country it's in: two letters (ISO 3166-1), such as `US`.
    #[schema(min_length = 2, max_length = 2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Its time zone, such as `Europe/Berlin` (IANA).
    #[schema(min_length = 1, max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The new plan, where `plan_change_allowed`. Takes effect immediately, including on calls in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The new recording settings. They apply to new calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingSettings>,
    /// Those who manage the organization are warned below this balance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_balance_micro_dollars: Option<MicroDollars>,
    /// Whether members must have a second factor. Those without one set it up the next time they sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor_required: Option<bool>,
}
