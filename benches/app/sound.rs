//! How long a sound takes from a microphone to a loudspeaker, and from a click to a loudspeaker.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::desk::Desk;
use crate::figure::Figure;
use crate::percentiles;
use crate::pulse::tone;
use crate::quantile::percentile;
use crate::tap::{Tap, from_page_clock};
use crate::tones::{LEAD_HZ, MORGAN_HZ, speech};
use crate::window::Window;

/// Bursts of this, apart from what the lead says.
const BURST_HZ: f64 = 1_900.0;
const BURSTS: usize = 30;
const BURST_S: f64 = 0.15;
/// Not a multiple of the 20 ms of a packet, so that bursts fall anywhere in one.
const APART_S: f64 = 0.737;
/// A burst that took longer was lost.
const LATEST: Duration = Duration::from_millis(560);
const CLICKS: usize = 10;
/// Before each click all is as it was for so long.
const REST: Duration = Duration::from_millis(1_500);

/// From the rep's microphone to the listening coach's loudspeaker, in milliseconds, for each burst that
/// arrived.
pub async fn mouth_to_ear(desk: &Desk) -> Vec<f64> {
    let (mouth, ear) = (Tap::on(desk, "mic_riley"), Tap::on(desk, "spk_morgan"));
    tokio::time::sleep(REST).await;
    let mut bursts = Vec::new();
    for _ in 0..BURSTS {
        bursts.extend(tone(BURST_HZ, 8_000.0, BURST_S));
        bursts.extend(tone(BURST_HZ, 0.0, APART_S - BURST_S));
    }
    let _speaker = desk.pulse.play_into("mic_riley", &bursts);
    tokio::time::sleep(Duration::from_secs_f64(BURSTS as f64 * APART_S) + REST).await;
    let heard = ear.onsets(BURST_HZ);
    let said = mouth.onsets(BURST_HZ);
    said.iter()
        .filter_map(|said| {
            let heard = heard.iter().find(|heard| *heard > said)?;
            let took = heard.duration_since(*said);
            (took < LATEST).then_some(took.as_secs_f64() * 1_000.0)
        })
        .collect()
}

/// With what is done to voices turned off, and on.
pub fn mouth_to_ear_figure(plain: &[f64], processed: &[f64]) -> Option<Figure> {
    let settings = json!({
        "from": "the beginning of a tone at the monitor of the sink that is the rep's microphone",
        "to": "the same at the monitor of the listening coach's loudspeaker, on one clock",
        "bursts": BURSTS, "voice_processing": false,
        "with_voice_processing_p50": percentile(processed, 50.0).map(f64::round),
        "with_voice_processing_max": percentile(processed, 100.0).map(f64::round),
        "with_voice_processing_arrived": processed.len(),
    });
    Some(percentiles(
        "app_mouth_to_ear_p50_ms",
        "ms",
        plain,
        settings,
    ))
}

/// From the click on Listen to the lead's voice out of the coach's loudspeaker.
pub async fn listen(desk: &Desk, morgan: &Window) -> Option<Figure> {
    let ear = "spk_morgan";
    let mut values = Vec::new();
    for _ in 0..CLICKS {
        morgan.click("coaching-leave").await;
        morgan.gone("coaching-bar").await;
        values.push(click(desk, morgan, "team-listen-riley", ear, LEAD_HZ).await);
        morgan.sees("coaching-bar", "data-mode", "listen").await;
    }
    let settings = json!({
        "from": "the click's event in the page",
        "to": "the lead's voice at the monitor of the coach's loudspeaker",
    });
    Some(percentiles(
        "listen_click_to_sound_ms",
        "ms",
        &values,
        settings,
    ))
}

/// From the click on Whisper to the coach's voice out of the rep's loudspeaker.
pub async fn whisper(desk: &Desk, morgan: &Window) -> Option<Figure> {
    let _speaker = desk.pulse.play_into("mic_morgan", &speech(MORGAN_HZ));
    let mut values = Vec::new();
    for _ in 0..CLICKS {
        values.push(click(desk, morgan, "mode-whisper", "spk_riley", MORGAN_HZ).await);
        morgan.sees("coaching-bar", "data-mode", "whisper").await;
        morgan.click("mode-listen").await;
        morgan.sees("coaching-bar", "data-mode", "listen").await;
    }
    let settings = json!({
        "from": "the click's event in the page; the coach speaks already, the microphone is closed",
        "to": "the coach's voice at the monitor of the rep's loudspeaker",
    });
    Some(percentiles(
        "whisper_click_to_sound_ms",
        "ms",
        &values,
        settings,
    ))
}

/// Clicks, and waits for a tone in a loudspeaker; milliseconds between.
async fn click(desk: &Desk, window: &Window, id: &str, loudspeaker: &str, hz: f64) -> f64 {
    tokio::time::sleep(REST).await;
    let tap = Tap::on(desk, loudspeaker);
    tokio::time::sleep(REST).await;
    window
        .script(
            "window.__clicked = 0;
             const options = { capture: true, once: true };
             addEventListener('click', () => { window.__clicked = Date.now(); }, options);",
        )
        .await;
    let before = Instant::now();
    window.click(id).await;
    let heard = tap.first_onset_after(hz, before).await;
    let clicked = window.script("return window.__clicked;").await;
    let clicked = clicked.as_f64().filter(|epoch_ms| *epoch_ms > 0.0);
    let clicked = from_page_clock(clicked.expect("the page saw the click"));
    heard.duration_since(clicked).as_secs_f64() * 1_000.0
}
