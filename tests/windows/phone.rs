//! What a rep does with a lead's real phone, in the call bar of a real window.

use service::PhoneCodec;

use crate::desk::Desk;
use crate::room::sounding_desk;
use crate::slow::judged;
use crate::story::{Stage, call};
use crate::tones::{Ear, LEAD_HZ, RILEY_HZ, speech};

#[tokio::test(flavor = "multi_thread")]
async fn keys_hold_mute_and_the_quality_line_reach_a_real_phone_and_back() {
    let _place = sounding_desk().await;
    judged(async {
        let desk = Desk::set(&["mic_riley"], &["spk_riley"]);
        let stage = Stage::set_with_phone(PhoneCodec::Pcma).await;
        let phone = stage.phone.as_ref().expect("the lead's phone");
        let riley = stage.window(&desk, "riley", "default").await;
        let _speaker = desk.pulse.play_into("mic_riley", &speech(RILEY_HZ));
        let ear = Ear::Loudspeaker(desk.ear("spk_riley"));
        call(&riley, "Globex").await;
        riley.sees("call-bar", "data-status", "in-progress").await;
        stage.lead.hears("the lead", &[RILEY_HZ]).await;
        ear.hears("riley", &[LEAD_HZ]).await;

        // What was clicked cannot be again, and looks so though the pointer rests on it.
        let looks = riley
            .script(
                "const probe = Object.assign(document.createElement('button'), { disabled: true });
             probe.className = 'button';
             document.body.append(probe);
             const call = document.querySelector('[data-testid=lead-call]');
             const looks = [call, probe].map((button) => getComputedStyle(button).backgroundColor);
             probe.remove();
             return [call.matches(':hover'), ...looks];",
            )
            .await;
        assert_eq!(looks[0], true, "the pointer rests on it");
        assert_eq!(looks[1], looks[2], "it looks as what cannot be clicked");

        // How the phone is heard, in words and figures.
        riley.sees("call-phone", "data-grade", "good").await;
        riley.explains("call-phone", "round trip").await;

        // The rep's keys, as a machine at the other end takes them: each once, in their order.
        riley.click("call-keypad").await;
        for key in ["1", "2", "0", "#"] {
            riley.click(&format!("call-key-{key}")).await;
        }
        crate::pulse::until("the phone has the keys", || phone.keys() == "120#");
        riley.shots("call-keypad").await;
        riley.click("call-keypad").await;
        riley.gone("call-key-1").await;

        // The lead's keys.
        phone.presses("47").expect("the phone presses keys");
        riley.reads("call-lead-keys", "pressed 4 7").await;
        riley.shot("call-lead-pressed-keys-light").await;

        // Muted: the lead hears nothing, and is still heard.
        riley.click("call-mute").await;
        stage.lead.hears("the lead of a muted rep", &[]).await;
        ear.hears("riley, who is muted", &[LEAD_HZ]).await;
        riley.click("call-mute").await;
        stage
            .lead
            .hears("the lead of an unmuted rep", &[RILEY_HZ])
            .await;

        // Held, by a new offer to the phone, which falls silent. (`baresip` 1.0 ends its recording with the
        // first offer that is not for both directions: what a held lead hears is heard elsewhere.)
        riley.click("call-hold").await;
        riley.sees("call-bar", "data-status", "held").await;
        ear.hears("riley, whose lead is on hold", &[]).await;
        riley.shots("call-held").await;
        riley.click("call-hold").await;
        riley.sees("call-bar", "data-status", "in-progress").await;
        ear.hears("riley, whose lead is back", &[LEAD_HZ]).await;

        // The lead hangs up.
        phone.hangs_up().expect("the phone hangs up");
        riley.gone("call-bar").await;
        assert_eq!(
            desk.pulse.captures("mic_riley"),
            0,
            "the microphone is closed"
        );
        riley.reads("lead-activity", "Completed").await;
        riley.shot("lead-who-hung-up-light").await;
        stage.stop().await;
    })
    .await;
}
