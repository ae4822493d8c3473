//! Invitations to coach a call (W3).

use crate::{CallId, InvitationId, Joinability, LeadBrief, Timestamp, UserId};
use wire_macros::wire_type;

/// `POST …/invitation/`: the rep invites teammates.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// Whom: 1 to 100 users.
    #[schema(min_items = 1, max_items = 100)]
    pub user_ids: Vec<UserId>,
}

/// A teammate who may be shown in the Invite dropdown: has the desktop app online.
#[wire_type]
pub struct InvitationTarget {
    /// Who.
    pub user_id: UserId,
    /// Whether they could join; shown disabled with the reason when not.
    pub joinability: Joinability,
}

/// Where an invitation stands.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// Waits for an answer.
    Open,
    /// The invited teammate joined.
    Accepted,
    /// The invited teammate declined.
    Declined,
    /// 60 s went by.
    Expired,
    /// The call ended first.
    Cancelled,
}

/// An invitation to coach a call. It gives no permission.
#[wire_type]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The call.
    pub call_id: CallId,
    /// The lead on it.
    pub lead: LeadBrief,
    /// Who invites.
    pub inviter_id: UserId,
    /// Who is invited.
    pub invitee_id: UserId,
    /// Where it stands.
    pub status: InvitationStatus,
    /// When it was sent.
    pub date_created: Timestamp,
    /// When it ends by itself.
    pub date_expires: Timestamp,
}
