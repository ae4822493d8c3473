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
    let before = stage.metrics().await;
    until("500 ticks", || {
        stage.media.metrics().ticks >= before.ticks + 500
    })
    .await;
    let after = stage.metrics().await;
    let ticks = after.ticks - before.ticks;
    let per_tick = |after: u64, before: u64| (after - before) as f64 / ticks as f64;
    println!("{parties} parties, {ticks} ticks");
    for part in Part::ALL {
        let (now, then) = (after.stage(part), before.stage(part));
        let mean = per_tick(now.sum, then.sum);
        println!(
            "{:>7} {mean:8.1} us a tick, p99 {} us, max {} us",
            part.name(),
            now.p99,
            now.max
        );
    }
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
