//! Microphones that are moved, muted or missing, as people in real windows see and hear it.

use std::process::Command;
use std::time::Instant;

use crate::desk::Desk;
use crate::pulse::until;
use crate::room::{quiet_desk, sounding_desk};
use crate::slow::judged;
use crate::story::{Stage, call};
use crate::tones::{MORGAN_HZ, RILEY_HZ, speech};
use crate::window::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn the_microphone_that_was_chosen_is_heard_wherever_the_default_goes() {
    let _place = sounding_desk().await;
    judged(async {
        let desk = Desk::set(&["mic_riley", "mic_other"], &["spk_riley"]);
        let stage = Stage::set().await;
        let riley = stage.window(&desk, "riley", "default").await;
        let _speakers = [("mic_riley", RILEY_HZ), ("mic_other", MORGAN_HZ)]
            .map(|(name, hz)| desk.pulse.play_into(name, &speech(hz)));
        call(&riley, "Globex").await;
        stage.lead.hears("the lead", &[RILEY_HZ]).await;
        desk.pulse.set_default_microphone("mic_other");
        until("riley's microphone is captured from", || {
            desk.pulse.captures("mic_riley") == 1 && desk.pulse.captures("mic_other") == 0
        });
        stage
            .lead
            .hears("the lead, once the default is another", &[RILEY_HZ])
            .await;
        riley.gone("call-trouble").await;
        riley.click("nav-settings").await;
        riley
            .sees(
                "settings-microphone",
                "data-value",
                "pulseaudio:mic_riley_source",
            )
            .await;
        // Who moves it by hand is told which one is heard.
        until("the stream is on the other", || {
            desk.pulse.move_captures("mic_riley", "mic_other");
            desk.pulse.captures("mic_other") == 1
        });
        riley
            .reads(
                "call-trouble",
                "switched Call Coaching to Microphone mic_other",
            )
            .await;
        riley.shots("settings-microphone-switched").await;
        stage.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_on_the_call_sees_whose_microphone_does_not_work() {
    let _place = quiet_desk().await;
    judged(async {
        let desk = Desk::set(&["mic_riley", "mic_morgan"], &["spk_riley", "spk_morgan"]);
        let stage = Stage::set().await;
        let riley = stage.window(&desk, "riley", "default").await;
        let morgan = stage.window(&desk, "morgan", "second").await;
        call(&riley, "Globex").await;
        riley.sees("call-bar", "data-status", "in-progress").await;
        morgan.click("nav-team").await;
        morgan.click("team-listen-riley").await;
        morgan.click("mode-whisper").await;
        morgan.sees("coaching-bar", "data-audience", "rep").await;
        riley.gone("call-trouble").await;

        for name in ["mic_riley", "mic_morgan"] {
            desk.pulse.remove(name);
        }
        let unheard = "No one hears you: no microphone found.";
        riley.reads("call-trouble", unheard).await;
        riley.reads("call-coach-morgan", "microphone problem").await;
        morgan.reads("coaching-audience", unheard).await;
        morgan.sees("coaching-bar", "data-audience", "nobody").await;
        morgan
            .reads("coaching-rep-trouble", "Microphone problem")
            .await;
        riley.shots("call-without-a-microphone").await;
        morgan.shots("coaching-without-a-microphone").await;

        for name in ["mic_riley", "mic_morgan"] {
            desk.pulse.add_microphone(name);
        }
        morgan.sees("coaching-bar", "data-audience", "rep").await;
        morgan.gone("coaching-rep-trouble").await;
        riley.gone("call-trouble").await;
        riley.reads("call-coach-morgan", "Whispering").await;

        // One that is muted beside the app is no better.
        desk.pulse.mute_microphone("mic_riley", true);
        riley
            .reads("call-trouble", "your microphone is muted")
            .await;
        morgan.see("coaching-rep-trouble").await;
        riley.shots("call-muted-in-the-system").await;
        desk.pulse.mute_microphone("mic_riley", false);
        riley.gone("call-trouble").await;
        morgan.gone("coaching-rep-trouble").await;
        stage.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m4_the_list_of_microphones_shows_their_levels_while_it_is_open_and_no_call_is() {
    let _place = sounding_desk().await;
    judged(async {
        let desk = Desk::set(&["mic_riley"], &["spk_riley"]);
        for (name, port) in [("mic_one", "2"), ("mic_two", "1.4")] {
            let path = format!("pci-0000:00:14.0-usb-0:{port}:1.0");
            desk.pulse.add_microphone_at(name, "Headset", &path);
        }
        let stage = Stage::set().await;
        let riley = stage.window(&desk, "riley", "default").await;
        let _speaker = desk.pulse.play_into("mic_two", &speech(RILEY_HZ));
        let microphones = ["mic_riley", "mic_one", "mic_two"];
        let captures = || microphones.map(|name| desk.pulse.captures(name));
        riley.click("nav-settings").await;
        riley.see("settings-microphone").await;
        assert_eq!(captures(), [0, 0, 0], "nobody asked for a level");
        riley.click("settings-microphone").await;
        riley
            .see("settings-microphone-pulseaudio:mic_two_source")
            .await;
        let [one, two] = ["mic_one", "mic_two"].map(|name| format!("pulseaudio:{name}_source"));
        for (id, name) in [
            (&one, "Headset (USB port 2)"),
            (&two, "Headset (USB port 1.4)"),
        ] {
            let option = format!("[data-testid=\"settings-microphone-{id}\"]");
            let script = format!("return document.querySelector('{option}').textContent;");
            let text = riley.script(&script).await;
            let text = text.as_str().unwrap_or_default();
            assert!(text.contains(name), "{id} reads {text}");
        }
        let level_of = async |id: &str| {
            let level = format!("[data-testid=\"settings-level-{id}\"]");
            let value = "?.getAttribute('aria-valuenow') ?? -1";
            let script = format!("return Number(document.querySelector('{level}'){value});");
            riley.script(&script).await.as_i64().expect("a number")
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let levels = (level_of(&one).await, level_of(&two).await);
            // Of a meter that begins at -60 dBov: -21 is what is spoken.
            if levels.0 == 0 && (50..75).contains(&levels.1) {
                break;
            }
            assert!(Instant::now() < deadline, "the levels are {levels:?}");
        }
        assert_eq!(captures(), [1, 1, 1], "all are open");
        riley.shots("settings-microphones").await;
        riley.presses("\u{e00c}").await; // Escape.
        riley.gone(&format!("settings-level-{two}")).await;
        until("all are closed", || captures() == [0, 0, 0]);

        // A page that dies cannot close them: from here on the driver is not asked.
        riley.click("settings-microphone").await;
        until("all are open", || captures() == [1, 1, 1]);
        let pages = desk.pages();
        assert_eq!(pages.len(), 1, "{pages:?}");
        let killed = Command::new("kill").args(["-KILL", &pages[0]]).status();
        assert!(killed.is_ok_and(|status| status.success()));
        until("all are closed", || captures() == [0, 0, 0]);
        stage.stop().await;
    })
    .await;
}
