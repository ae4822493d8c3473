//! The user's own call.

use wire::{Call, CallId, Invitation, InvitationId, PlaceCallRequest, UserId};

use super::answer::{Answer, Shell};

/// Calls a lead.
#[tauri::command]
#[specta::specta]
pub async fn place_call(shell: Shell<'_>, request: PlaceCallRequest) -> Answer<Call> {
    Ok(shell.session().place_call(request, shell.devices()).await?)
}

/// Takes a call that came in.
#[tauri::command]
#[specta::specta]
pub async fn answer(shell: Shell<'_>, call_id: CallId) -> Answer<()> {
    Ok(shell.session().answer(call_id, shell.devices()).await?)
}

/// Declines a call that rings.
#[tauri::command]
#[specta::specta]
pub async fn decline_call(shell: Shell<'_>, call_id: CallId) -> Answer<()> {
    Ok(shell.session().decline_call(call_id).await?)
}

/// Hangs up.
#[tauri::command]
#[specta::specta]
pub async fn hang_up(shell: Shell<'_>) -> Answer<()> {
    Ok(shell.session().hang_up().await?)
}

/// Puts the lead on hold, or takes them off it.
#[tauri::command]
#[specta::specta]
pub async fn hold(shell: Shell<'_>, held: bool) -> Answer<()> {
    Ok(shell.session().hold(held).await?)
}

/// Presses keys.
#[tauri::command]
#[specta::specta]
pub async fn dtmf(shell: Shell<'_>, digits: String) -> Answer<()> {
    Ok(shell.session().dtmf(&digits).await?)
}

/// Mutes or unmutes the microphone, on the user's own call or as a coach.
#[tauri::command]
#[specta::specta]
pub async fn mute(shell: Shell<'_>, muted: bool) -> Answer<()> {
    Ok(shell.session().mute(muted).await?)
}

/// Invites teammates.
#[tauri::command]
#[specta::specta]
pub async fn invite(shell: Shell<'_>, user_ids: Vec<UserId>) -> Answer<Vec<Invitation>> {
    Ok(shell.session().invite(user_ids).await?)
}

/// Declines an invitation.
#[tauri::command]
#[specta::specta]
pub async fn decline(shell: Shell<'_>, invitation_id: InvitationId) -> Answer<()> {
    Ok(shell.session().decline(invitation_id).await?)
}
