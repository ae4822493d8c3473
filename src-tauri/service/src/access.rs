//! Who may do what, decided in one place.
//!
//! Three questions, in this order, and each has one home:
//!
//! - **Who** asks? [`authenticate`] turns an access token into a [`Principal`]; HTTP's gate and the
//!   WebSocket's `hello` both go through it, and nothing else in the service reads a token.
//! - **What** may their role do? [`rule`] finds the route in the one table, [`wire::route::RULES`]. The
//!   gate stands in front of every route and refuses what its rule does not allow; what is not in the
//!   table is not there. Handlers get the caller from it and check nothing of this again. What a client
//!   says on the WebSocket has its rules in [`message_rule`]. A media offer is a route like any other.
//! - On **which call**? That depends on the call as it is at this very moment, so the owner of the
//!   calls decides it: `call::Machine` admits, bounds the mode, and lets only the rep hang up (A2).
//!   It is given what the member may do *now*, not what the token said: see `Calls::decide`.
//!
//! Of another organization nothing is there (A3): every look-up names the caller's own organization.

use crate::auth::Auth;
use axum::http::Method;
use store::clock::now;
use store::{Principal, StoreError};
use wire::route::{RULES, Rule, Who};
use wire::{ClientMessage, Permission};

/// The longest access token that is looked up, in bytes.
const TOKEN_BYTES_MAX: usize = 256;

/// The rule of a route. `HEAD` is asked like `GET`.
#[must_use]
pub fn rule(method: &Method, path: &str) -> Option<&'static Rule> {
    let method = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    rules_of(path).find(|rule| rule.method.as_str() == method.as_str())
}

/// Every rule of a path.
pub fn rules_of(path: &str) -> impl Iterator<Item = &'static Rule> + use<'_> {
    RULES.iter().copied().filter(move |rule| rule.path == path)
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
pub async fn authenticate(auth: &Auth, token: &str) -> Result<Option<Principal>, StoreError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Ok(None);
    }
    auth.principal(token, now()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::route;

    #[test]
    fn a1_a_route_has_one_line_and_an_unknown_one_has_none() {
        for (at, one) in RULES.iter().enumerate() {
            let again = RULES[at + 1..]
                .iter()
                .any(|other| other.method == one.method && other.path == one.path);
            assert!(!again, "{} {} has two rules", one.name, one.path);
        }
        assert_eq!(rule(&Method::GET, "/api/v1/secret/"), None);
        assert_eq!(rule(&Method::DELETE, "/api/v1/me/"), None);
        assert_eq!(rule(&Method::HEAD, "/api/v1/me/"), Some(&route::ME.rule));
    }

    #[test]
    fn a1_whatever_changes_the_organization_takes_the_permission_and_is_audited() {
        let administration = [
            "role",
            "group",
            "phone_number",
            "membership",
            "member_invite",
            "organization",
            "usage",
            "lead",
            "status",
            "outcome",
        ];
        // What everybody works with: any member may write leads (L1).
        let work = ["CREATE_LEAD", "CHANGE_LEAD"];
        let mut seen = 0;
        for rule in RULES
            .iter()
            .filter(|rule| rule.method != route::Method::Get)
        {
            let about = rule.path.trim_start_matches("/api/v1/").split('/').next();
            if work.contains(&rule.name) {
                assert_eq!(rule.who, Who::Member, "{}", rule.name);
            } else if administration.iter().any(|name| Some(*name) == about) {
                let manager = Who::Permission(Permission::ManageOrganization);
                assert_eq!(rule.who, manager, "{}", rule.name);
                assert!(rule.audited.is_some(), "{}", rule.name);
                seen += 1;
            }
        }
        assert!(seen > 12, "{seen}");
    }
}
