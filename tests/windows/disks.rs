//! Folders that can't be written, disks that are full, and settings that can't be read: the app starts,
//! and says what is wrong.

use crate::desk::Desk;
use crate::pulse::until;
use crate::room::quiet_desk;
use crate::story::{Stage, sign_in};
use crate::window::Window;

const IDENTIFIER: &str = "com.callcoaching.desktop";
/// The title of the box where there is no window.
pub const BOX: &str = "Problem with Call Coaching";

fn desk() -> Desk {
    Desk::set(&["mic_riley", "mic_other"], &["spk_riley"])
}

/// What the settings file holds now.
fn settings(desk: &Desk) -> String {
    let file = desk.config(IDENTIFIER).join("settings.json");
    std::fs::read_to_string(file).unwrap_or_default()
}

fn write_settings(desk: &Desk, text: &str) {
    let folder = desk.config(IDENTIFIER);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("settings.json"), text).expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_starts_where_its_data_folder_cannot_be_written() {
    let _place = quiet_desk().await;
    let stage = Stage::set().await;

    // A file where the folder should be: that stops root too.
    let files = desk();
    std::fs::write(files.path("data").join(IDENTIFIER), "").expect("a file");
    let riley = stage.window_again(&files, "riley", "default").await;
    riley
        .reads("notice", "a file is where a folder should be")
        .await;
    sign_in(&riley, "riley@demo.example").await;
    riley.shots("data-folder-unwritable").await;
    riley.kill().await;

    let mut mounted = desk();
    if mounted.mounts(
        "mkdir -p $XDG_DATA_HOME && mount --bind $XDG_DATA_HOME $XDG_DATA_HOME
         mount -o remount,bind,ro $XDG_DATA_HOME",
    ) {
        let riley = stage.window_again(&mounted, "riley", "default").await;
        riley.reads("notice", "the disk is read-only").await;
        sign_in(&riley, "riley@demo.example").await;
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_there_where_the_disk_for_caches_is_full() {
    let _place = quiet_desk().await;
    let stage = Stage::set().await;
    let mut desk = desk();
    if desk.mounts(
        "mkdir -p $XDG_CACHE_HOME && mount -t tmpfs -o size=64k none $XDG_CACHE_HOME
         cat /dev/zero >$XDG_CACHE_HOME/full 2>/dev/null || true",
    ) {
        let riley = stage.window_again(&desk, "riley", "default").await;
        sign_in(&riley, "riley@demo.example").await;
        riley.shot("cache-full").await;
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_there_where_the_disk_for_data_is_full() {
    let _place = quiet_desk().await;
    let stage = Stage::set().await;
    let mut desk = desk();
    if desk.mounts(
        "mkdir -p $XDG_DATA_HOME && mount -t tmpfs -o size=64k none $XDG_DATA_HOME
         cat /dev/zero >$XDG_DATA_HOME/full 2>/dev/null || true",
    ) {
        let riley = stage.window_again(&desk, "riley", "default").await;
        riley.reads("notice", "the disk is full").await;
        sign_in(&riley, "riley@demo.example").await;
    }
    stage.stop().await;
}

/// Chooses the other microphone, and sees that it is the one in use.
async fn use_other_microphone(desk: &Desk, riley: &Window) {
    riley.click("nav-settings").await;
    riley.click("settings-microphone").await;
    riley
        .click("settings-microphone-pulseaudio:mic_other_source")
        .await;
    let other = "pulseaudio:mic_other_source";
    riley.sees("settings-microphone", "data-value", other).await;
    riley.click("settings-meter").await;
    until("the microphone that is shown is open", || {
        desk.pulse.captures("mic_other") == 1 && desk.pulse.captures("mic_riley") == 0
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_saved_apply_as_they_are_shown_and_the_window_says_so() {
    let _place = quiet_desk().await;
    let stage = Stage::set().await;

    let files = desk();
    std::fs::write(files.path("config"), "").expect("a file");
    let riley = stage.window_again(&files, "riley", "default").await;
    sign_in(&riley, "riley@demo.example").await;
    use_other_microphone(&files, &riley).await;
    riley.reads("notice", "Couldn't save your settings").await;
    riley
        .reads("notice", "a file is where a folder should be")
        .await;
    riley.kill().await;

    let mut mounted = desk();
    if mounted.mounts(
        "mkdir -p $XDG_CONFIG_HOME && mount --bind $XDG_CONFIG_HOME $XDG_CONFIG_HOME
         mount -o remount,bind,ro $XDG_CONFIG_HOME",
    ) {
        let riley = stage.window_again(&mounted, "riley", "default").await;
        sign_in(&riley, "riley@demo.example").await;
        use_other_microphone(&mounted, &riley).await;
        riley.reads("notice", "the disk is read-only").await;
        riley.shots("settings-not-saved").await;
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_read_are_said_and_kept_beside_the_new_ones() {
    let _place = quiet_desk().await;
    let stage = Stage::set().await;
    let desk = desk();
    let cut_off = r#"{"server":"https://calls.example","settings":{"theme":"#;
    write_settings(&desk, cut_off);
    let riley = stage.window_again(&desk, "riley", "default").await;
    riley.reads("notice", "Your settings file is damaged").await;
    sign_in(&riley, "riley@demo.example").await;
    riley.click("nav-settings").await;
    riley.shots("settings-damaged").await;
    riley.click("settings-theme-dark").await;
    riley.gone("notice").await;
    let beside = desk.config(IDENTIFIER).join("settings.bad.json");
    assert_eq!(std::fs::read_to_string(beside).expect("a copy"), cut_off);
    assert!(settings(&desk).contains("dark"));
    riley.kill().await;

    // One bad setting leaves the others, and the server's address, as they were.
    let partly = r#"{"server":"https://calls.example","settings":{"theme":"dark","microphone":7}}"#;
    write_settings(&desk, partly);
    let riley = stage.window_again(&desk, "riley", "default").await;
    riley
        .reads("notice", "back to their defaults: microphone")
        .await;
    riley.click("nav-settings").await;
    riley
        .sees("settings-theme-dark", "aria-checked", "true")
        .await;
    riley.click("settings-theme-light").await;
    riley.gone("notice").await;
    assert!(settings(&desk).contains("https://calls.example"));
    riley.kill().await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_the_app_from_starting_is_said_in_a_box() {
    let _place = quiet_desk().await;
    let desk = desk();
    let mut command = desk.command(env!("CARGO_BIN_EXE_call-coaching"));
    let app = command.args(["--server", "nonsense"]).spawn();
    let mut app = app.expect("it starts");
    until("there is a box", || desk.windows_called(BOX).len() == 1);
    assert!(
        app.try_wait().is_ok_and(|ended| ended.is_none()),
        "it waits"
    );
    desk.close(BOX);
    until("the app has ended", || {
        app.try_wait()
            .is_ok_and(|ended| ended.is_some_and(|status| status.code() == Some(1)))
    });
}
