//! The audit log (A4).

use crate::list::list_query;
use crate::{AuditEntryId, CallId, Code, DeviceId, Timestamp, UserId};
use wire_macros::wire_type;

/// What was done, or tried.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// Signed in.
    SignIn,
    /// Signed out.
    SignOut,
    /// Joined a call as its coach.
    CoachJoin,
    /// Switched the mode; `detail` is the mode that was asked for.
    CoachMode,
    /// Left the call that was coached; `detail` is why, when it wasn't their own choice.
    CoachLeave,
    /// Was put out of the call; `detail` is why.
    CoachRemoved,
    /// Was moved to Listen, since the permission was taken away.
    CoachMovedToListen,
    /// Invited teammates to coach a call.
    CoachInvited,
    /// Played a recording.
    RecordingPlayed,
    /// Downloaded a recording.
    RecordingDownloaded,
    /// Deleted a recording, or its days were over.
    RecordingDeleted,
    /// Paused a recording, or let it go on; `detail` is which.
    RecordingPaused,
    /// Invited somebody into the organization.
    MemberInvited,
    /// Took such an invitation back.
    MemberInviteRevoked,
    /// Became a member by a link.
    MemberJoined,
    /// Changed a member; `target` is whom.
    MemberChanged,
    /// Made, changed or deleted a role.
    RoleChanged,
    /// Made, changed or deleted a group.
    GroupChanged,
    /// Made, changed or deleted a phone number.
    PhoneNumberChanged,
    /// Changed the plan.
    PlanChanged,
    /// Changed another setting of the organization.
    OrganizationChanged,
    /// Put money in.
    ToppedUp,
    /// Deleted a lead with its recordings.
    LeadDeleted,
    /// Exported the organization's data, its ledger or this log.
    DataExported,
}

/// One line of the audit log, which is only ever added to.
#[wire_type]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditEntryId,
    /// When.
    pub date: Timestamp,
    /// What.
    pub action: AuditAction,
    /// Whether it was allowed.
    pub allowed: bool,
    /// Why it was refused.
    pub code: Option<Code>,
    /// Who; null when it was the service itself, or nobody who is known.
    pub user_id: Option<UserId>,
    /// From which device.
    pub device_id: Option<DeviceId>,
    /// From which network address.
    pub address: Option<String>,
    /// On which call.
    pub call_id: Option<CallId>,
    /// The id of whom or what it was done to, beside a call.
    pub target: Option<String>,
    /// More of it, in a few words. Never what was said on a call.
    pub detail: Option<String>,
}

list_query! {
    /// Which lines of the audit log are wanted. The CSV has no pages.
    AuditQuery {
        /// What this person did.
        pub user_id: Option<UserId>,
        /// What was done on this call.
        pub call_id: Option<CallId>,
        /// Only this.
        pub action: Option<AuditAction>,
        /// Only what was allowed (`true`), or only what was refused (`false`).
        pub allowed: Option<bool>,
        /// Since when, this moment included.
        pub from: Option<Timestamp>,
        /// Until when, this moment not included.
        pub to: Option<Timestamp>,
    }
}
