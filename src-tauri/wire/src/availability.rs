//! Who is online, with which client, and on which calls.

use crate::{CallId, LeadBrief, UserId};
use wire_macros::wire_type;

/// The kind of a client. Only `native`, the desktop app, can coach or be invited.
#[wire_type(Copy, PartialOrd, Ord, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ClientType {
    /// The desktop app.
    Native,
    /// A browser.
    Web,
    /// A phone.
    Mobile,
}

/// Whether a client is connected.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    /// Its WebSocket is connected.
    Online,
    /// It isn't connected.
    Offline,
}

/// `GET /api/v1/user/availability/`.
#[wire_type]
pub struct Availability {
    /// Each active member of the organization.
    pub data: Vec<UserAvailability>,
}

/// One user's availability, by type of client.
#[wire_type]
pub struct UserAvailability {
    /// The user.
    pub user_id: UserId,
    /// One entry for each type; always all three.
    pub availability: Vec<ClientAvailability>,
}

/// A user's availability with one type of client.
#[wire_type]
pub struct ClientAvailability {
    /// The type of client.
    #[serde(rename = "type")]
    pub client_type: ClientType,
    /// Online when at least one device of this type is.
    pub status: PresenceStatus,
    /// The calls that the user is the rep of, on this type of client.
    pub active_calls: Vec<ActiveCall>,
}

/// A call in progress, in brief.
#[wire_type]
pub struct ActiveCall {
    /// The call.
    pub id: CallId,
    /// The lead.
    pub lead: LeadBrief,
}
