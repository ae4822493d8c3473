//! The tray icon: whether one is online, the window, and quitting.

use client::{Connection, View};
use tauri::menu::{Menu, MenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Manager};

use crate::names::isolated;
use crate::view::{AppView, WINDOW};

const ID: &str = "tray";

/// The menu's first line, which changes.
struct Presence(MenuItem<tauri::Wry>);

/// Puts the icon into the tray; its menu asks to quit.
///
/// # Errors
/// When the desktop has no tray.
pub fn build(app: &AppHandle, quits: fn(&AppHandle)) -> tauri::Result<()> {
    let presence = MenuItem::with_id(app, "presence", "Signed out", false, None::<&str>)?;
    let show = MenuItem::with_id(app, "show", "Open Call Coaching", true, None::<&str>)?;
    let quit = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
    let menu = Menu::with_items(app, &[&presence, &show, &quit])?;
    let mut tray = TrayIconBuilder::with_id(ID)
        .menu(&menu)
        .on_menu_event(move |app, event| match event.id().as_ref() {
            "show" => show_window(app),
            "quit" => quits(app),
            _ => {}
        });
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.build(app)?;
    app.manage(Presence(presence));
    Ok(())
}

/// Whether the icon can be seen: not every desktop has a tray to put it in.
pub fn is_shown(app: &AppHandle) -> bool {
    app.tray_by_id(ID).is_some() && host::is_there()
}

/// Brings the window to the front, where the person is.
pub fn show_window(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(WINDOW) {
        let shown = window.show().and_then(|()| window.unminimize());
        if let Err(error) = shown.and_then(|()| to_front(window)) {
            log::warn!("could not show the window: {error}");
        }
    }
}

#[cfg(target_os = "linux")]
fn to_front(window: tauri::WebviewWindow) -> tauri::Result<()> {
    let app = window.app_handle().clone();
    app.run_on_main_thread(move || crate::front::bring_here(&window))
}

#[cfg(not(target_os = "linux"))]
fn to_front(window: tauri::WebviewWindow) -> tauri::Result<()> {
    window.set_focus()
}

/// Where the desktop shows icons.
#[cfg(not(target_os = "linux"))]
mod host {
    pub const fn is_there() -> bool {
        true
    }
}

/// Where the desktop shows icons: in a panel that knows indicators, or in an older one.
#[cfg(target_os = "linux")]
mod host {
    use gtk::gio;
    use gtk::glib::ToVariant;
    use x11rb::protocol::xproto::ConnectionExt;

    const BUS_WAIT_MS: i32 = 1_000;

    pub fn is_there() -> bool {
        takes_indicators() || takes_icons().unwrap_or(false)
    }

    fn takes_indicators() -> bool {
        let here = gio::Cancellable::NONE;
        let Ok(bus) = gio::bus_get_sync(gio::BusType::Session, here) else {
            return false;
        };
        let answer = bus.call_sync(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "NameHasOwner",
            Some(&("org.kde.StatusNotifierWatcher",).to_variant()),
            None,
            gio::DBusCallFlags::NONE,
            BUS_WAIT_MS,
            here,
        );
        let has = answer.ok().and_then(|answer| answer.get::<(bool,)>());
        has.is_some_and(|(has,)| has)
    }

    fn takes_icons() -> Option<bool> {
        let (display, screen) = x11rb::connect(None).ok()?;
        let name = format!("_NET_SYSTEM_TRAY_S{screen}");
        let atom = display.intern_atom(true, name.as_bytes()).ok()?;
        let atom = atom.reply().ok()?.atom;
        if atom == x11rb::NONE {
            return Some(false);
        }
        let owner = display.get_selection_owner(atom).ok()?.reply().ok()?.owner;
        Some(owner != x11rb::NONE)
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
        log::warn!("could not update the tray: {error}");
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
