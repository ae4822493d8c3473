//! The audit log (A4), for those who manage the organization.

use super::error::Refused;
use super::extract::{Caller, Params};
use super::{csv, page};
use crate::app::App;
use crate::audit::{self, Note};
use crate::store::audit::AuditFilter;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use wire::{AuditAction, AuditEntry, CallId, List, ListQuery, Timestamp, UserId};

/// Lines that are read at once.
const READ_MAX: u32 = 2000;
/// Lines that an export holds at most.
const EXPORT_LINES_MAX: usize = 100_000;

/// Which lines are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// What this person did.
    pub user_id: Option<UserId>,
    /// What was done on this call.
    pub call_id: Option<CallId>,
    /// Only this.
    pub action: Option<AuditAction>,
    /// Only what was allowed (`true`), or only what was refused (`false`).
    pub allowed: Option<bool>,
    /// Since when, this moment included.
    pub from: Option<Timestamp>,
    /// Until when, this moment not included.
    pub to: Option<Timestamp>,
    /// How many items at most: 1 to 200, 100 when not given. The CSV has no pages.
    #[serde(rename = "_limit")]
    #[param(rename = "_limit", minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// How many items to pass over: 0 when not given.
    #[serde(rename = "_skip")]
    #[param(rename = "_skip")]
    pub skip: Option<u32>,
}

impl AuditQuery {
    fn filter(&self) -> AuditFilter {
        AuditFilter {
            user_id: self.user_id.clone(),
            call_id: self.call_id.clone(),
            action: self.action,
            allowed: self.allowed,
            from: self.from,
            to: self.to,
        }
    }
}

/// What was done and what was refused, newest first. Lines are only ever added.
#[utoipa::path(
    get, path = "/api/v1/audit/", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "One page.", body = List<AuditEntry>))
)]
pub async fn entries(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<AuditQuery>,
) -> Result<Json<List<AuditEntry>>, Refused> {
    let bounds = ListQuery {
        limit: query.limit,
        skip: query.skip,
        cursor: None,
    };
    let (limit, skip) = (bounds.limit() + 1, bounds.skip());
    let lines = app
        .store
        .audit
        .entries(&who.organization_id, &query.filter(), None, limit, skip)
        .await?;
    let entries = lines.into_iter().map(|line| line.entry).collect();
    Ok(Json(page(entries, &bounds)))
}

/// The same as CSV, newest first; at most 100 000 lines.
///
/// Columns: date, action, allowed, code, user_id, device_id, address, call_id, target, detail.
#[utoipa::path(
    get, path = "/api/v1/audit/csv/", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "The lines.", body = String, content_type = "text/csv"))
)]
pub async fn entries_csv(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<AuditQuery>,
    note: Note,
) -> Result<Response, Refused> {
    note.detail("audit");
    let filter = query.filter();
    let (mut entries, mut before) = (Vec::new(), None);
    loop {
        let lines = app
            .store
            .audit
            .entries(&who.organization_id, &filter, before, READ_MAX, 0)
            .await?;
        before = lines.last().map(|line| line.seq);
        entries.extend(lines.into_iter().map(|line| line.entry));
        if before.is_none() || entries.len() >= EXPORT_LINES_MAX {
            break;
        }
    }
    entries.truncate(EXPORT_LINES_MAX);
    let columns = [
        "date",
        "action",
        "allowed",
        "code",
        "user_id",
        "device_id",
        "address",
        "call_id",
        "target",
        "detail",
    ];
    csv::file("audit.csv", &columns, entries.into_iter().map(cells))
}

fn cells(entry: AuditEntry) -> [String; 10] {
    [
        entry.date.to_string(),
        audit::name(&entry.action).unwrap_or_default(),
        entry.allowed.to_string(),
        entry
            .code
            .as_ref()
            .and_then(audit::name)
            .unwrap_or_default(),
        entry.user_id.map(String::from).unwrap_or_default(),
        entry.device_id.map(String::from).unwrap_or_default(),
        entry.address.unwrap_or_default(),
        entry.call_id.map(String::from).unwrap_or_default(),
        entry.target.unwrap_or_default(),
        entry.detail.unwrap_or_default(),
    ]
}
