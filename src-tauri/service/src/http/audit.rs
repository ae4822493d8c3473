//! The audit log (A4), for those who manage the organization.

use super::csv;
use super::error::Refused;
use super::routes::{Ask, Routes};
use crate::audit;
use axum::response::Response;
use store::AuditFilter;
use wire::{AuditEntry, AuditQuery, List, ListQuery, route};

/// Lines that an export holds at most.
const EXPORT_LINES_MAX: usize = 100_000;

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_AUDIT, list)
        .on(route::EXPORT_AUDIT, export)
}

fn filter(query: &AuditQuery) -> AuditFilter {
    AuditFilter {
        user_id: query.user_id.clone(),
        call_id: query.call_id.clone(),
        action: query.action,
        allowed: query.allowed,
        from: query.from,
        to: query.to,
    }
}

async fn list(ask: Ask<(), AuditQuery>) -> Result<List<AuditEntry>, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    let (filter, page) = (filter(&input), input.page());
    let entries = app
        .store
        .audit_entries(&who.organization_id, &filter, &page)
        .await?;
    Ok(entries)
}

async fn export(ask: Ask<(), AuditQuery>) -> Result<Response, Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    note.detail("audit");
    let filter = filter(&input);
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
