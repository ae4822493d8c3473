//! Leads and the people there: who is called.

use crate::{ContactId, LeadId, LeadStatusId, Timestamp, UserId};
use wire_macros::wire_type;

/// A company that the organization sells to.
#[wire_type]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// Its name.
    pub display_name: String,
    /// What is known of it.
    pub description: String,
    /// Where it stands.
    pub status_id: Option<LeadStatusId>,
    /// The status in words.
    pub status_label: Option<String>,
    /// The member who looks after it.
    pub owner_id: Option<UserId>,
    /// When it was created.
    pub date_created: Timestamp,
    /// When it was last changed.
    pub date_updated: Timestamp,
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
    /// Their name; empty when it isn't known.
    pub name: String,
    /// What to call them: their name, or else their first number or email address.
    pub display_name: String,
    /// Their phone numbers.
    pub phones: Vec<ContactPhone>,
    /// Their email addresses.
    pub emails: Vec<ContactEmail>,
}

/// Where a phone number or an email address reaches somebody.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ContactLabel {
    /// At the office.
    Office,
    /// On a mobile phone.
    Mobile,
    /// At home.
    Home,
    /// Past the switchboard.
    Direct,
    /// A fax machine.
    Fax,
    /// Somewhere else.
    Other,
}

/// A contact's phone number.
#[wire_type]
pub struct ContactPhone {
    /// E.164. A number that a caller had may be in another form.
    pub phone: String,
    /// As people in the organization's country write it, with its extension.
    pub phone_formatted: String,
    /// Digits to dial once somebody has answered. They aren't dialed by the service.
    pub extension: Option<String>,
    /// Where it reaches them.
    #[serde(rename = "type")]
    pub label: ContactLabel,
}

/// A contact's email address.
#[wire_type]
pub struct ContactEmail {
    /// The address.
    pub email: String,
    /// Where it reaches them.
    #[serde(rename = "type")]
    pub label: ContactLabel,
}

/// `POST` and `PUT` of `/api/v1/lead/`: the whole of a lead.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct LeadRequest {
    /// Its name, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What is known of it, up to 10 000 characters.
    #[serde(default)]
    #[schema(max_length = 10000)]
    pub description: String,
    /// Where it stands. Without it, a new lead has the first status of the list, and a lead that is changed
    /// keeps its own.
    #[serde(default)]
    pub status_id: Option<LeadStatusId>,
    /// The member who looks after it, if there is one.
    #[serde(default)]
    pub owner_id: Option<UserId>,
    /// All of its contacts, up to 100.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub contacts: Vec<ContactRequest>,
    /// For `PUT`: the lead's `date_updated` as it was read. If the lead has changed since, the answer is
    /// `conflict`. Without it, the request wins.
    #[serde(default)]
    pub date_updated: Option<Timestamp>,
}

/// A contact of a lead that is created or changed.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct ContactRequest {
    /// The contact's id. Without it, the contact is new.
    #[serde(default)]
    pub id: Option<ContactId>,
    /// Their name, up to 200 characters. It may be empty if there is a number or an email address.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name: String,
    /// All of their phone numbers, up to 10.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub phones: Vec<PhoneRequest>,
    /// All of their email addresses, up to 10.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub emails: Vec<ContactEmail>,
}

/// A phone number of a contact that is created or changed.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct PhoneRequest {
    /// The number as people in the organization's country write it, or E.164. An extension can follow it
    /// (`ext. 42`).
    #[schema(max_length = 64)]
    pub phone: String,
    /// Where it reaches them.
    #[serde(rename = "type")]
    pub label: ContactLabel,
}

/// `POST /api/v1/lead/merge/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct LeadMergeRequest {
    /// The lead that goes.
    pub source: LeadId,
    /// The lead that stays, and gets the other's contacts, calls and recordings.
    pub destination: LeadId,
}

/// Where a lead stands, as the organization calls it.
#[wire_type]
pub struct LeadStatus {
    /// Its id.
    pub id: LeadStatusId,
    /// Its name.
    pub label: String,
}

/// `POST` and `PUT` of `/api/v1/status/lead/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct LeadStatusRequest {
    /// Its name, 1 to 64 characters. No two statuses have the same one.
    #[schema(min_length = 1, max_length = 64)]
    pub label: String,
}

/// `DELETE /api/v1/status/lead/{id}/`.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    utoipa::IntoParams,
    specta::Type,
)]
#[into_params(parameter_in = Query)]
pub struct LeadStatusDeletion {
    /// The status that leads with the deleted one get. It's needed if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement_id: Option<LeadStatusId>,
}

crate::list::list_query! {
    /// Filters leads.
    LeadQuery {
        /// What to search for, up to 200 characters: words that begin like those in the lead's name, its
        /// contacts' names or their email addresses; or the first or last digits of a phone number.
        #[param(max_length = 200)]
        pub query: Option<String>,
        /// Only leads with this status.
        pub status_id: Option<LeadStatusId>,
        /// Only leads that this member looks after.
        pub owner_id: Option<UserId>,
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
    /// Those that are found by this.
    #[must_use]
    pub fn named(part: &str) -> Self {
        Self {
            query: Some(part.to_owned()),
            ..Self::default()
        }
    }

    /// Those on this page.
    #[must_use]
    pub fn of_page(page: &crate::ListQuery) -> Self {
        Self {
            limit: page.limit,
            skip: page.skip,
            cursor: page.cursor.clone(),
            ..Self::default()
        }
    }
}
