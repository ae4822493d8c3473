//! An admin, a new teammate and a rep: who may do what, and what happens when it is taken away.

use std::time::Instant;

use crate::room::sounding_desk;
use crate::slow::judged;
use crate::story::{Stage, call, desk_for_three, sign_in};
use crate::tones::{Ear, LEAD_HZ, RILEY_HZ, speech};
use crate::window::Window;

/// What the audit page shows: each line's action and whether it was allowed.
async fn audited(window: &Window) -> Vec<(String, bool)> {
    let rows = window
        .script(
            "return [...document.querySelectorAll('[data-testid=audit-row]')]
               .map((row) => [row.dataset.action, row.dataset.allowed === 'true']);",
        )
        .await;
    serde_json::from_value(rows).expect("rows")
}

/// Every page of the organization, for its picture.
async fn look_around(admin: &Window) {
    for page in ["numbers", "plan", "usage", "organization"] {
        admin.click(&format!("nav-{page}")).await;
        admin.see(&format!("page-{page}")).await;
        admin.shots(&format!("organization-{page}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a2_a4_w1_an_invited_trainee_listens_until_that_is_taken_away_and_the_admin_sees_it_all()
{
    let _place = sounding_desk().await;
    judged(async {
        let (desk, stage) = (desk_for_three(), Stage::set().await);
        let admin = stage.signed_out_window(&desk, "morgan", "second").await;
        sign_in(&admin, "admin@demo.example").await;

        // A role that may only listen.
        admin.click("nav-roles").await;
        admin.click("role-new").await;
        admin.types("role-name", "Apprentice").await;
        admin.click("role-permission-call_coach_listen").await;
        admin.shot("role-editor-light").await;
        admin.click("dialog-save").await;
        admin.see("role-card-apprentice").await;
        admin.shots("organization-roles").await;

        // An invitation by link.
        admin.click("nav-members").await;
        admin.see("member-row-riley").await;
        admin.shots("organization-members").await;
        admin.click("member-invite").await;
        admin.click("member-invite-role").await;
        admin.click("member-invite-role-apprentice").await;
        admin.click("dialog-save").await;
        let link = admin.see("member-invite-link").await;
        let link = link.prop("value").await.expect("a field").expect("a link");
        assert!(link.starts_with("callcoaching://invite/"), "a link");
        admin.shot("member-invited-light").await;
        admin.click("dialog-cancel").await;

        // The new teammate comes by it.
        let nora = stage.signed_out_window(&desk, "casey", "third").await;
        nora.click("join-open").await;
        nora.types("join-link", &link).await;
        nora.click("join-look-up").await;
        nora.reads("join-offer", "Acme Sales").await;
        nora.types("join-first-name", "Nora").await;
        nora.types("join-last-name", "North").await;
        nora.types("join-email", "nora@demo.example").await;
        nora.types("join-password", "five-otters-juggle").await;
        nora.shots("join").await;
        nora.click("join-accept").await;
        nora.see("nav-team").await;

        // Into a group.
        admin.see("member-row-nora").await;
        admin.click("nav-groups").await;
        admin.click("group-edit-coaches").await;
        admin.click("group-member-nora").await;
        admin.click("dialog-save").await;
        admin.see("team-row-nora").await;
        admin.shots("organization-groups").await;

        // Nora listens to Riley's call, and may not whisper.
        let riley = stage.window(&desk, "riley", "default").await;
        let _speaker = desk.pulse.play_into("mic_riley", &speech(RILEY_HZ));
        let ears =
            ["riley", "casey"].map(|name| Ear::Loudspeaker(desk.ear(&format!("spk_{name}"))));
        let [riley_ear, nora_ear] = &ears;
        call(&riley, "Globex").await;
        riley.sees("call-bar", "data-status", "in-progress").await;
        nora.click("nav-team").await;
        nora.click("team-listen-riley").await;
        nora.sees("coaching-bar", "data-mode", "listen").await;
        nora_ear.hears("nora", &[LEAD_HZ, RILEY_HZ]).await;
        nora.presses("w").await;
        let whisper = nora.see("mode-whisper").await;
        let disabled = whisper.attr("data-disabled").await.expect("a button");
        assert!(disabled.is_some(), "Whisper is not for an apprentice");
        nora.sees("coaching-bar", "data-mode", "listen").await;
        nora.shots("coaching-apprentice").await;

        // The admin takes Listen away: Nora is out and told why, Riley and the lead notice nothing.
        admin.click("nav-roles").await;
        admin.click("role-edit-apprentice").await;
        admin.click("role-permission-call_coach_listen").await;
        let taken = Instant::now();
        admin.click("dialog-save").await;
        nora.gone("coaching-bar").await;
        println!(
            "out {:?} after the click, as the driver sees it",
            taken.elapsed()
        );
        nora.reads("toast", "removed your access").await;
        nora.shot("coaching-taken-away-light").await;
        nora_ear.hears("nora, who is out", &[]).await;
        riley.sees("call-bar", "data-status", "in-progress").await;
        riley_ear
            .hears("riley, whose call goes on", &[LEAD_HZ])
            .await;
        stage
            .lead
            .hears("the lead, whose call goes on", &[RILEY_HZ])
            .await;
        riley.click("call-hangup").await;

        // All of it is in the audit log.
        admin.click("nav-audit").await;
        admin.see("audit-row").await;
        admin.shots("organization-audit").await;
        let seen = audited(&admin).await;
        for action in [
            "role_changed",
            "member_invited",
            "member_joined",
            "group_changed",
            "coach_join",
            "coach_removed",
        ] {
            let wanted = (action.to_owned(), true);
            assert!(seen.contains(&wanted), "{action} is not in {seen:?}");
        }
        look_around(&admin).await;
        stage.stop().await;
    })
    .await;
}
