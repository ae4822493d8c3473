//! A tick allocates nothing, from the first one on.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use mix::{LegNumber, MAX_PARTIES, Mixer, Mode, Routes};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator is unsafe to be one")]
// SAFETY: everything is handed to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
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

#[test]
fn no_tick_and_no_change_of_routes_allocates() {
    let parties = MAX_PARTIES as u32;
    let said: Vec<_> = (0..parties)
        .map(|leg| (leg, Mode::Barge, common::noise(leg)))
        .collect();
    let everybody = common::spoken(&said);
    let mut mixer = Mixer::new();

    let before = ALLOCATIONS.get();
    let mut mixes_max = 0;
    let mut routes = Routes::new();
    for leg in 0..parties {
        routes
            .add(LegNumber(leg), common::role(leg))
            .expect("there is room");
        routes.set_held(leg % 5 == 0);
        mixes_max = mixes_max.max(mixer.mix(&routes, &everybody).len());
    }
    for leg in 0..parties {
        for _ in 0..3 {
            mixer.mix(&routes, &everybody[..leg as usize]);
        }
        routes.set_muted(LegNumber(parties - 1 - leg), true);
        routes.remove(LegNumber(leg));
    }
    let after = ALLOCATIONS.get();

    assert!(before > 0, "the allocator counts");
    assert_eq!(
        mixes_max,
        MAX_PARTIES + 1,
        "every party had a mix, beside the public one"
    );
    assert_eq!(after, before);
}
