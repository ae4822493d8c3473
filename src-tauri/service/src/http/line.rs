//! The line of the audit log that a request leaves behind (A4).

use crate::app::App;
use crate::audit::{NewEntry, Note};
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use std::net::SocketAddr;
use std::sync::Arc;
use store::Principal;
use store::Whose;
use wire::{AuditAction, CallId, Code};

/// A line that is being made. Dropped before its answer, since the client went or it took too long, it
/// is told as well: nobody gets around the log by hanging up.
pub struct Line {
    app: Arc<App>,
    action: AuditAction,
    who: Option<Principal>,
    address: Option<String>,
    call_id: Option<CallId>,
    target: Option<String>,
    note: Note,
    answered: bool,
}

impl Line {
    /// Of a request to the route with this path.
    pub fn new(app: Arc<App>, action: AuditAction, route: &str, request: &Request) -> Self {
        let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let id = id_in(route, request.uri().path());
        let call_id = id.and_then(|id| CallId::parse(id).ok());
        let target = match &call_id {
            Some(_) => None,
            None => id.map(str::to_owned),
        };
        Self {
            app,
            action,
            who: None,
            address: address.map(|ConnectInfo(address)| address.ip().to_canonical().to_string()),
            call_id,
            target,
            note: Note::default(),
            answered: false,
        }
    }

    /// With who asked, as far as that is known.
    pub fn by(mut self, who: Option<Principal>) -> Self {
        self.who = who;
        self
    }

    /// Where the handler writes what it knows.
    pub fn note(&self) -> Note {
        self.note.clone()
    }

    /// It was answered.
    pub fn answered(mut self, response: &Response) {
        let status = response.status();
        let failed = status.is_client_error() || status.is_server_error();
        let code = response.extensions().get::<Code>().copied();
        self.tell(failed.then(|| code.unwrap_or(Code::InvalidRequest)), None);
    }

    fn tell(&mut self, refused: Option<Code>, detail: Option<&str>) {
        self.answered = true;
        let noted = self.note.noted();
        if refused.is_none() && noted.silent {
            return;
        }
        let who = self.who.take();
        let of_who = who
            .as_ref()
            .map(|who| Whose::Organization(who.organization_id.clone()));
        // Of whom nothing is known, there is no organization to tell.
        let Some(whose) = of_who.or(noted.whose) else {
            return;
        };
        let (user_id, device_id) = match who {
            Some(who) => (Some(who.user_id), Some(who.device_id)),
            None => (noted.user_id, noted.device_id),
        };
        self.app.audit.add(NewEntry {
            whose,
            action: noted.action.unwrap_or(self.action),
            refused,
            user_id,
            device_id,
            address: self.address.take(),
            call_id: self.call_id.take(),
            target: noted.target.or_else(|| self.target.take()),
            detail: noted.detail.or_else(|| detail.map(str::to_owned)),
        });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.answered {
            self.tell(
                Some(Code::Unavailable),
                Some("was given up before its answer"),
            );
        }
    }
}

/// What stands in the path where the route has its `{id}`; nothing that cannot be an id.
fn id_in<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    let mut pieces = route.split('/').zip(path.split('/'));
    let (_, id) = pieces.find(|(piece, _)| *piece == "{id}")?;
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (plain && id.len() <= 48).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a4_the_line_names_what_the_path_is_about() {
        let route = "/api/v1/activity/call/{id}/coach_leg/";
        let id = id_in(route, "/api/v1/activity/call/acti_1/coach_leg/");
        assert_eq!(id, Some("acti_1"));
        assert_eq!(id_in("/api/v1/role/{id}/", "/api/v1/role/%20=cmd/"), None);
        assert_eq!(id_in("/api/v1/role/", "/api/v1/role/"), None);
    }
}
