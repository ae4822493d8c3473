//! Recordings: played through the loudspeaker that is set, saved, paused.

use client::Player;
use tauri::AppHandle;
use wire::{CallId, RecordingQuery, RecordingStatus, route};

use super::answer::{Answer, Shell, save};
use crate::error::AppError;

/// Plays a recording from this place on; what played before stops. `playback` tells how it goes.
#[tauri::command]
#[specta::specta]
pub async fn play_recording(
    app: AppHandle,
    shell: Shell<'_>,
    call_id: CallId,
    from_ms: u32,
) -> Answer<()> {
    let session = shell.session();
    let call = session.api().call(&route::GET_CALL, &call_id, &()).await?;
    let duration_ms = match call.recording {
        Some(recording) if recording.status == RecordingStatus::Stored => recording.duration_ms,
        _ => {
            let message = "This call has no recording to play.";
            return Err(AppError::new("not_possible", message));
        }
    };
    let view = session.view();
    if view.is_on_call() {
        let message = "You're on a call. Play the recording afterwards.";
        return Err(AppError::new("not_possible", message));
    }
    let loudspeaker = Box::new(shell.card.loudspeaker());
    let player = Player::start(session.api().clone(), call_id.clone(), from_ms, loudspeaker);
    shell.deck.play(app, player, call_id, from_ms, duration_ms);
    Ok(())
}

/// Stops what plays.
#[tauri::command]
#[specta::specta]
pub async fn pause_playback(shell: Shell<'_>) -> Answer<()> {
    shell.deck.stop();
    Ok(())
}

/// Saves a recording among the downloads: where.
#[tauri::command]
#[specta::specta]
pub async fn save_recording(app: AppHandle, shell: Shell<'_>, call_id: CallId) -> Answer<String> {
    let session = shell.session();
    let whole = RecordingQuery {
        download: Some(true),
    };
    let bytes = session
        .api()
        .download(&route::GET_RECORDING, &call_id, &whole);
    save(&app, &format!("{call_id}.ogg"), &bytes.await?)
}

/// Pauses the recording of the user's own call, or lets it go on.
#[tauri::command]
#[specta::specta]
pub async fn pause_recording(shell: Shell<'_>, paused: bool) -> Answer<()> {
    Ok(shell.session().pause_recording(paused).await?)
}
