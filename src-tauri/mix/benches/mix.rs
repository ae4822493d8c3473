//! What one tick of mixing costs, by the number of parties and of talkers.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mix::{FRAME_SAMPLES, Frame, LegNumber, Mixer, Mode, Role, Routes, Spoken};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator is unsafe to be one")]
// SAFETY: everything is handed to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn noise(seed: u32) -> Frame {
    let mut state = seed | 1;
    let mut frame = [0; FRAME_SAMPLES];
    for sample in &mut frame {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *sample = (state >> 19) as i16 - 4096;
    }
    frame
}

/// A call in which rep and lead talk first, and then coaches who barge.
fn call(parties: u32) -> Routes {
    let mut routes = Routes::new();
    for leg in 0..parties {
        let role = match leg {
            0 => Role::Rep,
            1 => Role::Lead,
            _ => Role::Coach,
        };
        assert_eq!(
            routes.add(LegNumber(leg), role),
            Ok(()),
            "the call has room"
        );
    }
    routes
}

fn tick(c: &mut Criterion) {
    let mut group = c.benchmark_group("mix");
    for parties in [3, 10, 30, 100] {
        for talkers in [1, 2, 5] {
            if talkers > parties {
                continue;
            }
            let routes = call(parties);
            let frames: Vec<Frame> = (0..talkers).map(noise).collect();
            let spoken: Vec<Spoken<'_>> = frames
                .iter()
                .zip(0..)
                .map(|(frame, leg)| Spoken {
                    leg: LegNumber(leg),
                    reach: Mode::Barge,
                    frame,
                })
                .collect();
            let mut mixer = Mixer::new();
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            for _ in 0..100 {
                black_box(mixer.mix(black_box(&routes), black_box(&spoken)).len());
            }
            assert_eq!(
                ALLOCATIONS.load(Ordering::Relaxed),
                before,
                "a tick allocates nothing"
            );

            let name = BenchmarkId::new(format!("{talkers}_talking"), parties);
            group.bench_function(name, |bencher| {
                bencher.iter(|| mixer.mix(black_box(&routes), black_box(&spoken)).len());
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = tick
}
criterion_main!(benches);
