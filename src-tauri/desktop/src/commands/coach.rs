//! Coaching a teammate's call.

use wire::{CallId, CoachMode, InvitationId};

use super::answer::{Answer, Shell};

/// Joins a call, always in Listen (M1).
#[tauri::command]
#[specta::specta]
pub async fn join(
    shell: Shell<'_>,
    call_id: CallId,
    invitation_id: Option<InvitationId>,
) -> Answer<()> {
    let joined = shell
        .session()
        .join(call_id, invitation_id, shell.devices())
        .await?;
    log::info!("joined with leg {}", joined.id);
    Ok(())
}

/// Switches the mode; answers when the service has confirmed it.
#[tauri::command]
#[specta::specta]
pub async fn set_mode(shell: Shell<'_>, mode: CoachMode) -> Answer<()> {
    Ok(shell.session().set_mode(mode).await.map(drop)?)
}

/// Whispers while held; then Listen.
#[tauri::command]
#[specta::specta]
pub async fn hold_to_whisper(shell: Shell<'_>, held: bool) -> Answer<()> {
    let session = shell.session();
    if !held && session.coaching().is_none() {
        // The key may be let go after the call has ended.
        return Ok(());
    }
    Ok(session.hold_to_whisper(held).await?)
}

/// Leaves the call.
#[tauri::command]
#[specta::specta]
pub async fn leave(shell: Shell<'_>) -> Answer<()> {
    Ok(shell.session().leave().await?)
}
