//! What a charge, and the join of a coach, cost the store: on SQLite, or on PostgreSQL with
//! `CALL_COACHING_TEST_DATABASE=postgres`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a figure is printed, and a bench fails by panicking"
)]

use std::time::{Duration, Instant};
use usage::Charge;
use wire::*;

const TIMES: u32 = 500;
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure());
}

fn say(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_micros();
    println!("{what}: {} µs in the middle, {} µs at 99 %", at(50), at(99));
}

async fn measure() {
    let (_folder, store) = store::testing::new_store().await;
    store.seed_demo("hash", 0, NOW).await.unwrap();
    let user = store.credentials("morgan@demo.example").await.unwrap();
    let user = user.unwrap().user_id;
    let me = store.me(&user, NOW).await.unwrap().unwrap();
    let organization = me.organization.id;
    let leads = store.leads(&organization, &LeadQuery::default()).await;
    let lead = leads.unwrap().data.remove(0);
    let call: Call = serde_json::from_value(serde_json::json!({
        "id": "acti_1", "user_id": user, "rep_leg_id": "leg_rep",
        "lead": {"id": lead.id, "display_name": lead.display_name},
        "contact_id": null, "direction": "outbound", "status": "in-progress",
        "local_phone": "+15550001", "local_phone_type": "internal", "remote_phone": "+15551000",
        "date_created": NOW, "date_answered": NOW, "date_ended": null, "duration": 0,
        "hangup_cause": null, "held": false, "muted": false, "recording_url": null,
        "coach_legs": [], "joinability": {"joinable": false, "code": null, "message": null},
    }))
    .unwrap();
    store.save_call(&organization, &call).await.unwrap();
    let (mut charges, mut joins) = (Vec::new(), Vec::new());
    for number in 0..TIMES {
        let charge = Charge {
            kind: LedgerKind::Coaching,
            leg_id: LegId::from_suffix("1").unwrap(),
            user_id: user.clone(),
            minute: number,
            at: NOW,
        };
        let began = Instant::now();
        let written = store.save_charges(&organization, &call.id, &[charge]).await;
        charges.push(began.elapsed());
        assert_eq!(written.unwrap(), 1);
        let leg = CoachLeg {
            id: LegId::from_suffix(&number.to_string()).unwrap(),
            user_id: user.clone(),
            device_id: DeviceId::from_suffix("one").unwrap(),
            status: CoachLegStatus::Connecting,
            mode: CoachMode::Listen,
            muted: false,
            microphone_trouble: false,
            date_created: NOW,
            date_connected: None,
            date_done: None,
            end_reason: None,
            participation_history: Vec::new(),
        };
        // What a join asks and writes: who it is, and the leg.
        let began = Instant::now();
        let member = store.member(&organization, &user).await.unwrap();
        store
            .save_coach_leg(&organization, &call.id, &leg)
            .await
            .unwrap();
        joins.push(began.elapsed());
        assert!(member.is_some());
    }
    say("a charge", charges);
    say("a join", joins);
}
