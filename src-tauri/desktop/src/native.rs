//! What is said without a page: where there is no window, or one that shows nothing.

#[cfg(target_os = "linux")]
use gtk::prelude::*;

#[cfg(target_os = "linux")]
const TITLE: &str = "Problem with Call Coaching";

/// Says in a box why the app cannot start, and waits until it's read. For the main thread.
pub fn say_and_wait(message: &str) {
    #[cfg(target_os = "linux")]
    if gtk::init().is_ok() {
        let shown = message_box(message);
        shown.run();
        shown.close();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = message;
}

/// Says something in a box beside the window. For the main thread.
#[cfg(target_os = "linux")]
pub fn say(message: &str) {
    let shown = message_box(message);
    shown.connect_response(|shown, _| shown.close());
    shown.show();
}

#[cfg(target_os = "linux")]
fn message_box(message: &str) -> gtk::MessageDialog {
    gtk::MessageDialog::builder()
        .title(TITLE)
        .text(TITLE)
        .secondary_text(message)
        .message_type(gtk::MessageType::Error)
        .buttons(gtk::ButtonsType::Close)
        .build()
}
