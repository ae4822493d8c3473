//! Names as long as they may be, and a call that twenty people coach: nothing is pushed out of sight.

use client::Api;
use wire::{
    AcceptInviteRequest, ClientType, JoinRequest, ListQuery, MemberInviteRequest, RoleId, route,
};

use crate::room::quiet_desk;
use crate::story::{Stage, call, desk_for_three, sign_in};
use crate::window::Window;

const COACHES: usize = 20;
/// As wide as the window is at its start.
const WIDTH_PX: u64 = 1180;

/// A name of 64 characters that nothing breaks.
fn longest(first: &str) -> String {
    format!("{first:W<64}")
}

/// A new member who may coach, with the longest names.
async fn hire(stage: &Stage, admin: &Api, role_id: &RoleId, number: usize) -> Api {
    let invited = MemberInviteRequest {
        email: None,
        role_id: role_id.clone(),
        group_ids: Vec::new(),
        expires_in_hours: 1,
    };
    let invited = admin
        .call(&route::CREATE_MEMBER_INVITE, &(), &invited)
        .await;
    let api = Api::new(&stage.server).expect("an address");
    let accepted = AcceptInviteRequest {
        token: invited.expect("a link").token,
        email: format!("coach-{number}-with-a-rather-long-address@demo.example"),
        first_name: longest(&format!("Coach{number}")),
        last_name: longest("Wolfe"),
        password: "five-otters-juggle".into(),
        client_type: ClientType::Native,
        device_name: None,
    };
    api.accept_invite(&accepted).await.expect("a member");
    api
}

/// Of the elements with these ids: those that are not in the window as a whole, or that something else
/// lies over.
async fn out_of_sight(window: &Window, ids: &[&str]) -> serde_json::Value {
    let script = format!(
        "const faults = [];
         for (const id of {ids:?}) {{
           const all = [...document.querySelectorAll(`[data-testid^=\"${{id}}\"]`)];
           if (all.length === 0) faults.push(`${{id}} is not there`);
           for (const one of all) {{
             const {{ left, right, top, bottom }} = one.getBoundingClientRect();
             if (top >= innerHeight || bottom <= 0) continue;
             if (left < 0 || right > innerWidth) faults.push(`${{id}} ends at ${{right}}`);
             const y = Math.min((top + bottom) / 2, innerHeight - 1);
             const over = document.elementFromPoint(right - 4, y);
             const fits = over && (one.contains(over) || over.contains(one));
             if (!fits) faults.push(`${{id}} lies under ${{over?.outerHTML.slice(0, 80)}}`);
           }}
         }}
         for (const sheet of document.querySelectorAll('.sheet, main')) {{
           if (sheet.scrollWidth > sheet.clientWidth)
             faults.push(`${{sheet.className}} scrolls sideways: ${{sheet.scrollWidth}} in ${{sheet.clientWidth}}`);
         }}
         return faults;"
    );
    window.script(&script).await
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_the_longest_names_and_twenty_coaches_push_nothing_out_of_sight() {
    let _place = quiet_desk().await;
    let (desk, stage) = (desk_for_three(), Stage::set().await);
    let api = stage.api_of("admin").await;
    let roles = api
        .call(&route::LIST_ROLES, &(), &ListQuery::default())
        .await;
    let roles = roles.expect("roles").data;
    let manager = roles.iter().find(|role| role.name == "Manager");
    let manager = manager.expect("managers coach").id.clone();
    let mut coaches = Vec::new();
    for number in 1..=COACHES {
        coaches.push(hire(&stage, &api, &manager, number).await);
    }

    // The call bar.
    let riley = stage.window(&desk, "riley", "default").await;
    let wide = riley.script("return innerWidth;").await;
    assert_eq!(wide, WIDTH_PX, "the window is as it opens");
    call(&riley, "Globex").await;
    riley.sees("call-bar", "data-status", "in-progress").await;
    let rep = stage.api_of("riley").await;
    let me = rep.call(&route::ME, &(), &()).await.expect("riley").user.id;
    let calls = rep
        .call(&route::LIST_CALLS, &(), &wire::CallQuery::default())
        .await;
    let calls = calls.expect("calls").data;
    let now = calls
        .iter()
        .find(|call| call.user_id == me && call.date_ended.is_none());
    let now = now.expect("a call in progress").id.clone();
    for coach in &coaches {
        let join = JoinRequest {
            invitation_id: None,
        };
        coach
            .call(&route::JOIN, &now, &join)
            .await
            .expect("they join");
    }
    riley.see("call-coaches-more").await;
    let shown = "return document.querySelectorAll('[data-testid^=call-coach-]').length;";
    let count = riley.script(shown).await.as_u64().expect("a number");
    riley
        .reads("call-coaches-more", &format!("+{}", COACHES as u64 - count))
        .await;
    let faults = out_of_sight(&riley, &["call-coach-", "call-coaches-more", "call-hangup"]).await;
    assert_eq!(faults, serde_json::json!([]));
    riley.shots("call-twenty-coaches").await;
    riley.click("call-coaches-more").await;
    riley.see("call-coaches-all").await;
    let listed = "return document.querySelectorAll('[data-testid=call-coaches-all] li').length;";
    assert_eq!(riley.script(listed).await, COACHES as u64);
    riley.shots("call-twenty-coaches-all").await;

    // The pages about the organization.
    let admin = stage.signed_out_window(&desk, "morgan", "second").await;
    sign_in(&admin, "admin@demo.example").await;
    admin.click("nav-members").await;
    admin.see("member-row-riley").await;
    let seen = ["member-role-", "member-active-"];
    assert_eq!(out_of_sight(&admin, &seen).await, serde_json::json!([]));
    admin.shots("members-long-names").await;
    admin.click("nav-audit").await;
    admin.see("audit-row").await;
    assert_eq!(
        out_of_sight(&admin, &["audit-row"]).await,
        serde_json::json!([])
    );
    admin.shots("audit-long-names").await;
    admin.click("nav-usage").await;
    admin.see("page-usage").await;
    admin.see("usage-ledger").await;
    assert_eq!(
        out_of_sight(&admin, &["usage-ledger"]).await,
        serde_json::json!([])
    );
    stage.stop().await;
}
