//! Closing the window and quitting, carried out.

use std::time::Duration;

use client::Audience;
use tauri::{AppHandle, Manager};

use crate::app::App;
use crate::leaving::{Leaving, LeavingChoice, LeavingQuestion, Situation, Step, after_call, step};
use crate::names::isolated;
use crate::presenter::Change;
use crate::view::{AppView, WINDOW};
use crate::{pump, tray};

/// How long hanging up may hold up who wants to leave. The sound has ended before.
const HANG_UP_WAIT: Duration = Duration::from_secs(3);

/// Somebody wants to quit.
pub fn quit(app: &AppHandle) {
    if !leave(app, Leaving::Quit) {
        app.exit(0);
    }
}

/// Somebody wants to leave. Whether the window stays for now, hidden or not.
pub fn leave(app: &AppHandle, how: Leaving) -> bool {
    let Some(shell) = app.try_state::<App>() else {
        return false;
    };
    let view = shell.presenter.view();
    let now = Situation {
        is_on_call: view.session.is_on_call(),
        is_asked: view.leaving.is_some(),
        has_tray: tray::is_shown(app),
    };
    let step = step(how, now);
    match step {
        Step::Ask => {
            tray::show_window(app);
            let can_hide = now.has_tray;
            tell(app, Some(LeavingQuestion { how, can_hide }));
        }
        Step::Hide | Step::HideOnCall => {
            tell(app, None);
            carry_out(app, &view, step);
        }
        Step::End => {}
    }
    step != Step::End
}

/// Does what somebody on a call chose.
pub async fn answer(app: &AppHandle, choice: LeavingChoice) {
    let shell = app.state::<App>();
    let view = shell.presenter.view();
    let Some(question) = view.leaving else {
        return;
    };
    shell.presenter.tell(Change::Leaving(None)).await;
    match choice {
        LeavingChoice::Stay => {}
        LeavingChoice::Hide => carry_out(app, &view, Step::HideOnCall),
        LeavingChoice::HangUp => {
            let session = shell.session();
            let ended = async {
                if view.session.my_call.is_some() {
                    session.hang_up().await
                } else {
                    session.leave().await
                }
            };
            // It may have ended by itself, or the service may be away. The microphone is closed in any
            // case.
            match tokio::time::timeout(HANG_UP_WAIT, ended).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => log::info!("hanging up to leave: {error}"),
                Err(_) => log::info!("hanging up to leave: no answer in time"),
            }
            carry_out(app, &view, after_call(question.how, tray::is_shown(app)));
        }
    }
}

fn carry_out(app: &AppHandle, view: &AppView, step: Step) {
    match step {
        Step::Ask => {}
        Step::Hide | Step::HideOnCall => {
            if let Some(window) = app.get_webview_window(WINDOW) {
                let _ = window.hide();
                // No one looks at a meter any more.
                app.state::<App>().close_meters();
            }
            if step == Step::HideOnCall {
                let (title, body) = goes_on(view);
                pump::notify(app, title, body);
            }
        }
        Step::End => app.exit(0),
    }
}

fn tell(app: &AppHandle, question: Option<LeavingQuestion>) {
    let presenter = app.state::<App>().presenter.clone();
    tauri::async_runtime::spawn(async move {
        presenter.tell(Change::Leaving(question)).await;
    });
}

/// What somebody is told whose window goes while the call goes on.
fn goes_on(view: &AppView) -> (String, String) {
    let coached = view.session.coaching.as_ref();
    let coached = coached.and_then(|coaching| view.session.calls.get(&coaching.call_id));
    let mine = view.session.my_call.as_ref().map(|mine| &mine.call);
    let title = match mine.or(coached) {
        Some(call) => format!(
            "You're still on the call with {}",
            isolated(&call.lead.display_name)
        ),
        None => "You're still on a call".into(),
    };
    let heard = match view.session.audience {
        None | Some(Audience::Nobody) => "No one can hear you.",
        Some(Audience::Rep) => "The rep can hear you.",
        Some(Audience::Everybody) => "Everyone on the call can hear you.",
    };
    let body = format!("{heard} To come back to the call, open Call Coaching from the tray.");
    (title, body)
}
