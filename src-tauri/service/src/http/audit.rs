//! The audit log (A4), for those who manage the organization.

use super::csv;
use super::error::Refused;
use super::extract::{Caller, Params};
use crate::app::App;
use crate::audit::{self, Note};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use store::AuditFilter;
use wire::{AuditAction, AuditEntry, CallId, List, ListQuery, Timestamp, UserId};

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
    /// The `cursor` of the page before.
    #[serde(rename = "_cursor")]
    #[param(rename = "_cursor")]
    pub cursor: Option<String>,
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
    let page = ListQuery {
        limit: query.limit,
        skip: query.skip,
        cursor: query.cursor.clone(),
    };
    let entries = app
        .store
        .audit_entries(&who.organization_id, &query.filter(), &page)
        .await?;
    Ok(Json(entries))
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
    let mut entries = Vec::new();
    let mut page = ListQuery {
        limit: Some(ListQuery::LIMIT_MAX),
        ..ListQuery::default()
    };
    loop {
        let lines = app
            .store
            .audit_entries(&who.organization_id, &filter, &page)
            .await?;
        entries.extend(lines.data);
        page.cursor = lines.cursor;
        if page.cursor.is_none() || entries.len() >= EXPORT_LINES_MAX {
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
