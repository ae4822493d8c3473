//! Pages that the story does not come by, for their pictures, and what they are for.

use crate::DESK;
use crate::story::{Stage, desk_for_three};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_opens_and_settings_are_kept() {
    let _one = DESK.lock().await;
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
    riley
        .reads("settings-microphone", "Microphone mic_riley")
        .await;
    riley
        .reads("settings-loudspeaker", "Loudspeaker spk_riley")
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
    stage.service.stop().await;
}
