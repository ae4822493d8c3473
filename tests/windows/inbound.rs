//! A lead who calls in, in the windows of the rep and of a manager.

use wire::{InboundCallRequest, LeadQuery, ListQuery, route};

use crate::room::sounding_desk;
use crate::slow::judged;
use crate::story::{Stage, desk_for_three};
use crate::tones::{Ear, LEAD_HZ, RILEY_HZ, speech};

/// The simulated lead calls Riley's own number.
async fn lead_calls(stage: &Stage) {
    let api = stage.api_of("riley").await;
    let numbers = api
        .list(&route::LIST_PHONE_NUMBERS, &ListQuery::default())
        .await
        .expect("numbers");
    let own = numbers.iter().find(|number| number.user_id.is_some());
    let leads = api
        .list(&route::LIST_LEADS, &LeadQuery::named("Globex"))
        .await
        .expect("leads");
    let request = InboundCallRequest {
        local_phone_id: own.expect("riley's number").id.clone(),
        lead_id: leads[0].id.clone(),
    };
    api.call(&route::RECEIVE_SIMULATED_CALL, &(), &request)
        .await
        .expect("it rings");
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_w1_a_lead_who_calls_in_rings_is_answered_and_cannot_be_joined() {
    let _place = sounding_desk().await;
    judged(async {
        let (desk, stage) = (desk_for_three(), Stage::set().await);
        let riley = stage.window(&desk, "riley", "default").await;
        let morgan = stage.window(&desk, "morgan", "second").await;
        let _speaker = desk.pulse.play_into("mic_riley", &speech(RILEY_HZ));
        let ear = Ear::Loudspeaker(desk.ear("spk_riley"));

        // Declined: it rings no more, and no microphone was open.
        lead_calls(&stage).await;
        riley.see("incoming-card").await;
        riley.shots("incoming").await;
        riley.click("incoming-decline").await;
        riley.gone("incoming-card").await;
        assert_eq!(
            desk.pulse.captures("mic_riley"),
            0,
            "nobody listened to Riley"
        );

        // Answered: both speak, and Morgan sees the call and why there is no Listen.
        lead_calls(&stage).await;
        riley.click("incoming-answer").await;
        riley.sees("call-bar", "data-status", "in-progress").await;
        riley.gone("incoming-card").await;
        ear.hears("riley, who answered", &[LEAD_HZ]).await;
        stage.lead.hears("the lead who called", &[RILEY_HZ]).await;
        morgan.click("nav-team").await;
        morgan
            .sees("team-listen-riley", "aria-disabled", "true")
            .await;
        morgan.reads("team-reason-riley", "inbound call").await;
        morgan.shots("team-an-inbound-call").await;
        riley.click("call-hangup").await;
        riley.gone("call-bar").await;
        stage.stop().await;
    })
    .await;
}
