//! What must last: one [`Database`], its methods grouped by concern.
//!
//! It knows nothing of HTTP, sockets, media or calls in progress. What belongs to an organization is
//! asked for with the organization's id, and what another one owns is simply not there (A3).

mod accounts;
mod audit;
mod backup;
mod callers;
mod calls;
pub mod clock;
mod copy;
mod data;
mod database;
pub mod demo;
mod farewells;
mod groups;
mod imports;
mod invites;
mod lead_search;
mod lead_statuses;
mod lead_writes;
mod leads;
mod ledger;
mod numbers;
mod operator;
mod organizations;
mod outcomes;
pub mod random;
mod recordings;
mod roles;
mod second_factors;
mod seed;
mod setup;
mod sign_ins;
mod sql;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod words;

pub use accounts::{Account, Confirmed, LinkKind, NewLink, Reset};
pub use audit::{AuditFilter, Whose};
pub use backup::{backup, restore};
pub use callers::LeadWhoCalls;
pub use copy::copy_store;
pub use data::Piece;
pub use database::Database;
pub use farewells::KeptFarewell;
pub use groups::GROUPS_MAX;
pub use imports::{ImportWork, KeptImport, MadeLead, OPEN_IMPORTS_MAX, is_over};
pub use invites::{Accepted, NewAccount, NewInvite, NewMember, OPEN_INVITES_MAX};
pub use lead_statuses::{DEFAULT_LEAD_STATUSES, LEAD_STATUSES_MAX};
pub use lead_writes::{
    CONTACTS_MAX, ContactFields, DESCRIPTION_CHARS_MAX, LeadFields, Missing, PhoneFields,
};
pub use ledger::{Payment, Span};
pub use numbers::{NUMBERS_MAX, NumberAdded};
pub use operator::{NewOrganization, Operation, OrganizationSummary};
pub use organizations::{Allowance, MemberFacts, MembershipChange};
pub use outcomes::{FIRST_OUTCOMES, OUTCOMES_MAX};
pub use random::Hash;
pub use recordings::{Kept, RecordingPlan};
pub use roles::{ROLES_MAX, RoleChange};
pub use second_factors::{NewTicket, SecondFactor, SecondFactorNeed, Ticket};
pub use setup::{Founder, NewSetupLink};
pub use sign_ins::{Credentials, NewSignIn, Principal, REPEAT_MS, Rotated, Rotation, SignInState};

/// Why the store did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot now: the disk is full, the file is for reading only, another process holds it.
    #[error("the database isn't available: {0}")]
    Unavailable(String),
    /// It would break a rule of the data, such as the last manager of an organization going.
    #[error("{0}")]
    Conflict(String),
    /// What names the place in a list is nothing that a list gave.
    #[error("there's no such place in the list")]
    NoCursor,
    /// A fault of ours, or a file that holds what it must not.
    #[error("the store has a fault: {0}")]
    Fault(String),
}

impl From<StoreError> for wire::ErrorBody {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::new(
                wire::Code::Unavailable,
                "The service can't use its database right now. Try again later.",
            ),
            StoreError::Conflict(message) => Self::new(wire::Code::Conflict, message),
            StoreError::NoCursor => Self::new(
                wire::Code::InvalidRequest,
                "`_cursor` isn't from this list. Read the list from the start.",
            ),
            StoreError::Fault(_) => Self::new(
                wire::Code::Internal,
                "Something went wrong in the service. Try again, or see its log.",
            ),
        }
    }
}
