//! Ids with the prefixes of Close's API. An id is opaque: its prefix says what it names, no more.

use crate::shape::{PathId, Schemas, Shape, refer};
use serde::{Deserialize, Serialize};
use specta::datatype::DataType;
use utoipa::openapi::{RefOr, Schema};

/// The longest id that is accepted, in bytes.
const ID_BYTES_MAX: usize = 48;

/// An id that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id of this kind begins with `{prefix}` and holds letters, digits and `_` only")]
pub struct IdError {
    /// The prefix that was expected, with its underscore.
    pub prefix: &'static str,
}

/// Whether a text can be an id at all, of whatever kind.
pub(crate) fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            schemars::JsonSchema, utoipa::ToSchema, specta::Type,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        #[schema(value_type = String)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id with this part after its prefix, such as a ULID.
            ///
            /// # Errors
            /// [`IdError`] when the part is empty, too long, or holds other than letters, digits and `_`.
            pub fn from_suffix(suffix: &str) -> Result<Self, IdError> {
                Self::parse(&format!("{}{suffix}", $prefix))
            }

            /// Reads an id.
            ///
            /// # Errors
            /// [`IdError`] when the text is no id of this kind.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let error = IdError { prefix: $prefix };
                let suffix = text.strip_prefix($prefix).ok_or_else(|| error.clone())?;
                if suffix.is_empty() || !is_plain(text) {
                    return Err(error);
                }
                Ok(Self(text.to_owned()))
            }

            /// The id as text, prefix and all.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Shape for $name {
            fn schema(schemas: &mut Schemas) -> Option<RefOr<Schema>> {
                refer::<Self>(schemas)
            }

            fn typescript(types: &mut specta::Types) -> Option<DataType> {
                Some(<Self as specta::Type>::definition(types))
            }
        }

        impl PathId for $name {
            fn read(text: &str) -> Option<Self> {
                Self::parse(text).ok()
            }

            fn as_text(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

id!(/// A person with an account.
    UserId, "user_");
id!(/// A company that uses the product; nothing crosses from one to another.
    OrganizationId, "orga_");
id!(/// A person's membership in an organization.
    MembershipId, "memb_");
id!(/// A set of permissions.
    RoleId, "role_");
id!(/// A group of users.
    GroupId, "group_");
id!(/// A company that the organization sells to.
    LeadId, "lead_");
id!(/// Where a lead stands.
    LeadStatusId, "stat_");
id!(/// A person at a lead.
    ContactId, "cont_");
id!(/// A phone number of the organization.
    PhoneNumberId, "phon_");
id!(/// A call; calls are activities.
    CallId, "acti_");
id!(/// An outcome that a call can have.
    OutcomeId, "outcome_");
id!(/// One party's connection to one call: the rep's, the lead's, or a coach's.
    LegId, "leg_");
id!(/// An invitation to coach a call.
    InvitationId, "invi_");
id!(/// An invite link to an organization.
    MemberInviteId, "minv_");
id!(/// An import of leads.
    ImportId, "impo_");
id!(/// An entry in the ledger.
    LedgerEntryId, "ledg_");
id!(/// An entry in the audit log.
    AuditEntryId, "audi_");
id!(/// One installation of a client; a user may have several.
    DeviceId, "devi_");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_only_with_its_own_prefix() {
        assert!(UserId::parse("user_abc").is_ok());
        for bad in ["", "user_", "lead_abc", "user_a b", "user_../x", "user_é"] {
            assert!(UserId::parse(bad).is_err(), "{bad}");
        }
        assert!(UserId::parse(&format!("user_{}", "x".repeat(44))).is_err());
    }

    #[test]
    fn an_id_of_the_wrong_kind_is_refused_in_json() {
        assert!(serde_json::from_str::<LeadId>("\"user_abc\"").is_err());
        let id: LeadId = serde_json::from_str("\"lead_abc\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"lead_abc\"");
    }
}
