//! The page that the window shows runs in a process of its own, which can die: of the system's graphics,
//! of memory. The call does not: it is this process that carries it. The page is loaded again.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use tauri::{Manager, WebviewWindow};
use webkit2gtk::WebViewExt as _;

use crate::app::App;
use crate::shortcut;

/// A page that died less than so long ago is not loaded again at once.
const CALM: Duration = Duration::from_secs(60);
/// But after so long: what kills it each time would otherwise take a core.
const PAUSE: Duration = Duration::from_secs(10);

/// When the page died last.
#[derive(Debug, Default)]
struct Deaths {
    last: Option<Instant>,
}

impl Deaths {
    /// It died now: how long to wait before it is loaded again.
    fn pause(&mut self, now: Instant) -> Duration {
        let last = self.last.replace(now);
        let calm = last.is_none_or(|last| now.duration_since(last) >= CALM);
        if calm { Duration::ZERO } else { PAUSE }
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
                let pause = deaths.borrow_mut().pause(Instant::now());
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
}
