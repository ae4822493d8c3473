//! Links, leaving, and the sign-in that was kept.

use tauri::AppHandle;

use super::answer::{Answer, Shell};
use crate::exit;
use crate::kept_sign_in;
use crate::leaving::LeavingChoice;
use crate::presenter::Change;

/// The window follows the link of this number; it isn't shown again.
#[tauri::command]
#[specta::specta]
pub async fn link_followed(shell: Shell<'_>, number: u32) -> Answer<()> {
    shell.presenter.tell(Change::LinkFollowed(number)).await;
    Ok(())
}

/// What somebody on a call answered who wanted to leave.
#[tauri::command]
#[specta::specta]
pub async fn answer_leaving(app: AppHandle, choice: LeavingChoice) -> Answer<()> {
    exit::answer(&app, choice).await;
    Ok(())
}

/// Takes up the sign-in that an earlier run kept, once more; whether there was one.
#[tauri::command]
#[specta::specta]
pub async fn resume_sign_in(shell: Shell<'_>) -> Answer<bool> {
    Ok(kept_sign_in::take_up(&shell.session()).await?)
}
