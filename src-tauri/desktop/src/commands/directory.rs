//! Leads, their calls, groups and numbers: read when a page shows them.

use wire::{Call, Group, Lead, LeadId, PhoneNumber};

use super::{Answer, Shell};

/// Leads whose name holds the query; all when it is empty.
#[tauri::command]
#[specta::specta]
pub async fn leads(shell: Shell<'_>, query: String) -> Answer<Vec<Lead>> {
    Ok(shell.session().api().leads(&query).await?.data)
}

/// One lead.
#[tauri::command]
#[specta::specta]
pub async fn lead(shell: Shell<'_>, id: LeadId) -> Answer<Lead> {
    Ok(shell.session().api().lead(&id).await?)
}

/// A lead's calls, newest first.
#[tauri::command]
#[specta::specta]
pub async fn calls_of_lead(shell: Shell<'_>, lead_id: LeadId) -> Answer<Vec<Call>> {
    Ok(shell.session().api().calls_of_lead(&lead_id).await?.data)
}

/// The organization's own numbers.
#[tauri::command]
#[specta::specta]
pub async fn phone_numbers(shell: Shell<'_>) -> Answer<Vec<PhoneNumber>> {
    Ok(shell.session().api().phone_numbers().await?.data)
}

/// The organization's teams.
#[tauri::command]
#[specta::specta]
pub async fn groups(shell: Shell<'_>) -> Answer<Vec<Group>> {
    Ok(shell.session().api().groups().await?.data)
}
