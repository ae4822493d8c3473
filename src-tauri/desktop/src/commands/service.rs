//! What the window asks the service: by the route table, and what the shell adds to an answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tauri::AppHandle;
use wire::{AuditQuery, MemberInviteRequest, UsageQuery, route};

use super::answer::{Answer, Shell, save};

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
