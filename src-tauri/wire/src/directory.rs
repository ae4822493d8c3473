//! Who is called, and from which numbers.

use crate::{ContactId, LeadId, PhoneNumberId, UserId};
use wire_macros::wire_type;

/// A company that the organization sells to.
#[wire_type]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// Its name.
    pub display_name: String,
    /// Its contacts.
    pub contacts: Vec<Contact>,
}

/// A person at a lead.
#[wire_type]
pub struct Contact {
    /// Their id.
    pub id: ContactId,
    /// The lead they belong to.
    pub lead_id: LeadId,
    /// Their name.
    pub display_name: String,
    /// Their numbers, E.164.
    pub phones: Vec<String>,
}

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

crate::list::list_query! {
    /// Filters leads.
    LeadQuery {
        /// Part of the lead's name, in upper or lower case, up to 200 characters.
        #[param(max_length = 200)]
        pub query: Option<String>,
    }
}

crate::list::list_query! {
    /// Filters contacts.
    ContactQuery {
        /// Only those of this lead.
        pub lead_id: Option<LeadId>,
    }
}

impl LeadQuery {
    /// Those whose name holds this.
    #[must_use]
    pub fn named(part: &str) -> Self {
        Self {
            query: Some(part.to_owned()),
            ..Self::default()
        }
    }
}
