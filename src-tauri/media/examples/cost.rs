//! What a tick of one call of 100 costs, by stage: rep and lead talk, 98 coaches listen over DTLS-SRTP.
//! The clients are real, and drawn from the same machine: only the engine's own stages count.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::sound::{silent, unstamped};
use common::{REP, Stage, coach, until};
use media::Stage as Part;
use mix::Role;

#[tokio::main]
async fn main() {
    let parties = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let parties: u32 = parties.unwrap_or(100);
    let stage = Stage::new(1).await;
    stage.lead(Some(730.0)).await;
    let _rep = stage.join(REP, Role::Rep, unstamped(400.0)).await;
    for number in 0..parties.saturating_sub(2) {
        stage.join(coach(number), Role::Coach, silent()).await;
    }
    let (before, cpu_before) = (stage.media.metrics(), worker_cpu_us());
    until("200 ticks", || {
        stage.media.metrics().ticks >= before.ticks + 200
    })
    .await;
    let (after, cpu_after) = (stage.media.metrics(), worker_cpu_us());
    let ticks = after.ticks - before.ticks;
    let per_tick = |after: u64, before: u64| (after - before) as f64 / ticks as f64;
    println!("{parties} parties, {ticks} ticks");
    for part in Part::ALL {
        let (now, then) = (after.stage(part), before.stage(part));
        let mean = per_tick(now.sum, then.sum);
        let (name, p50, p99) = (part.name(), now.p50, now.p99);
        println!("{name:>7} {mean:8.1} us a tick, p50 {p50} us, p99 {p99} us");
    }
    println!(
        "    CPU {:8.1} us a tick, of the worker's thread",
        per_tick(cpu_after, cpu_before)
    );
    let counts = [
        ("encodes", per_tick(after.encodes, before.encodes)),
        ("RTP out", per_tick(after.rtp_out, before.rtp_out)),
        ("sendmmsg", per_tick(after.send_calls, before.send_calls)),
        (
            "recvmmsg",
            per_tick(after.receive_calls, before.receive_calls),
        ),
        ("wakeups", per_tick(after.wakeups, before.wakeups)),
        ("timeouts", per_tick(after.timeouts, before.timeouts)),
    ];
    for (what, count) in counts {
        println!("{what:>8} {count:8.2} a tick");
    }
    println!("late {} skipped {}", after.ticks_late, after.ticks_skipped);
    stage.media.stop().await;
}

/// What the worker's thread has used of a core, by the kernel's account: other processes do not blur it.
fn worker_cpu_us() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let mut paths = tasks.map(|task| task.unwrap().path());
    let is_worker = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "media-0")
    };
    let worker = paths.find(is_worker).unwrap();
    let account = std::fs::read_to_string(worker.join("schedstat")).unwrap();
    account.split(' ').next().unwrap().parse::<u64>().unwrap() / 1000
}
