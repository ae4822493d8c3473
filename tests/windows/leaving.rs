//! Closing the window and quitting in the middle of a call.

use gtk::gio;
use gtk::glib::ToVariant;

use crate::desk::Desk;
use crate::pulse::until;
use crate::room::{quiet_desk, sounding_desk};
use crate::slow::judged;
use crate::story::{Stage, call};
use crate::tones::{Ear, LEAD_HZ, RILEY_HZ, speech};
use crate::window::{Start, Window};

/// A panel with a place for icons, as far as programs can tell.
fn panel(desk: &Desk) -> gio::DBusConnection {
    let flags = gio::DBusConnectionFlags::AUTHENTICATION_CLIENT
        | gio::DBusConnectionFlags::MESSAGE_BUS_CONNECTION;
    let none = gio::Cancellable::NONE;
    let bus = gio::DBusConnection::for_address_sync(desk.bus(), flags, None, none).expect("a bus");
    let name = ("org.kde.StatusNotifierWatcher", 4_u32).to_variant();
    bus.call_sync(
        Some("org.freedesktop.DBus"),
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
        "RequestName",
        Some(&name),
        None,
        gio::DBusCallFlags::NONE,
        -1,
        none,
    )
    .expect("it has the name");
    bus
}

/// Whether a program on this desk that is not a driver still runs the app.
fn runs(desk: &Desk) -> bool {
    !desk.pages().is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_window_during_a_call_asks_and_ends_the_call_where_there_is_no_tray() {
    let _place = sounding_desk().await;
    judged(async {
        let desk = Desk::set(&["mic_riley"], &["spk_riley"]);
        let stage = Stage::set().await;
        let riley = stage.window(&desk, "riley", "default").await;
        let _speaker = desk.pulse.play_into("mic_riley", &speech(RILEY_HZ));
        call(&riley, "Globex").await;
        stage.lead.hears("the lead", &[RILEY_HZ]).await;

        desk.close_window();
        riley.reads("leaving", "Your call with Globex").await;
        riley.gone("leaving-hide").await;
        riley.shots("leaving").await;
        riley.click("leaving-stay").await;
        riley.gone("leaving").await;
        stage
            .lead
            .hears("the lead of a rep who stays", &[RILEY_HZ])
            .await;

        // Signing out is another way to leave.
        riley.click("sign-out").await;
        riley.reads("confirm", "Globex").await;
        riley.click("confirm-no").await;
        riley.see("call-bar").await;

        desk.close_window();
        riley.clicks_away("leaving-hang-up").await;
        until("the app has ended", || !runs(&desk));
        until("the microphone is closed", || {
            desk.pulse.captures("mic_riley") == 0
        });
        stage.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_tray_the_window_can_be_hidden_and_it_is_said_that_the_call_goes_on() {
    let _place = sounding_desk().await;
    judged(async {
        let mut desk = Desk::set(&["mic_riley"], &["spk_riley"]);
        let _panel = panel(&desk);
        desk.start("dbus-monitor", &["--session", "member='Notify'"]);
        let notified = |words: &str| {
            let said = std::fs::read_to_string(desk.path("dbus-monitor"));
            said.is_ok_and(|said| said.contains(words))
        };
        let stage = Stage::set().await;
        let riley = stage.window(&desk, "riley", "default").await;
        let _speaker = desk.pulse.play_into("mic_riley", &speech(RILEY_HZ));
        let ear = Ear::Loudspeaker(desk.ear("spk_riley"));

        // Without a call nothing is asked.
        desk.close_window();
        until("the window is hidden", || desk.windows().is_empty());
        show(&desk);
        call(&riley, "Globex").await;
        stage.lead.hears("the lead", &[RILEY_HZ]).await;
        desk.close_window();
        riley.see("leaving").await;
        riley.shots("leaving-with-tray").await;
        riley.clicks_away("leaving-hide").await;
        until("the window is hidden", || desk.windows().is_empty());
        until("it is said that the call goes on", || {
            notified("You're still on the call with \u{2068}Globex\u{2069}")
                && notified("Everyone on the call can hear you")
        });
        stage
            .lead
            .hears("the lead of a hidden window", &[RILEY_HZ])
            .await;
        ear.hears("riley, whose window is hidden", &[LEAD_HZ]).await;

        show(&desk);
        riley.gone("leaving").await;
        riley.see("call-bar").await;
        desk.close_window();
        riley.clicks_away("leaving-hang-up").await;
        until("the window is hidden", || desk.windows().is_empty());
        riley.gone("call-bar").await;
        until("the microphone is closed", || {
            desk.pulse.captures("mic_riley") == 0
        });
        stage.stop().await;
    })
    .await;
}

/// Starting the app again shows its window.
fn show(desk: &Desk) {
    let started = desk.command(env!("CARGO_BIN_EXE_call-coaching")).status();
    assert!(started.expect("it starts").success());
    until("the window is there", || desk.windows().len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_starts_hidden_shows_no_window_until_it_is_asked_to() {
    let _place = quiet_desk().await;
    let desk = Desk::set(&["mic_riley"], &["spk_riley"]);
    let stage = Stage::set().await;
    let start = Start {
        name: "riley",
        profile: "default",
        arguments: &["--hidden", "--server", &stage.server],
    };
    let riley = Window::open(&desk, start).await;
    // The page is there, and so would be the window.
    let ready = "return document.querySelector('[data-testid=sign-in]') !== null";
    let deadline = tokio::time::Instant::now() + crate::window::PATIENCE;
    while riley.script(ready).await != true {
        assert!(tokio::time::Instant::now() < deadline, "the page is there");
    }
    assert_eq!(desk.windows(), [""; 0]);
    show(&desk);
    riley.see("sign-in").await;
    stage.stop().await;
}
