//! The organization's own phone numbers.

use crate::{PhoneNumberId, UserId};
use wire_macros::wire_type;

/// The kind of a phone number.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum PhoneNumberKind {
    /// The organization's own line. Calls from it can be coached.
    Internal,
    /// Only shown as the caller ID. Calls from it can't be coached.
    External,
    /// Forwards to another number. Calls from it can't be coached.
    Virtual,
}

/// A phone number of the organization.
#[wire_type]
pub struct PhoneNumber {
    /// Its id.
    pub id: PhoneNumberId,
    /// E.164.
    pub number: String,
    /// A label for people.
    pub label: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: PhoneNumberKind,
    /// The member who owns it: incoming calls ring them.
    pub user_id: Option<UserId>,
    /// Who can call from it. Empty means everyone.
    pub user_ids: Vec<UserId>,
}
