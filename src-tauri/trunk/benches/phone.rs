//! What one tick of a telephone costs: a packet taken in and one sent, in each codec, plain and
//! encrypted. Decoding what came is the jitter buffer's work, and Opus the mixer's: neither is here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "so does a test fail")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{End, Tone, call};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use media::{LeadMedia, LeadMix};
use mix::Frame;
use voice::{Codec, MAX_PACKET_BYTES};

/// What a phone is given at each tick: a frame, and the same in Opus where it wants that.
struct Given {
    frame: Frame,
    opus: Vec<u8>,
}

impl Given {
    fn to(end: &mut End) -> Self {
        let frame = Tone::new(440.0).frame();
        let mut packet = [0; MAX_PACKET_BYTES];
        let len = end.encoder.encode(&frame, &mut packet).unwrap();
        Self {
            frame,
            opus: packet[..len].to_vec(),
        }
    }
}

/// One tick of a phone by itself; how many packets came out of it.
fn tick(end: &mut End, given: &Given) -> u32 {
    let heard = LeadMix {
        tick: u64::from(end.ticks),
        frame: &given.frame,
        opus: &given.opus,
    };
    let now = end.now();
    end.ticks += 1;
    let mut came = 0;
    end.media.tick(now, heard, &mut |packet| {
        black_box(packet.payload);
        came += 1;
    });
    came
}

fn phones(c: &mut Criterion) {
    let mut group = c.benchmark_group("phone_tick_us");
    for codec in [Codec::Pcma, Codec::Opus] {
        for encrypted in [false, true] {
            let (mut measured, mut other) = call(&[codec], encrypted);
            let given = Given::to(&mut measured);
            // The negotiation is taken in, and the first sound.
            for _ in 0..10 {
                tick(&mut other, &given);
                tick(&mut measured, &given);
            }
            let name = BenchmarkId::new(
                format!("{codec:?}"),
                if encrypted { "srtp" } else { "plain" },
            );
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|ticks| {
                    let (mut took, mut came) = (Duration::ZERO, 0);
                    for _ in 0..ticks {
                        // The other phone's tick is not counted, but brings the packet.
                        tick(&mut other, &given);
                        let began = Instant::now();
                        came += tick(&mut measured, &given);
                        took += began.elapsed();
                    }
                    assert_eq!(u64::from(came), ticks, "a packet came at each tick");
                    took
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = phones
}
criterion_main!(benches);
