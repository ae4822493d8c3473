//! The audit log (A4).

use crate::list::list_query;
use crate::{AuditEntryId, CallId, Code, DeviceId, Timestamp, UserId};
use wire_macros::wire_type;

/// What was done or attempted.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// Signed in.
    SignIn,
    /// Signed out.
    SignOut,
    /// Joined a call as a coach.
    CoachJoin,
    /// Switched modes; `detail` is the requested mode.
    CoachMode,
    /// Stopped coaching a call; `detail` is why, when it wasn't their own choice.
    CoachLeave,
    /// Was removed from a call; `detail` is why.
    CoachRemoved,
    /// Was moved to Listen because the permission was revoked.
    CoachMovedToListen,
    /// Invited teammates to coach a call.
    CoachInvited,
    /// Played a recording.
    RecordingPlayed,
    /// Downloaded a recording.
    RecordingDownloaded,
    /// Deleted a recording, or its retention ended.
    RecordingDeleted,
    /// Paused or resumed a recording; `detail` is which.
    RecordingPaused,
    /// Created an invite link.
    MemberInvited,
    /// Revoked an invite link.
    MemberInviteRevoked,
    /// Joined the organization with an invite link.
    MemberJoined,
    /// Set up the organization with a set-up link.
    OrganizationSetUp,
    /// Suspended the organization, or lifted the suspension; `detail` is which.
    OrganizationSuspended,
    /// Changed a member; `target` is who.
    MemberChanged,
    /// Created, changed or deleted a role.
    RoleChanged,
    /// Created, changed or deleted a group.
    GroupChanged,
    /// Added, changed or deleted a phone number.
    PhoneNumberChanged,
    /// Created, changed or deleted an outcome.
    OutcomeChanged,
    /// Changed the plan.
    PlanChanged,
    /// Changed another setting of the organization.
    OrganizationChanged,
    /// Added credit.
    ToppedUp,
    /// Deleted a lead with its recordings.
    LeadDeleted,
    /// Merged a lead into another; `target` is the one that stays, `detail` the name of the one that's gone.
    LeadMerged,
    /// Created, changed or deleted a lead status.
    LeadStatusChanged,
    /// Started an import of leads; `target` is the import.
    LeadsImported,
    /// Cancelled an import of leads.
    LeadImportCancelled,
    /// Undid an import of leads.
    LeadImportUndone,
    /// Exported the organization's data, its leads, its ledger or this log.
    DataExported,
    /// Changed their own name.
    ProfileChanged,
    /// Changed the email address they sign in with, or asked to; `detail` is the new one.
    EmailChanged,
    /// Changed their own password.
    PasswordChanged,
    /// Signed out other devices of theirs; `target` is the device, if it was one.
    SignedOutElsewhere,
    /// Created a link for a member to choose a new password with; `target` is who.
    PasswordResetCreated,
    /// Chose a new password with a link.
    PasswordReset,
    /// Set up a second factor.
    SecondFactorSetUp,
    /// Removed a second factor; `target` is whose, if it was another member's.
    SecondFactorRemoved,
    /// Created new recovery codes.
    RecoveryCodesRenewed,
    /// Asked for a reset link by email, without being signed in; `target` is the email address.
    PasswordResetAsked,
}

/// An entry in the audit log. Entries are never changed or deleted.
#[wire_type]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditEntryId,
    /// When it happened.
    pub date: Timestamp,
    /// What was done.
    pub action: AuditAction,
    /// Whether it was allowed.
    pub allowed: bool,
    /// Why it was refused.
    pub code: Option<Code>,
    /// Who did it; null for the service itself, or someone unknown.
    pub user_id: Option<UserId>,
    /// The device it was done from.
    pub device_id: Option<DeviceId>,
    /// The network address it was done from.
    pub address: Option<String>,
    /// The call it was done on.
    pub call_id: Option<CallId>,
    /// The id of who or what it was done to, other than a call.
    pub target: Option<String>,
    /// Details in a few words. Never what was said on a call.
    pub detail: Option<String>,
}

list_query! {
    /// Filters the audit log. The CSV has no pages.
    AuditQuery {
        /// Only what this person did.
        pub user_id: Option<UserId>,
        /// Only what was done on this call.
        pub call_id: Option<CallId>,
        /// Only this action.
        pub action: Option<AuditAction>,
        /// Only what was allowed (`true`), or only what was refused (`false`).
        pub allowed: Option<bool>,
        /// From this moment, inclusive.
        pub from: Option<Timestamp>,
        /// Until this moment, exclusive.
        pub to: Option<Timestamp>,
    }
}
