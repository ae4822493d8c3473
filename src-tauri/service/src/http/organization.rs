//! The organization itself: its settings, and its data as a whole.

use super::check::{invalid, name, to_its_end};
use super::error::Refused;
use super::routes::{Ask, Routes};
use crate::app::App;
use crate::audit;
use crate::places;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use store::StoreError;
use store::clock::now;
use wire::{AuditAction, Code, Organization, OrganizationId, OrganizationPatch, route};

/// Days that recordings are kept at most, a hundred years.
const RETENTION_DAYS_MAX: u32 = 36_500;
/// Micro-dollars that count as a low balance at most, a million dollars.
const LOW_BALANCE_MAX: i64 = 1_000_000_000_000;
/// Pieces of an export that are read, and are in memory, at once.
const READ_MAX: u32 = 500;

pub fn routes() -> Routes {
    Routes::default()
        .on(route::CHANGE_ORGANIZATION, change)
        .on(route::EXPORT_ORGANIZATION, export)
}

async fn change(ask: Ask<OrganizationId, OrganizationPatch>) -> Result<Organization, Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    if let Some(plan) = &ask.input.plan {
        note.action(AuditAction::PlanChanged);
        note.detail(audit::name(plan).unwrap_or_default());
    }
    if id != who.organization_id {
        return Err(Refused::not_found("organization"));
    }
    let patch = checked(ask.input)?;
    if patch.plan.is_some() && !app.store.allowance(&id).await?.plan_change {
        return Err(Refused::new(
            Code::PermissionRequired,
            "You can't change the plan here. Ask whoever runs the service.",
        ));
    }
    to_its_end(async move {
        let organization = app
            .store
            .patch_organization(&id, &patch, now())
            .await?
            .ok_or_else(|| Refused::not_found("organization"))?;
        tracing::info!(
            by = %who.user_id, organization_id = %id, plan = ?organization.plan,
            recording = ?organization.recording, "changed the organization"
        );
        app.organization_changed(&organization, patch.plan.is_some())
            .await;
        if patch.low_balance_micro_dollars.is_some() {
            app.balances.note(id);
        }
        Ok(organization)
    })
    .await
}

fn checked(mut patch: OrganizationPatch) -> Result<OrganizationPatch, Refused> {
    if patch == OrganizationPatch::default() {
        return Err(invalid("The body has nothing to change."));
    }
    if let Some(text) = patch.name.take() {
        patch.name = Some(name(&text)?);
    }
    if let Some(code) = patch.country.take() {
        let country = places::country(&code)
            .ok_or_else(|| invalid("`country` must be two letters (ISO 3166-1), such as US."))?;
        patch.country = Some(country);
    }
    if let Some(zone) = patch.time_zone.take() {
        let zone = places::time_zone(&zone).ok_or_else(|| {
            invalid("`time_zone` must be a time zone's name (IANA), such as Europe/Berlin.")
        })?;
        patch.time_zone = Some(zone);
    }
    let days = patch
        .recording
        .as_ref()
        .map(|recording| recording.retention_days);
    if days.is_some_and(|days| days > RETENTION_DAYS_MAX) {
        return Err(invalid(format!(
            "`retention_days` must be 0 to {RETENTION_DAYS_MAX}. 0 keeps recordings until the \
             lead is deleted."
        )));
    }
    let low = patch.low_balance_micro_dollars.map(|amount| amount.0);
    if low.is_some_and(|low| !(0..=LOW_BALANCE_MAX).contains(&low)) {
        return Err(invalid(format!(
            "`low_balance_micro_dollars` must be 0 to {LOW_BALANCE_MAX}."
        )));
    }
    Ok(patch)
}

async fn export(Ask { app, who, note, .. }: Ask<(), ()>) -> Result<Response, Refused> {
    note.detail("organization");
    let reading = Reading {
        sections: app.store.export_sections().into_iter(),
        app,
        organization: who.organization_id,
        section: None,
        after: String::new(),
        begun: false,
        over: false,
    };
    let pieces = futures_util::stream::unfold(reading, |mut reading| async move {
        // An answer that breaks off is not taken for a whole one.
        let next = reading.next().await.transpose()?;
        Some((next, reading))
    });
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"organization.json\"",
        ),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// An export on its way.
struct Reading {
    app: Arc<App>,
    organization: OrganizationId,
    sections: std::vec::IntoIter<&'static str>,
    section: Option<&'static str>,
    after: String,
    /// Whether the section has a piece already.
    begun: bool,
    over: bool,
}

impl Reading {
    /// The next of the document; none after its end.
    async fn next(&mut self) -> Result<Option<String>, StoreError> {
        if self.over {
            return Ok(None);
        }
        let Some(section) = self.section else {
            return Ok(Some(match self.sections.next() {
                Some(first) => {
                    self.section = Some(first);
                    format!("{{\"{first}\":[")
                }
                None => self.end("{}"),
            }));
        };
        let data = &self.app.store;
        let read = data.export_pieces(&self.organization, section, &self.after, READ_MAX);
        let pieces = match read.await {
            Ok(pieces) => pieces,
            Err(error) => {
                self.over = true;
                tracing::error!(%error, "an export was cut off");
                return Err(error);
            }
        };
        let mut text = String::new();
        for (place, piece) in pieces {
            if self.begun {
                text.push_str(",\n");
            }
            text.push_str(&piece);
            self.begun = true;
            self.after = place;
        }
        if !text.is_empty() {
            return Ok(Some(text));
        }
        (self.after, self.begun) = (String::new(), false);
        self.section = self.sections.next();
        Ok(Some(match self.section {
            Some(next) => format!("],\n\"{next}\":["),
            None => self.end("]}"),
        }))
    }

    fn end(&mut self, last: &str) -> String {
        self.over = true;
        last.to_owned()
    }
}
