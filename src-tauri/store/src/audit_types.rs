//! The audit log (A4), as the store keeps it: lines are added, and never changed or deleted.

use super::StoreError;
use async_trait::async_trait;
use wire::{AuditAction, AuditEntry, CallId, OrganizationId, Timestamp, UserId};

/// Whose log a line belongs into. It is found when the line is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// This organization's.
    Organization(OrganizationId),
    /// That of this person's organization, whether they are active or not.
    Member(UserId),
    /// That of the organization with a member of this e-mail address, in lower case. Nobody's when
    /// there is none: then the line is not written.
    Email(String),
}

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Those of this person.
    pub user_id: Option<UserId>,
    /// Those of this call.
    pub call_id: Option<CallId>,
    /// Those of this kind.
    pub action: Option<AuditAction>,
    /// Only what was allowed, or only what was refused.
    pub allowed: Option<bool>,
    /// Since when, this moment included.
    pub from: Option<Timestamp>,
    /// Until when, this moment not included.
    pub to: Option<Timestamp>,
}

/// A line with its place in the log, by which reading goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its place: later lines have greater ones.
    pub seq: i64,
    /// The line.
    pub entry: AuditEntry,
}

/// The audit log.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Adds lines in this order, all or none. One that is there already is passed over.
    async fn append(&self, entries: &[(Whose, AuditEntry)]) -> Result<(), StoreError>;
    /// An organization's lines, newest first: `limit` of those before the place `before`, after
    /// passing over `skip`.
    async fn entries(
        &self,
        organization: &OrganizationId,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
        skip: u32,
    ) -> Result<Vec<Placed>, StoreError>;
}
