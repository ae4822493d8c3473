//! Bringing the window to the front, to where the person is.

use gtk::prelude::*;
use tauri::WebviewWindow;

/// On X11, the window manager lets nobody come to the front whom the person didn't touch for a while,
/// and leaves a window on its own desktop. Whoever opened a link or started the app again asked for it now.
pub fn bring_here(window: &WebviewWindow) {
    let Ok(window) = window.gtk_window() else {
        return;
    };
    let Some(surface) = window.window() else {
        return;
    };
    let Ok(surface) = surface.downcast::<gdkx11::X11Window>() else {
        // Wayland has its own rules, and no way around them.
        window.present();
        return;
    };
    surface.move_to_current_desktop();
    let now = gdkx11::functions::x11_get_server_time(&surface);
    surface.set_user_time(now);
    window.present_with_time(now);
}
