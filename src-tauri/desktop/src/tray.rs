//! The tray icon: whether one is online, the window, and quitting.

use client::{Connection, View};
use tauri::menu::{Menu, MenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Manager};

use crate::names::isolated;
use crate::view::{AppView, WINDOW};

/// The icon's id.
pub const ID: &str = "tray";

/// The menu's first line, which changes.
struct Presence(MenuItem<tauri::Wry>);

/// Puts the icon into the tray.
///
/// # Errors
/// When the desktop has no tray.
pub fn build(app: &AppHandle) -> tauri::Result<()> {
    let presence = MenuItem::with_id(app, "presence", "Signed out", false, None::<&str>)?;
    let show = MenuItem::with_id(app, "show", "Open Call Coaching", true, None::<&str>)?;
    let quit = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
    let menu = Menu::with_items(app, &[&presence, &show, &quit])?;
    let mut tray = TrayIconBuilder::with_id(ID)
        .menu(&menu)
        .on_menu_event(|app, event| match event.id().as_ref() {
            "show" => show_window(app),
            "quit" => app.exit(0),
            _ => {}
        });
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.build(app)?;
    app.manage(Presence(presence));
    Ok(())
}

/// Brings the window to the front.
pub fn show_window(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(WINDOW) {
        let shown = window
            .show()
            .and_then(|()| window.unminimize())
            .and_then(|()| window.set_focus());
        if let Err(error) = shown {
            log::warn!("the window could not be shown: {error}");
        }
    }
}

/// Says who is signed in, and whether teammates see them online.
pub fn show_presence(app: &AppHandle, view: &AppView) {
    let Some(presence) = app.try_state::<Presence>() else {
        return;
    };
    let text = presence_text(&view.session);
    if presence.0.text().is_ok_and(|shown| shown == text) {
        return;
    }
    if let Err(error) = presence.0.set_text(&text) {
        log::warn!("the tray could not be told: {error}");
    }
    if let Some(tray) = app.tray_by_id(ID) {
        let _ = tray.set_tooltip(Some(format!("Call Coaching: {text}")));
    }
}

fn presence_text(view: &View) -> String {
    let Some(me) = &view.me else {
        return "Signed out".into();
    };
    let state = match view.connection {
        _ if view.coaching.is_some() => "coaching",
        _ if view.my_call.is_some() => "on a call",
        Connection::Online => "online",
        Connection::Connecting | Connection::Resuming => "connecting",
        Connection::Offline | Connection::SignedOut => "offline",
    };
    let name = format!("{} {}", me.user.first_name, me.user.last_name);
    format!("{}: {state}", isolated(name.trim()))
}
