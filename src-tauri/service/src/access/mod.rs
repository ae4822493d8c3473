//! Who may do what, decided in one place.
//!
//! Three questions, in this order, and each has one home:
//!
//! - **Who** asks? [`authenticate`] turns an access token into a [`Principal`]; HTTP's gate and the
//!   WebSocket's `hello` both go through it, and nothing else in the service reads a token.
//! - **What** may their role do? [`rule`] finds the line of a route in one table. The [`gate`] stands
//!   in front of every route and refuses what the line does not allow; what has no line is not there.
//!   Handlers get the caller from it and check nothing of this again. What a client says on the
//!   WebSocket has its lines in [`message_rule`]. A media offer is a route like any other.
//! - On **which call**? That depends on the call as it is at this very moment, so the owner of the
//!   calls decides it: `call::Machine` admits, bounds the mode, and lets only the rep hang up (A2).
//!   It is given what the member may do *now*, not what the token said: see `Calls::decide`.
//!
//! Of another organization nothing is there (A3): every look-up names the caller's own organization.

mod gate;
mod line;
mod table;

pub use gate::{gate, unauthenticated};
pub use table::rule;

use crate::app::App;
use crate::clock::now;
use axum::http::Method;
use store::{Principal, StoreError};
use wire::{AuditAction, ClientMessage, Permission};

/// The longest access token that is looked up, in bytes.
const TOKEN_BYTES_MAX: usize = 256;

/// Who may ask for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everybody, without a token.
    Anybody,
    /// Every active member.
    Member,
    /// Members whose role holds this.
    Permission(Permission),
}

/// What holds for one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its method.
    pub method: Method,
    /// Its path, with `{id}` for an id.
    pub path: &'static str,
    /// Who may ask.
    pub who: Who,
    /// As what it is written to the audit log (A4).
    pub audited: Option<AuditAction>,
}

/// Whether a role that holds these permissions may ask for what takes `who`.
#[must_use]
pub fn allows(who: Who, permissions: &[Permission]) -> bool {
    match who {
        Who::Anybody | Who::Member => true,
        Who::Permission(permission) => permissions.contains(&permission),
    }
}

/// Who may say this on the WebSocket. `hello` carries the token that makes a member of somebody.
#[must_use]
pub const fn message_rule(message: &ClientMessage) -> Who {
    match message {
        ClientMessage::Hello(_) => Who::Anybody,
        ClientMessage::Heartbeat {} => Who::Member,
    }
}

/// Whom an access token proves; none when it is not good, or its member is not active any more.
///
/// # Errors
/// [`StoreError`] when that cannot be looked up.
pub async fn authenticate(app: &App, token: &str) -> Result<Option<Principal>, StoreError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Ok(None);
    }
    app.auth.principal(token, now()).await
}
