//! The key that whispers while it is held, also while another window has the focus.

use tauri::{AppHandle, Manager};
use tauri_plugin_global_shortcut::{GlobalShortcutExt, ShortcutState};

use crate::app::App;

/// Takes this key and gives back any other. A key that is taken by another program is only reported.
///
/// # Errors
/// A sentence for the person.
pub fn register(app: &AppHandle, accelerator: Option<&str>) -> Result<(), String> {
    let shortcuts = app.global_shortcut();
    if let Err(error) = shortcuts.unregister_all() {
        log::warn!("could not release the shortcuts: {error}");
    }
    let Some(accelerator) = accelerator else {
        return Ok(());
    };
    let on_key = |app: &AppHandle, _: &_, event: tauri_plugin_global_shortcut::ShortcutEvent| {
        hold(app, event.state() == ShortcutState::Pressed);
    };
    shortcuts.on_shortcut(accelerator, on_key).map_err(|error| {
        log::warn!("no shortcut {accelerator}: {error}");
        format!("{accelerator} can't be used. Another app may be using it. Choose other keys.")
    })
}

/// The key is pressed, or let go.
pub fn hold(app: &AppHandle, held: bool) {
    let Some(shell) = app.try_state::<App>() else {
        return;
    };
    let session = shell.session();
    if session.coaching().is_none() {
        return;
    }
    tauri::async_runtime::spawn(async move {
        if let Err(error) = session.hold_to_whisper(held).await {
            log::info!("hold to whisper: {error}");
        }
    });
}
