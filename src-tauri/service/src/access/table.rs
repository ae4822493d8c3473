//! The table: one line a route. A route without a line is refused to everybody.

use super::Who::{Anybody, Member};
use super::{Rule, Who};
use axum::http::Method;
use wire::AuditAction as Audit;
use wire::Permission;

const MANAGER: Who = Who::Permission(Permission::ManageOrganization);
const DELETER: Who = Who::Permission(Permission::DeleteRecordings);

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

const fn plain(method: Method, path: &'static str, who: Who) -> Rule {
    Rule {
        method,
        path,
        who,
        audited: None,
    }
}

const fn audited(method: Method, path: &'static str, who: Who, action: Audit) -> Rule {
    Rule {
        method,
        path,
        who,
        audited: Some(action),
    }
}

static TABLE: &[Rule] = &[
    // For those who run the service, and for those who write clients.
    plain(GET, "/health", Anybody),
    plain(GET, "/ready", Anybody),
    plain(GET, "/metrics", Anybody),
    plain(GET, "/api/openapi.json", Anybody),
    plain(GET, "/api/events.schema.json", Anybody),
    plain(GET, "/api/docs", Anybody),
    plain(GET, "/api/docs/", Anybody),
    plain(GET, "/api/docs/{*rest}", Anybody),
    // Its first message carries the token.
    plain(GET, "/api/v1/socket/", Anybody),
    // Signing in: what is shown is a password, a link's secret or a refresh token.
    audited(POST, "/api/v1/auth/sign_in/", Anybody, Audit::SignIn),
    plain(POST, "/api/v1/auth/refresh/", Anybody),
    audited(POST, "/api/v1/auth/sign_out/", Anybody, Audit::SignOut),
    plain(POST, "/api/v1/auth/invite/", Anybody),
    audited(
        POST,
        "/api/v1/auth/accept_invite/",
        Anybody,
        Audit::MemberJoined,
    ),
    // People and what they may do.
    plain(GET, "/api/v1/me/", Member),
    plain(GET, "/api/v1/user/", Member),
    plain(GET, "/api/v1/user/availability/", Member),
    plain(GET, "/api/v1/user/{id}/", Member),
    plain(GET, "/api/v1/membership/", MANAGER),
    audited(
        PATCH,
        "/api/v1/membership/{id}/",
        MANAGER,
        Audit::MemberChanged,
    ),
    plain(GET, "/api/v1/member_invite/", MANAGER),
    audited(
        POST,
        "/api/v1/member_invite/",
        MANAGER,
        Audit::MemberInvited,
    ),
    audited(
        DELETE,
        "/api/v1/member_invite/{id}/",
        MANAGER,
        Audit::MemberInviteRevoked,
    ),
    plain(GET, "/api/v1/role/", Member),
    audited(POST, "/api/v1/role/", MANAGER, Audit::RoleChanged),
    audited(PUT, "/api/v1/role/{id}/", MANAGER, Audit::RoleChanged),
    audited(DELETE, "/api/v1/role/{id}/", MANAGER, Audit::RoleChanged),
    plain(GET, "/api/v1/group/", Member),
    audited(POST, "/api/v1/group/", MANAGER, Audit::GroupChanged),
    audited(PUT, "/api/v1/group/{id}/", MANAGER, Audit::GroupChanged),
    audited(DELETE, "/api/v1/group/{id}/", MANAGER, Audit::GroupChanged),
    // The organization: its plan, its settings, its data.
    plain(GET, "/api/v1/plan/", Member),
    audited(
        PATCH,
        "/api/v1/organization/{id}/",
        MANAGER,
        Audit::OrganizationChanged,
    ),
    audited(
        GET,
        "/api/v1/organization/export/",
        MANAGER,
        Audit::DataExported,
    ),
    plain(GET, "/api/v1/audit/", MANAGER),
    audited(GET, "/api/v1/audit/csv/", MANAGER, Audit::DataExported),
    // Money.
    plain(GET, "/api/v1/usage/", MANAGER),
    plain(GET, "/api/v1/usage/balance/", MANAGER),
    plain(GET, "/api/v1/usage/ledger/", MANAGER),
    audited(GET, "/api/v1/usage/csv/", MANAGER, Audit::DataExported),
    audited(POST, "/api/v1/usage/top_up/", MANAGER, Audit::ToppedUp),
    // Who is called, and from which numbers.
    plain(GET, "/api/v1/lead/", Member),
    plain(GET, "/api/v1/lead/{id}/", Member),
    audited(DELETE, "/api/v1/lead/{id}/", MANAGER, Audit::LeadDeleted),
    plain(GET, "/api/v1/contact/", Member),
    plain(GET, "/api/v1/phone_number/", Member),
    audited(
        POST,
        "/api/v1/phone_number/",
        MANAGER,
        Audit::PhoneNumberChanged,
    ),
    audited(
        PUT,
        "/api/v1/phone_number/{id}/",
        MANAGER,
        Audit::PhoneNumberChanged,
    ),
    audited(
        DELETE,
        "/api/v1/phone_number/{id}/",
        MANAGER,
        Audit::PhoneNumberChanged,
    ),
    // Calls. Who may do what on which call is the call's to say.
    plain(GET, "/api/v1/activity/call/", Member),
    plain(POST, "/api/v1/activity/call/", Member),
    plain(GET, "/api/v1/activity/call/{id}/", Member),
    plain(POST, "/api/v1/activity/call/{id}/answer/", Member),
    plain(POST, "/api/v1/activity/call/{id}/hangup/", Member),
    plain(PUT, "/api/v1/activity/call/{id}/hold/", Member),
    plain(PUT, "/api/v1/activity/call/{id}/mute/", Member),
    plain(POST, "/api/v1/activity/call/{id}/dtmf/", Member),
    plain(POST, "/api/v1/activity/call/{id}/media/", Member),
    plain(POST, "/api/v1/demo/inbound_call/", Member),
    // Recordings.
    audited(
        GET,
        "/api/v1/activity/call/{id}/recording/",
        Member,
        Audit::RecordingPlayed,
    ),
    plain(GET, "/api/v1/activity/call/{id}/recording/peaks/", Member),
    audited(
        PUT,
        "/api/v1/activity/call/{id}/recording/",
        Member,
        Audit::RecordingPaused,
    ),
    audited(
        DELETE,
        "/api/v1/activity/call/{id}/recording/",
        DELETER,
        Audit::RecordingDeleted,
    ),
    // Coaching.
    audited(
        POST,
        "/api/v1/activity/call/{id}/coach_leg/",
        Member,
        Audit::CoachJoin,
    ),
    audited(
        DELETE,
        "/api/v1/activity/call/{id}/coach_leg/",
        Member,
        Audit::CoachLeave,
    ),
    audited(
        PUT,
        "/api/v1/activity/call/{id}/coach_leg/mode/",
        Member,
        Audit::CoachMode,
    ),
    audited(
        POST,
        "/api/v1/activity/call/{id}/invitation/",
        Member,
        Audit::CoachInvited,
    ),
    plain(GET, "/api/v1/activity/call/{id}/invitation_target/", Member),
    plain(GET, "/api/v1/invitation/", Member),
    plain(POST, "/api/v1/invitation/{id}/decline/", Member),
];

/// The line of a route. `HEAD` is asked like `GET`.
#[must_use]
pub fn rule(method: &Method, path: &str) -> Option<&'static Rule> {
    let method = if *method == Method::HEAD {
        &GET
    } else {
        method
    };
    of_path(path).find(|rule| rule.method == *method)
}

/// Every line of a path.
pub(super) fn of_path(path: &str) -> impl Iterator<Item = &'static Rule> + use<'_> {
    TABLE.iter().filter(move |rule| rule.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a1_a_route_has_one_line_and_an_unknown_one_has_none() {
        for (at, one) in TABLE.iter().enumerate() {
            let again = TABLE[at + 1..]
                .iter()
                .any(|other| other.method == one.method && other.path == one.path);
            assert!(!again, "{} {} has two lines", one.method, one.path);
        }
        assert_eq!(rule(&GET, "/api/v1/secret/"), None);
        assert_eq!(rule(&DELETE, "/api/v1/me/"), None);
        assert_eq!(
            rule(&Method::HEAD, "/api/v1/me/"),
            rule(&GET, "/api/v1/me/")
        );
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
        ];
        let mut seen = 0;
        for rule in TABLE.iter().filter(|rule| rule.method != GET) {
            let about = rule.path.trim_start_matches("/api/v1/").split('/').next();
            if administration.iter().any(|name| Some(*name) == about) {
                assert_eq!(rule.who, MANAGER, "{} {}", rule.method, rule.path);
                assert!(rule.audited.is_some(), "{} {}", rule.method, rule.path);
                seen += 1;
            }
        }
        assert!(seen > 12, "{seen}");
    }
}
