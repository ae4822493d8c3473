//! Microphones and loudspeakers, and trying them out.

use client::MediaStatus;

use crate::error::AppError;
use crate::events::SoundDevices;

use super::answer::{Answer, Shell};

/// What there is.
#[tauri::command]
#[specta::specta]
pub async fn sound_devices(shell: Shell<'_>) -> Answer<SoundDevices> {
    Ok(shell.card.devices().into())
}

/// Plays a second of a tone through the loudspeaker that is set.
#[tauri::command]
#[specta::specta]
pub async fn test_tone(shell: Shell<'_>) -> Answer<()> {
    shell.card.test_tone();
    Ok(())
}

/// Opens the microphone only to show its level, or closes it again. Not during a call: in Listen the
/// microphone stays closed (M4).
#[tauri::command]
#[specta::specta]
pub async fn meter_microphone(shell: Shell<'_>, on: bool) -> Answer<()> {
    if on {
        refuse_on_a_call(&shell)?;
    }
    shell.card.meter(on);
    Ok(())
}

/// Opens every microphone only to show its level beside its name, or closes them again. Not during a
/// call, either.
#[tauri::command]
#[specta::specta]
pub async fn compare_microphones(shell: Shell<'_>, on: bool) -> Answer<()> {
    if on {
        refuse_on_a_call(&shell)?;
    }
    shell.card.meter_all(on);
    Ok(())
}

fn refuse_on_a_call(shell: &Shell<'_>) -> Answer<()> {
    if shell.presenter.view().session.media == MediaStatus::Idle {
        return Ok(());
    }
    let message = "You can test your microphone after the call. It stays off while you listen.";
    Err(AppError::new("not_possible", message))
}
