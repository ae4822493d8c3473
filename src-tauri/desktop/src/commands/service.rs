//! What the window asks the service: by the route table, and what the shell adds to an answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tauri::AppHandle;
use wire::{AuditQuery, Import, ImportId, ImportPart, MemberInviteRequest, UsageQuery, route};

use super::answer::{Answer, Shell, save};
use crate::error::AppError;

/// The longest part of a file that the window hands over at once, in Base64.
const PART_CHARS_MAX: usize = 1024 * 1024;

/// JSON of a route's own types, which the generated `route` knows.
#[derive(Serialize, Deserialize, specta::Type)]
#[serde(transparent)]
pub struct Json(#[specta(type = specta_typescript::Unknown)] Value);

/// Asks a route that the window may ask, by its name, with the id in its path and what goes in.
#[tauri::command]
#[specta::specta]
pub async fn call_service(
    shell: Shell<'_>,
    route: String,
    id: Option<String>,
    input: Json,
) -> Answer<Json> {
    let session = shell.session();
    let answer = session
        .api()
        .call_for_window(&route, id.as_deref(), input.0);
    Ok(Json(answer.await?))
}

/// Invites somebody; answers with the link, which is shown this once.
#[tauri::command]
#[specta::specta]
pub async fn invite_member(shell: Shell<'_>, request: MemberInviteRequest) -> Answer<String> {
    let session = shell.session();
    let new = session
        .api()
        .call(&route::CREATE_MEMBER_INVITE, &(), &request)
        .await?;
    shell.invite_link(&new.token)
}

/// Saves the ledger as CSV among the downloads: where.
#[tauri::command]
#[specta::specta]
pub async fn save_usage_csv(app: AppHandle, shell: Shell<'_>, query: UsageQuery) -> Answer<String> {
    let session = shell.session();
    let bytes = session.api().download(&route::EXPORT_LEDGER, &(), &query);
    save(&app, "usage.csv", &bytes.await?)
}

/// Saves the audit log as CSV among the downloads: where.
#[tauri::command]
#[specta::specta]
pub async fn save_audit_csv(app: AppHandle, shell: Shell<'_>, query: AuditQuery) -> Answer<String> {
    let session = shell.session();
    let bytes = session.api().download(&route::EXPORT_AUDIT, &(), &query);
    save(&app, "audit.csv", &bytes.await?)
}

/// Saves all of the organization's data as JSON among the downloads: where.
#[tauri::command]
#[specta::specta]
pub async fn save_export(app: AppHandle, shell: Shell<'_>) -> Answer<String> {
    let session = shell.session();
    let bytes = session
        .api()
        .download(&route::EXPORT_ORGANIZATION, &(), &());
    save(&app, "organization.json", &bytes.await?)
}

/// Uploads a part of an import's file, as Base64: the service says how much of it there is then.
///
/// A file is handed over in parts, so that neither the window nor the shell ever holds all of it.
#[tauri::command]
#[specta::specta]
pub async fn upload_import_part(
    shell: Shell<'_>,
    id: ImportId,
    offset: u32,
    base64: String,
) -> Answer<Import> {
    if base64.len() > PART_CHARS_MAX {
        let message = "This part of the file is too long.";
        return Err(AppError::new("not_possible", message));
    }
    let bytes = STANDARD
        .decode(base64)
        .map_err(|_| AppError::new("not_possible", "This part of the file couldn't be read."))?;
    let session = shell.session();
    let part = ImportPart { offset };
    let api = session.api();
    let uploaded = api.upload(&route::UPLOAD_IMPORT_PART, &id, &part, bytes);
    Ok(uploaded.await?)
}

/// Saves a template for an import of leads among the downloads: where.
#[tauri::command]
#[specta::specta]
pub async fn save_import_template(app: AppHandle, shell: Shell<'_>) -> Answer<String> {
    let session = shell.session();
    let bytes = session.api().download(&route::IMPORT_TEMPLATE, &(), &());
    save(&app, "leads-template.csv", &bytes.await?)
}

/// Saves all leads as CSV among the downloads: where.
#[tauri::command]
#[specta::specta]
pub async fn save_leads_csv(app: AppHandle, shell: Shell<'_>) -> Answer<String> {
    let session = shell.session();
    let bytes = session.api().download(&route::EXPORT_LEADS, &(), &());
    save(&app, "leads.csv", &bytes.await?)
}
