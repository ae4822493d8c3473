//! A phone's tick allocates nothing: counted on its own thread. Encryption is the library's, and does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{HOLD, TICK, Tone, call};
use media::{LeadMedia, LeadMix};
use voice::{Codec, Encoder, EncoderSettings, MAX_PACKET_BYTES};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it is; the counter allocates nothing.
#[expect(unsafe_code, reason = "an allocator is unsafe to write")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and releases while something is done.
fn counted(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn a_tick_allocates_nothing_of_ours() {
    // Made once, before anything is counted.
    assert!(format!("{:?}", **HOLD).contains("has_music: true"));
    let mut frame = Tone::new(440.0).frame();
    let mut packet = [0; MAX_PACKET_BYTES];
    let mut encoder = Encoder::new(&EncoderSettings::default()).unwrap();
    let len = encoder.encode(&frame, &mut packet).unwrap();
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::Opus] {
        let (mut first, mut second) = call(&[codec], false);
        let mut spoken = 0_u64;
        for tick in 0..400_u64 {
            let now = TICK * tick as u32;
            if tick == 100 {
                first.control.send_dtmf("123");
            }
            first.control.set_held((200..250).contains(&tick));
            frame[0] ^= 1;
            let heard = LeadMix {
                tick,
                frame: &frame,
                opus: &packet[..len],
            };
            for (end, media) in [&mut first.media, &mut second.media]
                .into_iter()
                .enumerate()
            {
                let allocations = counted(|| {
                    media.tick(now, heard, &mut |packet| {
                        spoken += packet.payload.len() as u64
                    });
                });
                // In the first ones the negotiation is taken in.
                if tick > 2 {
                    assert_eq!(allocations, 0, "{codec:?}, tick {tick}, end {end}");
                }
            }
        }
        assert!(spoken > 0);
        assert_eq!(second.control.report().keys, "123");
    }
    // The counter counts.
    assert!(counted(|| drop(vec![0_u8; 100])) > 0);
}
