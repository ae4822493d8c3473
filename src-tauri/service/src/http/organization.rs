//! An organization's data as a whole: taken along, and leads deleted.

use super::check::to_its_end;
use super::error::Refused;
use super::extract::{Caller, Id};
use crate::app::App;
use crate::audit::Note;
use crate::recording::DeleteError;
use crate::store::StoreError;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use wire::{Code, LeadId, OrganizationId};

/// Pieces that are read, and are in memory, at once.
const READ_MAX: u32 = 500;

/// All of the organization's data as one JSON document: an object with an array for each kind of thing.
///
/// It is read kind by kind while it is sent, so what changes meanwhile may be in one kind and not yet in
/// another. Passwords and tokens are not in it; of recordings, what is known of them.
#[utoipa::path(
    get, path = "/api/v1/organization/export/", tag = "administration",
    responses((status = 200, description = "The data.", body = Object, content_type = "application/json"))
)]
pub async fn export(State(app): State<Arc<App>>, Caller(who): Caller, note: Note) -> Response {
    note.detail("organization");
    let reading = Reading {
        sections: app.store.data.sections().into_iter(),
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
    (headers, Body::from_stream(pieces)).into_response()
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
        let data = &self.app.store.data;
        let read = data.pieces(&self.organization, section, &self.after, READ_MAX);
        let pieces = match read.await {
            Ok(pieces) => pieces,
            Err(error) => {
                self.over = true;
                tracing::error!(%error, "an export breaks off");
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

/// Deletes a lead with its contacts, calls and recordings.
///
/// It takes the permission `manage_organization`. What was charged stays in the ledger, and what was
/// done in the audit log. While a call with the lead is in progress it is a `conflict`.
#[utoipa::path(
    delete, path = "/api/v1/lead/{id}/", tag = "administration", params(("id" = LeadId, Path)),
    responses((status = 204, description = "Deleted."))
)]
pub async fn delete_lead(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<LeadId>,
) -> Result<StatusCode, Refused> {
    let organization = who.organization_id.clone();
    if app.store.leads.lead(&organization, &id).await?.is_none() {
        return Err(Refused::not_found("lead"));
    }
    to_its_end(async move {
        app.calls.forget_lead(&organization, &id).await?;
        let calls = app.store.data.calls_with(&organization, &id).await?;
        if let Some(recordings) = &app.recordings {
            for call in &calls {
                match recordings.delete_of_call(&organization, call).await {
                    Ok(()) | Err(DeleteError::NotFound) => {}
                    Err(DeleteError::Running) => {
                        return Err(Refused::new(
                            Code::Conflict,
                            "A recording with this lead is still being made. Try again shortly.",
                        ));
                    }
                    Err(DeleteError::Store(error)) => return Err(error.into()),
                    Err(DeleteError::Storage(error)) => {
                        tracing::error!(call_id = %call, %error, "a recording is not deleted");
                        return Err(Refused::new(
                            Code::Unavailable,
                            "The recordings cannot be reached just now. Try again shortly.",
                        ));
                    }
                }
            }
        }
        // Once more: what was said of the recordings is kept by now, and is not written afterwards.
        app.calls.forget_lead(&organization, &id).await?;
        app.store.data.delete_lead(&organization, &id).await?;
        tracing::info!(by = %who.user_id, lead_id = %id, calls = calls.len(), "a lead was deleted");
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
