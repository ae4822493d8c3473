//! A recorded call: what is in the file, and what the rep hears when they play it.

use client::read_recording;
use wire::{CallQuery, LeadQuery, RecordingQuery, route};

use crate::room::sounding_desk;
use crate::slow::judged;
use crate::story::{Stage, call, desk_for_three};
use crate::tones::{CASEY_HZ, Ear, LEAD_HZ, MORGAN_HZ, RILEY_HZ, is_silent, speech, standing_out};

/// What Morgan says in Whisper, so that it is not taken for what is said in Barge.
const WHISPERED_HZ: f64 = CASEY_HZ;

/// The newest call's recording, as its file has it.
async fn file(stage: &Stage) -> Vec<i16> {
    let api = stage.api_of("riley").await;
    let leads = api
        .list(&route::LIST_LEADS, &LeadQuery::named("Globex"))
        .await
        .expect("leads");
    let of_lead = CallQuery {
        lead_id: Some(leads[0].id.clone()),
        ..CallQuery::default()
    };
    let calls = api.list(&route::LIST_CALLS, &of_lead).await.expect("calls");
    let whole = RecordingQuery {
        download: Some(true),
    };
    let file = api.download(&route::GET_RECORDING, &calls[0].id, &whole);
    read_recording(&file.await.expect("a recording")).expect("Ogg Opus")
}

/// How loud a tone is at its loudest, in pieces of 200 ms.
fn loudest(hz: f64, samples: &[i16]) -> f64 {
    let pieces = samples.chunks_exact(9_600);
    pieces
        .map(|piece| standing_out(hz, piece))
        .fold(0.0, f64::max)
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_r3_the_recording_plays_on_the_lead_page_with_the_barge_and_without_the_whisper() {
    let _place = sounding_desk().await;
    judged(async {
    let (desk, stage) = (desk_for_three(), Stage::set().await);
    let riley = stage.window(&desk, "riley", "default").await;
    let morgan = stage.window(&desk, "morgan", "second").await;
    let _riley_speaks = desk.pulse.play_into("mic_riley", &speech(RILEY_HZ));
    let ear = Ear::Loudspeaker(desk.ear("spk_riley"));
    call(&riley, "Globex").await;
    riley.sees("call-bar", "data-status", "in-progress").await;
    riley.see("call-recording").await;
    riley.shot("call-recorded-light").await;
    morgan.click("nav-team").await;
    morgan.click("team-listen-riley").await;
    morgan.sees("coaching-bar", "data-mode", "listen").await;
    morgan.click("mode-whisper").await;
    morgan.sees("coaching-bar", "data-mode", "whisper").await;
    {
        let _whispers = desk.pulse.play_into("mic_morgan", &speech(WHISPERED_HZ));
        ear.hears("riley whispered to", &[LEAD_HZ, WHISPERED_HZ])
            .await;
    }
    ear.hears("riley, when the whisper is over", &[LEAD_HZ])
        .await;
    morgan.click("mode-barge").await;
    morgan.sees("coaching-bar", "data-mode", "barge").await;
    let barges = desk.pulse.play_into("mic_morgan", &speech(MORGAN_HZ));
    stage
        .lead
        .hears("the lead barged in on", &[RILEY_HZ, MORGAN_HZ])
        .await;
    drop(barges);
    riley.click("call-hangup").await;
    riley.gone("call-bar").await;
    morgan.gone("coaching-bar").await;

    // The file.
    riley.click("nav-leads").await;
    riley.click("lead-row-Globex").await;
    riley.see("recording-player").await;
    let samples = file(&stage).await;
    let said = 4_000.0;
    for hz in [RILEY_HZ, LEAD_HZ, MORGAN_HZ] {
        assert!(loudest(hz, &samples) > said * 0.18, "{hz} Hz is recorded");
    }
    let whispered = loudest(WHISPERED_HZ, &samples);
    assert!(
        is_silent(WHISPERED_HZ, &samples),
        "the whisper is in the recording: {whispered}"
    );

    // The page: the marks, and what comes out of the loudspeaker.
    for mode in ["listen", "whisper", "barge"] {
        let marks = format!(
            "return document.querySelectorAll('[data-testid=recording-band][data-mode={mode}]').length;"
        );
        assert_eq!(riley.script(&marks).await, 1, "{mode} is marked");
    }
    riley.shots("lead-recording").await;
    let played = Ear::Loudspeaker(desk.ear("spk_riley"));
    riley.click("recording-play").await;
    riley.sees("recording-player", "data-playing", "true").await;
    played.hears("the recording", &[LEAD_HZ, RILEY_HZ]).await;
    riley.shot("lead-recording-plays-light").await;
    riley.click("recording-play").await;
    riley
        .sees("recording-player", "data-playing", "false")
        .await;
    played.hears("a recording that stopped", &[]).await;
    // From the middle to the end: the barge is there, the whisper is not.
    riley
        .script(
            "const wave = document.querySelector('[data-testid=recording-seek]');
             const at = wave.getBoundingClientRect();
             wave.dispatchEvent(new MouseEvent('click', {
               bubbles: true, clientX: at.left + at.width / 2, clientY: at.top + 5 }));",
        )
        .await;
    riley.click("recording-play").await;
    riley.sees("recording-player", "data-playing", "true").await;
    riley
        .sees("recording-player", "data-playing", "false")
        .await;
    assert!(played.ever_heard(MORGAN_HZ), "the barge is heard");
    assert!(!played.ever_heard(WHISPERED_HZ), "the whisper is not");
    stage.stop().await;
    })
    .await;
}
