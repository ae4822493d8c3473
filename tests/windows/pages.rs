//! Pages that the story does not come by, for their pictures, and what they are for.

use crate::room::quiet_desk;
use crate::story::{Stage, call, desk_for_three, sign_in};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_opens_and_settings_are_kept() {
    let _place = quiet_desk().await;
    let (desk, stage) = (desk_for_three(), Stage::set().await);
    let riley = stage.window(&desk, "riley", "default").await;
    riley.click("nav-leads").await;
    riley.see("lead-row-Globex").await;
    riley.shots("leads").await;
    riley.click("lead-row-Globex").await;
    riley.see("lead-call").await;
    riley.shots("lead").await;
    riley.click("nav-team").await;
    riley.see("team-row-morgan").await;
    riley.shots("team").await;
    riley.click("nav-settings").await;
    let id = "data-value";
    riley
        .sees("settings-microphone", id, "pulseaudio:mic_riley_source")
        .await;
    riley
        .sees("settings-loudspeaker", id, "pulseaudio:spk_riley")
        .await;
    riley.shots("settings").await;
    let ear = desk.ear("spk_riley");
    riley.click("settings-test-tone").await;
    ear.wait_for("the test tone", |samples| {
        samples
            .iter()
            .filter(|sample| sample.unsigned_abs() > 1_000)
            .count()
            > 10_000
    });
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_service_is_said_and_comes_back_by_itself() {
    let _place = quiet_desk().await;
    let (desk, stage) = (desk_for_three(), Stage::set().await);
    let riley = stage.window(&desk, "riley", "default").await;
    let address = stage.service.http_addr;
    let folder = stage.stop().await;
    riley.see("banner-connection").await;
    riley.shots("connection-lost").await;
    let stage = Stage::start(folder, |config| config.listen = address).await;
    riley.gone("banner-connection").await;
    riley.click("nav-team").await;
    riley.sees("team-row-riley", "data-status", "online").await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j3_a_plan_without_coaching_shows_it_locked_and_a_wrong_password_is_said() {
    let _place = quiet_desk().await;
    let (desk, stage) = (desk_for_three(), Stage::set().await);
    let window = stage.signed_out_window(&desk, "riley", "default").await;
    window.types("sign-in-email", "other@other.example").await;
    window.types("sign-in-password", "not-the-password").await;
    window.click("sign-in-submit").await;
    window.see("sign-in-error").await;
    window.shots("sign-in-refused").await;
    sign_in(&window, "other@other.example").await;
    window.click("nav-team").await;
    window.see("team-locked").await;
    window.shots("team-locked").await;
    window.click("nav-leads").await;
    window.see("page-leads").await;
    window.shots("leads-of-another-organization").await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_theme_during_a_call_leaves_nothing_in_the_old_one() {
    let _place = quiet_desk().await;
    let (desk, stage) = (desk_for_three(), Stage::set().await);
    let riley = stage.window(&desk, "riley", "default").await;
    call(&riley, "Globex").await;
    riley.sees("call-bar", "data-status", "in-progress").await;
    for theme in ["dark", "light", "dark", "light"] {
        let late = riley
            .script(&format!(
                "document.documentElement.dataset.theme = '{theme}';
                 void getComputedStyle(document.body).color;
                 return document.getAnimations()
                   .filter((one) => one instanceof CSSTransition)
                   .map((one) => one.effect.target.outerHTML.slice(0, 80));"
            ))
            .await;
        assert_eq!(late, serde_json::json!([]), "{theme}");
    }
    riley.shots("call-themes").await;
    stage.stop().await;
}
