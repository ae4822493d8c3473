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

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use common::sound::{silent, stamped, unstamped};
use common::waits::Waits;
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
/// The first warms up; what the second leaves is a leak.
const ROUNDS: usize = 2;
/// Two hundred a second.
const EVERY: Duration = Duration::from_millis(5);
/// So many of them have their sound too, both ways: what fits beside the rest on two cores that others
/// share. How many a core carries is a figure of the bench.
const SOUNDING: usize = 200;
/// What a call may leave behind, in bytes that are still allocated: less than anything that it has.
const LEFT_BYTES_MAX: i64 = 500 * CALLS as i64;
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes that are allocated now. What the process holds beyond them is the allocator's own affair.
static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator as it is; the counter allocates nothing.
#[expect(unsafe_code, reason = "an allocator is unsafe to write")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn call_id(at: usize) -> CallId {
    CallId::parse(&format!("acti_{at}")).unwrap()
}

/// Dials all, at their pace; returns once all are answered.
async fn dial_all(desk: &Desk, media: &Media) -> Vec<Box<dyn LeadLeg>> {
    let (sender, mut events) = mpsc::channel(4 * CALLS);
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
            LeadSignal::Ringing
            | LeadSignal::Quality(_)
            | LeadSignal::Unheard { .. }
            | LeadSignal::Heard => {}
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
async fn a_thousand_calls_at_once_succeed_and_cost_others_no_frame() {
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
    let calls = (ROUNDS * CALLS).to_string();
    let sipp = Sipp::start_quiet(
        &answers.xml(),
        free_port(),
        &["-m", &calls, "-timeout", "400"],
    );
    let desk = Desk::with_ports(vec![trunk_at(sipp.port)], 12_000, 16_999).await;
    let before = stage.metrics().await;
    let waits = Waits::of(&[]);
    let tasks = tokio::runtime::Handle::current().metrics();
    let tasks_before = tasks.num_alive_tasks();

    // What the coached call hears is not kept: its samples would be all that the memory grows by.
    let rings = [
        &rep.ring,
        &listens.ring,
        &barges.ring,
        &stage.lead,
        &stage.recording,
    ];
    let rings = rings.map(Clone::clone);
    let forgetting = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            rings.iter().for_each(common::sound::Ring::clear);
        }
    });

    let mut left = Vec::new();
    for _ in 0..ROUNDS {
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
        left.push(LIVE_BYTES.load(Ordering::Relaxed));
    }
    forgetting.abort();
    sipp.done().await;

    let after = stage.metrics().await;
    let too_slow = waits.too_slow();
    eprintln!(
        "left {left:?} bytes, tasks {tasks_before} to {}, late ticks {}, packets that came too late to the engine {}",
        tasks.num_alive_tasks(),
        after.ticks_late - before.ticks_late,
        after.lost - before.lost
    );
    let peers = [&rep, &listens, &barges];
    common::every_frame_came(peers, (&before, &after), too_slow);
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
        left[1] - left[0] < LEFT_BYTES_MAX,
        "a second round left memory behind: {left:?} bytes"
    );
    stage.media.stop().await;
}
