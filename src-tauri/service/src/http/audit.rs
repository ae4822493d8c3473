//! The audit log (A4), for those who manage the organization.

use super::csv;
use super::error::Refused;
use super::routes::{Ask, Routes, page};
use crate::audit;
use axum::response::Response;
use store::AuditFilter;
use wire::{AuditEntry, AuditQuery, List, route};

/// Lines that are read at once.
const READ_MAX: u32 = 2000;
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
    let wanted = input.page();
    let (limit, skip) = (wanted.limit() + 1, wanted.skip());
    let lines = app
        .store
        .audit_entries(&who.organization_id, &filter(&input), None, limit, skip)
        .await?;
    let entries = lines.into_iter().map(|line| line.entry).collect();
    Ok(page(entries, &wanted))
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
    let (mut entries, mut before) = (Vec::new(), None);
    loop {
        let lines = app
            .store
            .audit_entries(&who.organization_id, &filter, before, READ_MAX, 0)
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
