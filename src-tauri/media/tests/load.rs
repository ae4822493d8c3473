//! Floods, and the price of a tick, counted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::sound::{silent, stamped, unstamped};
use common::waits::Waits;
use common::{REP, Stage, coach, until};
use mix::{Mode, Role};

const REP_HZ: f64 = 400.0;
const LEAD_HZ: f64 = 730.0;

/// A small generator of numbers that look random (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.next() as usize % 300;
        (0..len).map(|_| self.next() as u8).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_garbage_costs_another_call_not_one_frame() {
    let stage = Stage::new(1).await;
    stage.lead(Some(LEAD_HZ)).await;
    let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    let listens = stage.join(coach(1), Role::Coach, silent()).await;
    let barges = stage
        .join(coach(2), Role::Coach, stamped(1_130.0, Mode::Barge))
        .await;
    stage.grant(coach(2), Mode::Barge).await;
    listens.ring.hears(LEAD_HZ).await;
    rep.ring.hears(1_130.0).await;
    let before = stage.metrics().await;
    let waits = Waits::of(&[]);

    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let target = stage.media.candidates()[0];
    // Real datagrams of everyone, handshakes among them: replayed, cut and bent from elsewhere.
    let samples: Vec<_> = [&rep, &listens, &barges]
        .iter()
        .flat_map(|p| p.sent())
        .collect();
    let seed = 20_260_101;
    eprintln!("seed {seed}");
    let flood = std::thread::spawn(move || {
        let mut numbers = Numbers(seed);
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut count = 0_u64;
        while !stopped.load(Ordering::Acquire) {
            for _ in 0..20 {
                let mut datagram = samples[numbers.next() as usize % samples.len()].clone();
                match numbers.next() % 4 {
                    0 => datagram = numbers.bytes(),
                    1 => datagram.truncate(numbers.next() as usize % datagram.len().max(1)),
                    2 => {
                        let at = numbers.next() as usize % datagram.len().max(1);
                        datagram[at] ^= numbers.next() as u8;
                    }
                    _ => {}
                }
                stranger.send_to(&datagram, target).unwrap();
                count += 1;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        count
    });
    // And everyone's own network doubles, bends and cuts what they send.
    for peer in [&rep, &listens, &barges] {
        peer.noisy(true);
    }
    let start = listens.packets();
    until("two seconds have passed", || {
        listens.packets() >= start + 100
    })
    .await;
    stop.store(true, Ordering::Release);
    assert!(flood.join().unwrap() > 1_000);
    let too_slow = waits.too_slow();
    let after = stage.metrics().await;

    let peers = [&rep, &listens, &barges];
    if common::every_frame_came(peers, (&before, &after), too_slow) {
        assert_eq!(after.lost, before.lost);
    }
    assert_eq!(after.panics, 0);
    assert_eq!((after.legs, after.connections), (4, 3));
    assert!(after.dropped_unknown > before.dropped_unknown + 1_000);
    assert!(after.dropped_malformed > before.dropped_malformed);
    // It goes on as before.
    listens.ring.clear();
    listens.ring.hears(LEAD_HZ).await;
    listens.ring.hears(REP_HZ).await;
    stage.lead.hears(1_130.0).await;
    stage.media.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_talkers_cost_three_encodes_a_tick_and_few_system_calls() {
    let stage = Stage::new(1).await;
    stage.lead(Some(LEAD_HZ)).await;
    let rep = stage.join(REP, Role::Rep, unstamped(REP_HZ)).await;
    let mut listeners = Vec::new();
    for number in 0..18 {
        listeners.push(stage.join(coach(number), Role::Coach, silent()).await);
    }
    // Half of them could be heard, and are silent: that costs nothing.
    for number in 0..9 {
        stage.grant(coach(number), Mode::Barge).await;
    }
    rep.ring.hears(LEAD_HZ).await;
    listeners[17].ring.hears(REP_HZ).await;
    let before = stage.metrics().await;
    until("50 ticks", || {
        stage.media.metrics().ticks >= before.ticks + 50
    })
    .await;
    let after = stage.metrics().await;
    let ticks = after.ticks - before.ticks;
    assert_eq!(after.encodes - before.encodes, 3 * ticks);
    assert_eq!(after.rtp_out - before.rtp_out, 19 * ticks);
    assert_eq!(after.encodes_missed, 0);
    // One for each tick, and one now and then for what is not sound.
    let sends = after.send_calls - before.send_calls;
    assert!(sends <= 2 * ticks, "{sends} in {ticks} ticks");
    // Whoever is silent is not decoded.
    assert!(after.decodes - before.decodes <= 2 * ticks);
    stage.media.stop().await;
}
