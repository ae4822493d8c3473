//! The process in which the page of a window runs dies in the middle of a call.

use std::process::Command;
use std::time::Duration;

use client::Api;
use wire::{CallQuery, route};

use crate::desk::Desk;
use crate::pulse::until;
use crate::room::sounding_desk;
use crate::slow::judged;
use crate::story::{Stage, call};
use crate::tones::{Ear, LEAD_HZ, RILEY_HZ, speech};

/// A key that comes before the page is there is lost.
const PRESSES_MAX: u32 = 10;

/// How long a press may take until the service knows of it; then it is made again.
const PRESS_WAIT: Duration = Duration::from_secs(3);

/// Whether the service knows that Riley is muted. That the lead hears nothing may also be a machine that is
/// too slow for sound.
async fn is_muted(api: &Api) -> bool {
    let calls = api.list(&route::LIST_CALLS, &CallQuery::default()).await;
    calls.expect("calls").first().expect("the call").muted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_dies_is_loaded_again_and_the_call_does_not_notice() {
    let _place = sounding_desk().await;
    judged(async {
        let desk = Desk::set(&["mic_riley"], &["spk_riley"]);
        let stage = Stage::set().await;
        let riley = stage.window(&desk, "riley", "default").await;
        let _speaker = desk.pulse.play_into("mic_riley", &speech(RILEY_HZ));
        let ear = Ear::Loudspeaker(desk.ear("spk_riley"));
        call(&riley, "Globex").await;
        stage.lead.hears("the lead", &[RILEY_HZ]).await;
        ear.hears("riley", &[LEAD_HZ]).await;

        let pages = desk.pages();
        assert_eq!(pages.len(), 1, "{pages:?}");
        // From here on the driver of the window is not asked: it would end the app.
        let killed = Command::new("kill").args(["-KILL", &pages[0]]).status();
        assert!(killed.is_ok_and(|status| status.success()));
        tokio::join!(
            stage
                .lead
                .hears("the lead, while the page dies", &[RILEY_HZ]),
            ear.hears("riley, while the page dies", &[LEAD_HZ]),
        );
        until("there is a new page", || {
            let now = desk.pages();
            now.len() == 1 && now != pages
        });

        // The new page knows of the call, and does what it is told, once it is there.
        let mut presses = 0;
        let api = stage.api_of("riley").await;
        while !is_muted(&api).await {
            presses += 1;
            assert!(presses <= PRESSES_MAX, "the new page takes no key");
            desk.presses_in_window("m");
            tokio::time::sleep(PRESS_WAIT).await;
        }
        stage.lead.hears("the lead of a muted rep", &[]).await;
        desk.presses_in_window("alt+m");
        stage
            .lead
            .hears("the lead of an unmuted rep", &[RILEY_HZ])
            .await;
        ear.hears("riley, whose call went on", &[LEAD_HZ]).await;
        stage.stop().await;
    })
    .await;
}
