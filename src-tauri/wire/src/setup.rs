//! Setting up an organization with a one-time link (O1).

use crate::auth::hidden_debug;
use crate::{OrganizationId, Timestamp};
use wire_macros::wire_type;

/// `POST /api/v1/setup/look_up/`: what a set-up link is good for.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct SetupLookup {
    /// The secret in the link.
    pub token: String,
}

/// What a set-up link is good for, before it is used.
#[wire_type]
pub struct SetupOffer {
    /// The organization's name, if the operator has chosen one.
    pub organization_name: Option<String>,
    /// Its country, if the operator has chosen one: two letters (ISO 3166-1).
    pub country: Option<String>,
    /// Its time zone, if the operator has chosen one (IANA).
    pub time_zone: Option<String>,
    /// When the link expires.
    pub date_expires: Timestamp,
}

/// `POST /api/v1/setup/`: creates the organization and its first admin.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct SetUpRequest {
    /// The secret in the link.
    pub token: String,
    /// The organization's name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub organization_name: String,
    /// The country it's in: two letters (ISO 3166-1), such as `US`.
    #[schema(min_length = 2, max_length = 2)]
    pub country: String,
    /// Its time zone, such as `Europe/Berlin` (IANA).
    #[schema(min_length = 1, max_length = 64)]
    pub time_zone: String,
    /// The first admin's first name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub first_name: String,
    /// Last name, up to 64 characters.
    #[schema(max_length = 64)]
    pub last_name: String,
    /// The first admin's email address, used to sign in.
    #[schema(max_length = 254)]
    pub email: String,
    /// The password: 10 to 1024 bytes.
    #[schema(min_length = 10, max_length = 1024)]
    pub password: String,
}

/// An organization that was set up. Its admin can sign in.
#[wire_type]
pub struct SetUp {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization_name: String,
}

hidden_debug!(SetupLookup, SetUpRequest);
