//! Who is called, and from which numbers.

use crate::{ContactId, LeadId, PhoneNumberId, UserId};
use wire_macros::wire_type;

/// A company that is sold to.
#[wire_type]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// Its name.
    pub display_name: String,
    /// The people there.
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

/// What a number of the organization is.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum PhoneNumberKind {
    /// A line of the organization's own; calls from it can be coached.
    Internal,
    /// A number that is only shown as caller id; calls from it cannot be coached.
    External,
    /// A number that forwards.
    Virtual,
}

/// A phone number of the organization.
#[wire_type]
pub struct PhoneNumber {
    /// Its id.
    pub id: PhoneNumberId,
    /// E.164.
    pub number: String,
    /// What a person calls it.
    pub label: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: PhoneNumberKind,
    /// Whose it is: calls to it ring them.
    pub user_id: Option<UserId>,
    /// Who may call from it; empty for everybody.
    pub user_ids: Vec<UserId>,
}

crate::list::list_query! {
    /// Which leads are wanted.
    LeadQuery {
        /// Part of the lead's name, in any case of letters, up to 200 characters.
        #[param(max_length = 200)]
        pub query: Option<String>,
    }
}

crate::list::list_query! {
    /// Which contacts are wanted.
    ContactQuery {
        /// Those of this lead only.
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
