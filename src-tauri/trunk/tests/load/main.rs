//! A thousand calls over a trunk at once, beside one that is coached.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "so does a test fail"
)]

#[path = "../../../media/tests/common/mod.rs"]
mod common;
#[path = "../sip/desk.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod desk;
#[path = "../sip/scenario.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod scenario;
#[path = "../sip/sipp.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod sipp;

use std::time::Duration;

use common::sound::{silent, stamped, unstamped};
use common::{LEAD, REP, Stage, coach};
use desk::{Desk, dial, free_port, trunk_at};
use media::{LeadEvent, LeadLeg, LeadLine, LeadSignal, Media};
use mix::{Mode, Role};
use scenario::Scenario;
use sipp::Sipp;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use wire::CallId;

const CALLS: usize = 1_000;
/// Two hundred a second.
const EVERY: Duration = Duration::from_millis(5);
/// So many of them have their sound too: what fits beside the rest on two cores without optimization.
const SOUNDING: usize = 40;
/// A round may leave so much behind in the allocator's own pages; a leak of 16 KiB a call is more.
const GROWTH_MAX_KIB: u64 = 16 * CALLS as u64;
const PATIENCE: Duration = Duration::from_secs(60);

/// How much memory this process has, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn call_id(at: usize) -> CallId {
    CallId::parse(&format!("acti_{at}")).unwrap()
}

/// Dials all, at their pace; returns once all are answered.
async fn dial_all(desk: &Desk, media: &Media) -> Vec<Box<dyn LeadLeg>> {
    let (sender, mut events) = mpsc::channel(2 * CALLS);
    let mut pace = tokio::time::interval(EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let began = Instant::now();
    let mut legs = Vec::with_capacity(CALLS);
    for at in 0..CALLS {
        pace.tick().await;
        legs.push(
            desk.trunks
                .dial(dial(&format!("acti_{at}")), sender.clone()),
        );
    }
    let dialled_ms = began.elapsed().as_millis();
    let mut answered = 0;
    while answered < CALLS {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await;
        let LeadEvent { call, signal } = event.expect("all are answered").unwrap();
        match signal {
            LeadSignal::Ringing | LeadSignal::Quality(_) => {}
            LeadSignal::Answered => {
                answered += 1;
                let at: usize = call.as_str().trim_start_matches("acti_").parse().unwrap();
                if at < SOUNDING {
                    sound(media, &call, &mut legs[at]).await;
                }
            }
            other => panic!("{call:?}: {other:?}"),
        }
    }
    eprintln!(
        "{CALLS} calls dialled in {dialled_ms} ms, answered after {} ms",
        began.elapsed().as_millis()
    );
    legs
}

/// Gives a call its sound, as the service does.
async fn sound(media: &Media, call: &CallId, leg: &mut Box<dyn LeadLeg>) {
    media.open_call(call.clone()).await.unwrap();
    media.add_leg(call, LEAD, Role::Lead).await.unwrap();
    let sound = leg.take_media().unwrap();
    media.attach_lead(call, sound).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_at_once_all_succeed_leave_nothing_and_cost_a_coached_call_no_frame() {
    let stage = Stage::new(1).await;
    stage.lead(Some(730.0)).await;
    let rep = stage.join(REP, Role::Rep, unstamped(400.0)).await;
    let listens = stage.join(coach(1), Role::Coach, silent()).await;
    let barges = stage
        .join(coach(2), Role::Coach, stamped(1_130.0, Mode::Barge))
        .await;
    stage.grant(coach(2), Mode::Barge).await;
    rep.ring.hears(1_130.0).await;

    let answers = Scenario::invited()
        .reply("180 Ringing", "", None)
        .answer()
        .ended();
    let rounds = (4 * CALLS).to_string();
    let sipp = Sipp::start_quiet(
        &answers.xml(),
        free_port(),
        &["-m", &rounds, "-timeout", "400"],
    );
    let desk = Desk::with_ports(vec![trunk_at(sipp.port)], 12_000, 16_999).await;
    let before = stage.metrics().await;
    let tasks = tokio::runtime::Handle::current().metrics();
    let tasks_before = tasks.num_alive_tasks();

    let mut grown = Vec::new();
    for _ in 0..2 {
        let legs = dial_all(&desk, &stage.media).await;
        let status = desk.trunks.status();
        assert_eq!(status[0].legs as usize, CALLS, "all at once");
        assert_eq!(desk.trunks.ports_taken(), CALLS);
        // All are up for a while.
        tokio::time::sleep(Duration::from_secs(2)).await;
        for at in 0..SOUNDING {
            stage.media.close_call(&call_id(at)).await.unwrap();
        }
        let mut pace = tokio::time::interval(EVERY);
        for mut leg in legs {
            pace.tick().await;
            leg.hang_up();
        }
        desk.settled().await;
        grown.push(resident_kib());
    }
    sipp.done().await;

    let after = stage.metrics().await;
    eprintln!(
        "memory {grown:?} KiB, tasks {tasks_before} to {}, late ticks {}",
        tasks.num_alive_tasks(),
        after.ticks_late - before.ticks_late
    );
    for peer in [&rep, &listens, &barges] {
        assert_eq!(peer.gaps(), 0);
        assert!(!peer.is_closed());
    }
    assert_eq!(after.lost, before.lost);
    assert_eq!(after.ticks_skipped, before.ticks_skipped);
    assert_eq!(after.panics, 0);
    let deadline = Instant::now() + PATIENCE;
    while tasks.num_alive_tasks() > tasks_before {
        assert!(
            Instant::now() < deadline,
            "{} tasks are left",
            tasks.num_alive_tasks()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        grown[1] < grown[0] + GROWTH_MAX_KIB,
        "a second round grew the memory: {grown:?} KiB"
    );
    stage.media.stop().await;
}
