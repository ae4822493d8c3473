//! The page that the window shows runs in a process of its own, which can die: of the system's graphics,
//! of memory. The call does not: it is this process that carries it. The page is loaded again.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use tauri::{Manager, WebviewWindow};
use webkit2gtk::WebViewExt as _;

use crate::app::App;
use crate::native;
use crate::shortcut;

/// A page that died less than so long ago is not loaded again at once.
const CALM: Duration = Duration::from_secs(60);
/// But after so long: what kills it each time would otherwise take a core.
const PAUSE: Duration = Duration::from_secs(10);
const KEEPS_DYING: &str = "The window can't be shown: it keeps crashing. Calls in progress continue. \
     Check that your disk isn't full, then quit the app and start it again.";

/// When the page died last.
#[derive(Debug, Default)]
struct Deaths {
    last: Option<Instant>,
    is_said: bool,
}

impl Deaths {
    /// It died now: how long to wait before it is loaded again.
    fn pause(&mut self, now: Instant) -> Duration {
        let last = self.last.replace(now);
        let calm = last.is_none_or(|last| now.duration_since(last) >= CALM);
        if calm { Duration::ZERO } else { PAUSE }
    }

    /// Whether to say now that there is no window to say anything in: once.
    fn is_to_be_said(&mut self, pause: Duration) -> bool {
        !pause.is_zero() && !std::mem::replace(&mut self.is_said, true)
    }
}

/// Loads the page of this window again whenever its process dies.
///
/// # Errors
/// When the window is gone.
pub fn keep(window: &WebviewWindow) -> tauri::Result<()> {
    let kept = window.clone();
    window.with_webview(move |view| {
        let deaths = RefCell::new(Deaths::default());
        view.inner()
            .connect_web_process_terminated(move |_, reason| {
                log::error!("the page's process ended: {reason:?}");
                // A button that was held can no longer be let go, and a meter no longer be stopped.
                shortcut::hold(kept.app_handle(), false);
                if let Some(shell) = kept.app_handle().try_state::<App>() {
                    shell.close_meters();
                }
                let mut deaths = deaths.borrow_mut();
                let pause = deaths.pause(Instant::now());
                if deaths.is_to_be_said(pause) {
                    native::say(KEEPS_DYING);
                }
                let window = kept.clone();
                tauri::async_runtime::spawn(async move {
                    tokio::time::sleep(pause).await;
                    if let Err(error) = window.reload() {
                        log::error!("the page could not be loaded again: {error}");
                    }
                });
            });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_loaded_again_at_once_and_slower_when_it_keeps_dying() {
        let (mut deaths, start) = (Deaths::default(), Instant::now());
        let mut pause = |after_s| deaths.pause(start + Duration::from_secs(after_s));
        assert_eq!(pause(0), Duration::ZERO);
        assert_eq!(pause(5), PAUSE);
        assert_eq!(pause(5 + 59), PAUSE);
        assert_eq!(pause(5 + 59 + 60), Duration::ZERO);
    }

    #[test]
    fn a_page_that_keeps_dying_is_said_outside_it_once() {
        let mut deaths = Deaths::default();
        let said = [Duration::ZERO, PAUSE, PAUSE].map(|pause| deaths.is_to_be_said(pause));
        assert_eq!(said, [false, true, false]);
    }
}
