//! All the bad input that the product must stand, thrown at a service that carries a coached call: each
//! gets its clear answer, and the call goes on without a lost frame.
#![allow(clippy::expect_used, clippy::panic, reason = "so does a test fail")]

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod relay;

use attacks::Attacks;
use client::{MediaStatus, VoiceStats};
use common::plain::Plain;
use common::ticks::{TickEars, Ticks};
use common::{
    answered, call_request, config, fresh_stats, leg_of, sees, switch, tireless, until, words,
};
use demo::actor::{Actor, in_time};
use media::{SimulatedLine, SimulatedLineSettings};
use relay::Relay;
use service::{Config, Hooks, Running};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use wire::{CallId, CallStatus, CoachLegStatus, CoachMode, PhoneNumberKind};

const SEED: u64 = 0x5eed_0000_0000_0bad;
/// Rounds before anything is measured: buffers and caches grow to their size.
const WARM_UP_ROUNDS: usize = 3;
const ROUNDS: usize = 5;
/// How much the process may grow over the rounds: one body of 10 MB kept in each would be 50 MiB.
const GROWTH_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What is there as long as something of a client is.
const GAUGES: [&str; 5] = ["calls", "media_calls", "legs", "connections", "sockets"];

/// A call with a coach who whispers and one who listens, everybody talking without a pause.
struct Coached {
    rep: Actor,
    whispers: Actor,
    listens: Actor,
    call_id: CallId,
    ticks: Arc<Ticks>,
}

impl Coached {
    async fn begin(server: &str, ticks: Arc<Ticks>) -> Self {
        let actor = async |name| Actor::sign_in(server, name).await.expect("online");
        let rep = actor("riley").await;
        let whispers = actor("casey").await;
        let listens = actor("taylor").await;
        let request = call_request(&rep, PhoneNumberKind::Internal, "Globex", None).await;
        let placed = rep.session.place_call(request, tireless(words(1, 20)));
        let call_id = placed.await.expect("the call is placed").id;
        answered(&rep).await;
        rep.connected().await.expect("the rep's sound");
        for (coach, seed) in [(&whispers, 2), (&listens, 3)] {
            sees(coach, &call_id).await;
            let devices = tireless(words(seed, 20));
            let joined = coach.session.join(call_id.clone(), None, devices).await;
            joined.expect("the coach is let in");
            coach.connected().await.expect("the coach's sound");
        }
        switch(&whispers, CoachMode::Whisper).await;
        Self {
            rep,
            whispers,
            listens,
            call_id,
            ticks,
        }
    }

    fn everybody(&self) -> [&Actor; 3] {
        [&self.rep, &self.whispers, &self.listens]
    }

    /// The call is up, with both coaches on it and sound to everybody.
    async fn goes_on(&self) {
        let coaches = [
            (&self.whispers, CoachMode::Whisper),
            (&self.listens, CoachMode::Listen),
        ];
        for (coach, mode) in coaches {
            until(&self.rep, "both coaches on the call", |view| {
                let leg = leg_of(view, &coach.user_id);
                leg.is_some_and(|leg| leg.status == CoachLegStatus::Connected && leg.mode == mode)
            })
            .await;
        }
        for actor in self.everybody() {
            let view = actor.session.view();
            assert_eq!(view.media, MediaStatus::Connected, "{}", actor.name);
            assert_eq!(
                view.connection,
                client::Connection::Online,
                "{}",
                actor.name
            );
        }
        let view = self.rep.session.view();
        let call = &view.my_call.as_ref().expect("the call").call;
        assert_eq!(call.status, CallStatus::InProgress);
        assert_eq!(call.id, self.call_id);
    }

    async fn stats(&self) -> Vec<VoiceStats> {
        let mut stats = Vec::new();
        for actor in self.everybody() {
            stats.push(fresh_stats(actor).await);
        }
        stats
    }
}

async fn start(relay: &Relay, folder: &std::path::Path, ticks: Arc<Ticks>) -> Running {
    let line = SimulatedLine::new(SimulatedLineSettings {
        sentences: vec![words(4, 10)],
        talks_over: true,
        ear: Some(Arc::new(TickEars(ticks))),
    });
    let config = Config {
        data: folder.to_owned(),
        media_port_base: relay.service.port(),
        media_advertise: Some(relay.address.ip()),
        ..config()
    };
    let hooks = Hooks {
        lead_line: Some(Arc::new(line.expect("a line"))),
        recording: None,
    };
    service::start(config, hooks)
        .await
        .expect("the service starts")
}

/// Packets that never came, of those that this client should have received.
fn truly_lost(stats: &VoiceStats) -> u64 {
    stats.jitter.lost.saturating_sub(stats.jitter.late)
}

/// The same at the service, of all its clients.
fn truly_lost_at_service(metrics: &BTreeMap<String, u64>) -> u64 {
    metrics["packets_lost_total"].saturating_sub(metrics["packets_late_total"])
}

fn gauges(metrics: &BTreeMap<String, u64>) -> Vec<(&'static str, u64)> {
    GAUGES.map(|name| (name, metrics[name])).to_vec()
}

/// Waits until nothing of the attackers is left, and gives the metrics.
async fn settled(plain: &Plain, wanted: &[(&'static str, u64)]) -> BTreeMap<String, u64> {
    let mut last = Vec::new();
    let settle = async {
        loop {
            let metrics = plain.metrics().await;
            last = gauges(&metrics);
            if last == wanted {
                return metrics;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    match in_time("the gauges to return", settle).await {
        Ok(metrics) => metrics,
        Err(error) => panic!("{error}: {last:?}, not {wanted:?}"),
    }
}

/// The resident memory of this process, which service, clients and attackers share.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse::<u64>().ok()).expect("kB") * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bad_input_is_answered_clearly_and_the_call_beside_it_loses_nothing() {
    println!("seed {SEED:#x}");
    let folder = tempfile::tempdir().expect("a folder");
    let relay = Relay::bind().await;
    let ticks = Arc::new(Ticks::default());
    let service = start(&relay, folder.path(), Arc::clone(&ticks)).await;
    let server = format!("http://{}", service.http_addr);
    let call = Coached::begin(&server, ticks).await;
    call.goes_on().await;
    let mut attacks = Attacks::prepare(&server, &call, SEED).await;
    let plain = Plain::new(&server);
    let before = plain.metrics().await;
    let at_rest = gauges(&before);
    let stats_before = call.stats().await;
    let ticks_before = call.ticks.heard.load(Ordering::Relaxed);

    // Not in the measured rounds: the allocator keeps the 19 MiB of a password's hash once for each
    // thread that it happens to be on.
    attacks.sign_in_flood("first").await;
    let mut resident = Vec::new();
    for _ in 0..WARM_UP_ROUNDS + ROUNDS {
        attacks.round(&call, &relay).await;
        settled(&plain, &at_rest).await;
        call.goes_on().await;
        resident.push(resident_bytes());
    }
    attacks.sign_in_flood("second").await;
    let grown = resident[resident.len() - 1].saturating_sub(resident[WARM_UP_ROUNDS - 1]);
    println!(
        "the process grew by {} KiB in {ROUNDS} rounds",
        grown / 1024
    );
    assert!(grown <= GROWTH_BYTES_MAX, "{resident:?}");

    let stats_after = call.stats().await;
    for ((actor, before), after) in call.everybody().iter().zip(&stats_before).zip(&stats_after) {
        println!("{}: {:?}", actor.name, after.jitter);
        assert!(
            after.jitter.received > before.jitter.received,
            "{}",
            actor.name
        );
        assert!(
            truly_lost(after) <= truly_lost(before),
            "{}: {after:?}",
            actor.name
        );
        assert_eq!(
            after.jitter.refused, before.jitter.refused,
            "{}",
            actor.name
        );
    }
    assert_eq!(
        stats_after[2].packets_sent, 0,
        "a listening coach sends nothing"
    );
    assert!(stats_after[1].packets_sent > stats_before[1].packets_sent);
    let after = settled(&plain, &at_rest).await;
    assert!(
        truly_lost_at_service(&after) <= truly_lost_at_service(&before),
        "{after:#?}"
    );
    assert!(after["rtp_in_total"] > before["rtp_in_total"]);
    for count in [
        "media_panics_total",
        "encodes_missed_total",
        "packets_refused_total",
    ] {
        assert_eq!(after[count], 0, "{count}");
    }
    assert!(after["datagrams_unknown_total"] > before["datagrams_unknown_total"]);

    // The lead's ear: every tick, one after the other, and none of them empty.
    assert!(call.ticks.heard.load(Ordering::Relaxed) > ticks_before);
    assert_eq!(call.ticks.gaps.load(Ordering::Relaxed), 0);
    assert_eq!(call.ticks.empty.load(Ordering::Relaxed), 0);

    call.rep.session.hang_up().await.expect("the rep hangs up");
    until(&call.whispers, "the coaching to end", |view| {
        view.coaching.is_none()
    })
    .await;
    let over = GAUGES.map(|name| match name {
        "sockets" => (name, after[name]),
        _ => (name, 0),
    });
    settled(&plain, &over).await;
    service.stop().await;
}
