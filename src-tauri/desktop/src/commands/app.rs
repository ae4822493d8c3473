//! Signing in, settings, windows.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};
use tauri::AppHandle;
use tauri_plugin_autostart::ManagerExt;
use wire::{InviteOffer, SetUp, SetUpRequest, SetupOffer};

use super::answer::{Answer, Shell};
use crate::error::AppError;
use crate::link::Link;
use crate::place::{Local, Place};
use crate::settings::AppSettings;
use crate::shortcut;
use crate::view::AppView;

/// What came of setting something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, specta::Type)]
pub struct SettingsSet {
    /// As they are now.
    pub settings: AppSettings,
    /// Why the shortcut cannot be had, if it cannot.
    pub shortcut_trouble: Option<String>,
}

/// What sets up an organization with its first admin.
#[derive(Deserialize, specta::Type)]
pub struct SetUpForm {
    /// The organization's name.
    organization_name: String,
    /// The country it's in: two letters (ISO 3166-1).
    country: String,
    /// Its time zone (IANA).
    time_zone: String,
    /// The first admin's first name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// The address to sign in with.
    email: String,
    /// The password to sign in with.
    password: String,
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

/// Works with this computer's team, with demo data, or with a server; null lets the window offer the
/// choice. Only while nobody is signed in.
#[tauri::command]
#[specta::specta]
pub async fn choose_place(app: AppHandle, shell: Shell<'_>, place: Option<Place>) -> Answer<()> {
    shell.set_place(&app, place).await
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

/// Signs in as somebody of the demonstration; only with demo data.
#[tauri::command]
#[specta::specta]
pub async fn sign_in_demo(shell: Shell<'_>, email: String) -> Answer<()> {
    let password = shell
        .bundled(Local::Demo)?
        .demo_password()
        .map_err(|message| AppError::new("local_service", message))?;
    let session = shell.session();
    Ok(session.sign_in(&email, &password).await.map(drop)?)
}

/// What kind of link it is that somebody pasted.
#[tauri::command]
#[specta::specta]
pub async fn read_link(link: String) -> Answer<Link> {
    Ok(Link::read(&link))
}

/// What a link offers, by which somebody was invited into an organization. The app works from then on
/// where the link is good.
#[tauri::command]
#[specta::specta]
pub async fn look_up_invite(app: AppHandle, shell: Shell<'_>, link: String) -> Answer<InviteOffer> {
    let token = shell.follow_invite(&app, &link).await?;
    Ok(shell.session().api().look_up_invite(token).await?)
}

/// Becomes a member by such a link, and signs in.
#[tauri::command]
#[specta::specta]
pub async fn accept_invite(
    app: AppHandle,
    shell: Shell<'_>,
    link: String,
    email: String,
    first_name: String,
    last_name: String,
    password: String,
) -> Answer<()> {
    let token = shell.follow_invite(&app, &link).await?;
    let session = shell.session();
    let joined = session.accept_invite(&token, email.trim(), (&first_name, &last_name), &password);
    Ok(joined.await.map(drop)?)
}

/// A link that sets up the team on this computer; null if there is one already.
#[tauri::command]
#[specta::specta]
pub async fn begin_team(shell: Shell<'_>) -> Answer<Option<String>> {
    let made = shell.bundled(Local::Team)?.setup_link().await;
    made.map_err(|message| AppError::new("local_service", message))
}

/// What a set-up link is good for. The app works from then on where it is good.
#[tauri::command]
#[specta::specta]
pub async fn look_up_setup(app: AppHandle, shell: Shell<'_>, link: String) -> Answer<SetupOffer> {
    let token = shell.follow_setup(&app, &link).await?;
    Ok(shell.session().api().look_up_setup(token).await?)
}

/// Makes an organization and its first admin by such a link. Then sign in.
#[tauri::command]
#[specta::specta]
pub async fn set_up(
    app: AppHandle,
    shell: Shell<'_>,
    link: String,
    form: SetUpForm,
) -> Answer<SetUp> {
    let request = SetUpRequest {
        token: shell.follow_setup(&app, &link).await?,
        organization_name: form.organization_name,
        country: form.country,
        time_zone: form.time_zone,
        first_name: form.first_name,
        last_name: form.last_name,
        email: form.email.trim().to_owned(),
        password: form.password,
    };
    Ok(shell.session().api().set_up(&request).await?)
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
        .args(next_arguments(&given, shell.place().as_ref()))
        .args(["--profile", &next.to_string()]);
    // It is another program: it outlives this window.
    command.kill_on_drop(false).spawn().map_err(failed)?;
    Ok(())
}

/// What the next window is started with too: not the profile, not a link, and not hidden; and where this
/// one works now.
fn next_arguments(given: &[OsString], place: Option<&Place>) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut given = given.iter();
    while let Some(argument) = given.next() {
        let name = argument.to_string_lossy();
        if ["--local-port", "--service"].contains(&&*name) {
            kept.push(argument.clone());
            kept.extend(given.next().cloned());
        } else if ["--profile", "--server"].contains(&&*name) {
            given.next();
        }
    }
    match place {
        Some(Place::Team) => kept.push("--team".into()),
        Some(Place::Demo) => kept.push("--demo".into()),
        Some(Place::Server { url }) => kept.extend(["--server".into(), url.into()]),
        None => {}
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
            "--demo",
            "callcoaching://call/x",
        ];
        let given: Vec<_> = given.into_iter().map(Into::into).collect();
        assert_eq!(next_arguments(&given, None), ["--local-port", "7999"]);
    }
    #[test]
    fn o1_another_window_works_where_this_one_does() {
        let given = ["--server", "https://before.example", "--demo"].map(OsString::from);
        let next = |place: Place| next_arguments(&given, Some(&place));
        assert_eq!(next(Place::Team), ["--team"]);
        assert_eq!(next(Place::Demo), ["--demo"]);
        let url = "https://now.example".to_owned();
        assert_eq!(
            next(Place::Server { url }),
            ["--server", "https://now.example"]
        );
    }
}
