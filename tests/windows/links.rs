//! Links that start the app, and those that come while it runs.

use serde_json::Value;
use wire::{CallQuery, route};

use crate::desk::Desk;
use crate::pulse::until;
use crate::room::quiet_desk;
use crate::story::{Stage, call};
use crate::window::{Start, Window};

/// Starts the app once more, as the desktop does for a link. The other start ends, and all is well.
fn start_again(desk: &Desk, profile: &str, arguments: &[&str]) {
    let mut command = desk.command(env!("CARGO_BIN_EXE_call-coaching"));
    let done = command
        .args(["--profile", profile])
        .args(arguments)
        .status();
    assert!(done.expect("it starts").success(), "{arguments:?}");
}

/// The app of somebody who was signed in before, started with further arguments.
async fn start_with(desk: &Desk, name: &'static str, profile: &str, more: &[&str]) -> Window {
    let start = Start {
        name,
        profile,
        arguments: more,
    };
    Window::reopen(desk, start).await
}

async fn address(window: &Window) -> Value {
    window.script("return location.hash").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_its_call_whether_it_starts_the_app_or_comes_later() {
    let _place = quiet_desk().await;
    let desk = Desk::set(&["mic_riley", "mic_morgan"], &["spk_riley", "spk_morgan"]);
    let stage = Stage::set().await;
    let server = stage.server.as_str();
    let riley = stage.window(&desk, "riley", "default").await;
    call(&riley, "Globex").await;
    riley.sees("call-bar", "data-status", "in-progress").await;
    let api = stage.api_of("riley").await;
    let active = CallQuery {
        active: Some(true),
        ..CallQuery::default()
    };
    let calls = api.list(&route::LIST_CALLS, &active).await.expect("calls");
    let [call] = calls.as_slice() else {
        panic!("not one call: {}", calls.len());
    };
    let link = format!("callcoaching://call/{}", call.id);
    let page = format!("#/leads/{}", call.lead.id);

    // With a sign-in that was kept, the state is there before the page listens.
    stage.window(&desk, "morgan", "second").await.kill().await;
    let morgan = start_with(&desk, "morgan", "second", &["--server", server, &link]).await;
    morgan.reads("page-lead", "Gina Grant").await;
    assert_eq!(address(&morgan).await, page);
    morgan.see("lead-listen").await;

    // While it runs: alone, with other arguments, and what is no link.
    for arguments in [
        vec![link.as_str()],
        vec!["--server", server, &link],
        vec!["--hidden", &link],
    ] {
        morgan.click("nav-team").await;
        morgan.see("page-team").await;
        start_again(&desk, "second", &arguments);
        morgan.reads("page-lead", "Gina Grant").await;
    }
    for unknown in ["callcoaching://call/nonsense", "notes.txt"] {
        start_again(&desk, "second", &[unknown]);
        morgan.reads("toast", "That link doesn't work").await;
        morgan.click("toast-dismiss").await;
        morgan.gone("toast").await;
    }
    let invite = "callcoaching://invite/abcdefghijklmnop";
    start_again(&desk, "second", &[invite]);
    morgan.reads("toast", "You're already signed in").await;

    // Of a call that has ended, its lead is still to be seen.
    riley.click("call-hangup").await;
    riley.gone("call-bar").await;
    riley.click("nav-team").await;
    start_again(&desk, "default", &[&link]);
    riley.reads("page-lead", "Gina Grant").await;

    // To somebody who is signed out, an invite link offers to join, also when it starts the app.
    morgan.click("sign-out").await;
    morgan.see("sign-in").await;
    start_again(&desk, "second", &[invite]);
    morgan.see("join-error").await;
    morgan.kill().await;
    let morgan = start_with(&desk, "morgan", "second", &["--server", server, invite]).await;
    morgan.see("join-error").await;
    let field = "return document.querySelector('[data-testid=join-link]').value";
    assert_eq!(morgan.script(field).await, invite);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_it_again_brings_the_window_to_where_the_person_is() {
    let _place = quiet_desk().await;
    let mut desk = Desk::set(&["mic_riley"], &["spk_riley"]);
    desk.start("openbox", &[]);
    until("there is a window manager", || {
        !desk
            .says("xdotool", &["get_num_desktops"])
            .trim()
            .is_empty()
    });
    desk.says("xdotool", &["set_num_desktops", "2"]);
    let stage = Stage::set().await;
    let riley = stage.window(&desk, "riley", "default").await;
    until("the window is there", || desk.windows().len() == 1);
    let window = desk.windows().remove(0);
    let place = |desk: &Desk| desk.says("xdotool", &["get_desktop_for_window", &window]);
    assert_eq!(place(&desk).trim(), "0");
    desk.says("xdotool", &["set_desktop", "1"]);
    until("the person is elsewhere", || {
        desk.says("xdotool", &["get_desktop"]).trim() == "1"
    });

    // Starting with the computer is no reason to show anything.
    start_again(&desk, "default", &["--hidden"]);
    assert_eq!(place(&desk).trim(), "0");

    start_again(&desk, "default", &[]);
    until("the window came", || place(&desk).trim() == "1");
    until("it has the focus", || {
        desk.says("xdotool", &["getactivewindow"]).trim() == window
    });
    assert_eq!(desk.says("xdotool", &["get_desktop"]).trim(), "1");
    drop(riley);
    stage.stop().await;
}
