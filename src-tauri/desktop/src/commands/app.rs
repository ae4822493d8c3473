//! Signing in, settings, windows.

use serde::Serialize;
use tauri::AppHandle;
use tauri_plugin_autostart::ManagerExt;
use wire::InviteOffer;

use super::answer::{Answer, Shell};
use crate::error::AppError;
use crate::settings::AppSettings;
use crate::shortcut;
use crate::view::AppView;

/// What everybody of the bundled service's demonstration signs in with. It guards nothing: the
/// service answers on this machine only.
const DEMO_PASSWORD: &str = "demo-password";

/// What came of setting something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, specta::Type)]
pub struct SettingsSet {
    /// As they are now.
    pub settings: AppSettings,
    /// Why the shortcut cannot be had, if it cannot.
    pub shortcut_trouble: Option<String>,
}

/// The whole state, as it is now; it comes anew with each change.
#[tauri::command]
#[specta::specta]
pub async fn view(shell: Shell<'_>) -> Answer<AppView> {
    Ok(shell.presenter.view())
}

/// What is set.
#[tauri::command]
#[specta::specta]
pub async fn settings(shell: Shell<'_>) -> Answer<AppSettings> {
    Ok(shell.settings())
}

/// Sets and keeps.
#[tauri::command]
#[specta::specta]
pub async fn set_settings(
    app: AppHandle,
    shell: Shell<'_>,
    settings: AppSettings,
) -> Answer<SettingsSet> {
    let before = shell.settings();
    if settings.autostart != before.autostart {
        let autostart = app.autolaunch();
        let set = if settings.autostart {
            autostart.enable()
        } else {
            autostart.disable()
        };
        set.map_err(|error| {
            AppError::new(
                "settings",
                format!("Couldn't change whether the app starts when you sign in: {error}"),
            )
        })?;
    }
    let shortcut_trouble = shortcut::register(&app, settings.hold_to_whisper.as_deref()).err();
    shell.set_settings(settings).await;
    Ok(SettingsSet {
        settings: shell.settings(),
        shortcut_trouble,
    })
}

/// Uses the bundled service, or another; only while nobody is signed in.
#[tauri::command]
#[specta::specta]
pub async fn set_server(
    app: AppHandle,
    shell: Shell<'_>,
    local: bool,
    url: Option<String>,
) -> Answer<()> {
    let server = match (local, url) {
        (true, _) => None,
        (false, Some(url)) => Some(url),
        (false, None) => {
            return Err(AppError::new("settings", "Enter the server's address."));
        }
    };
    shell.set_server(&app, server).await
}

/// Signs in.
#[tauri::command]
#[specta::specta]
pub async fn sign_in(shell: Shell<'_>, email: String, password: String) -> Answer<()> {
    Ok(shell
        .session()
        .sign_in(email.trim(), &password)
        .await
        .map(drop)?)
}

/// Signs in as somebody of the demonstration; only with the bundled service.
#[tauri::command]
#[specta::specta]
pub async fn sign_in_demo(shell: Shell<'_>, email: String) -> Answer<()> {
    if !shell.presenter.view().server.local {
        let message = "Demo users are only available with the bundled service.";
        return Err(AppError::new("not_possible", message));
    }
    Ok(shell
        .session()
        .sign_in(&email, DEMO_PASSWORD)
        .await
        .map(drop)?)
}

/// What a link offers, by which somebody was invited into an organization.
#[tauri::command]
#[specta::specta]
pub async fn look_up_invite(shell: Shell<'_>, link: String) -> Answer<InviteOffer> {
    let token = shell.invite_token(&link)?;
    Ok(shell.session().api().look_up_invite(token).await?)
}

/// Becomes a member by such a link, and signs in.
#[tauri::command]
#[specta::specta]
pub async fn accept_invite(
    shell: Shell<'_>,
    link: String,
    email: String,
    first_name: String,
    last_name: String,
    password: String,
) -> Answer<()> {
    let token = shell.invite_token(&link)?;
    let session = shell.session();
    let joined = session.accept_invite(&token, email.trim(), (&first_name, &last_name), &password);
    Ok(joined.await.map(drop)?)
}

/// Signs out, or stops taking up a kept sign-in.
#[tauri::command]
#[specta::specta]
pub async fn sign_out(shell: Shell<'_>) -> Answer<()> {
    let session = shell.session();
    if session.view().user_id.is_none() {
        return Ok(session.stop_resuming().await?);
    }
    Ok(session.sign_out().await?)
}

/// Starts the app once more, to be a second person.
#[tauri::command]
#[specta::specta]
pub async fn open_window(shell: Shell<'_>) -> Answer<()> {
    let Some(next) = shell.profile.next() else {
        return Err(AppError::new(
            "not_possible",
            "You can't open more windows.",
        ));
    };
    let failed = |error: std::io::Error| {
        AppError::new(
            "not_possible",
            format!("Couldn't open another window: {error}"),
        )
    };
    let program = std::env::current_exe().map_err(failed)?;
    let given: Vec<_> = std::env::args_os().skip(1).collect();
    let mut command = tokio::process::Command::new(program);
    command
        .args(kept_arguments(&given))
        .args(["--profile", &next.to_string()]);
    // It is another program: it outlives this window.
    command.kill_on_drop(false).spawn().map_err(failed)?;
    Ok(())
}

/// What the next window is started with too: not the profile, not a link, and not hidden.
fn kept_arguments(given: &[std::ffi::OsString]) -> Vec<std::ffi::OsString> {
    let mut kept = Vec::new();
    let mut given = given.iter();
    while let Some(argument) = given.next() {
        let name = argument.to_string_lossy();
        if ["--server", "--local-port", "--service"].contains(&&*name) {
            kept.push(argument.clone());
            kept.extend(given.next().cloned());
        } else if name == "--profile" {
            given.next();
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_window_uses_the_same_service_but_not_the_same_profile() {
        let given = [
            "--profile",
            "second",
            "--local-port",
            "7999",
            "--hidden",
            "callcoaching://call/x",
        ];
        let given: Vec<_> = given.into_iter().map(Into::into).collect();
        assert_eq!(kept_arguments(&given), ["--local-port", "7999"]);
    }
}
