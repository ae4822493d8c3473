//! Invitations to coach a call (W3).

use crate::{CallId, InvitationId, Joinability, LeadBrief, Timestamp, UserId};
use wire_macros::wire_type;

/// `POST …/invitation/`: the rep invites teammates.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// Who to invite: 1 to 100 users.
    #[schema(min_items = 1, max_items = 100)]
    pub user_ids: Vec<UserId>,
}

/// A teammate for the Invite menu, who has the desktop app online.
#[wire_type]
pub struct InvitationTarget {
    /// The teammate.
    pub user_id: UserId,
    /// Whether they could join. If not, show them disabled, with the reason.
    pub joinability: Joinability,
}

/// An invitation's status.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// Waits for an answer.
    Open,
    /// The invited teammate joined.
    Accepted,
    /// The invited teammate declined.
    Declined,
    /// It wasn't answered within 60 s.
    Expired,
    /// The call ended first.
    Cancelled,
}

/// An invitation to coach a call. It grants no permission.
#[wire_type]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The call.
    pub call_id: CallId,
    /// The lead on it.
    pub lead: LeadBrief,
    /// Who sent it.
    pub inviter_id: UserId,
    /// Who it's for.
    pub invitee_id: UserId,
    /// Its status.
    pub status: InvitationStatus,
    /// When it was sent.
    pub date_created: Timestamp,
    /// When it expires.
    pub date_expires: Timestamp,
}
