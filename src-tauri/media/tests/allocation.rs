//! A tick allocates nothing of ours: counted on the worker's own thread.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{LEAD, until};
use media::{LeadMedia, LeadMix, Media, MediaSettings, RecordingTap, RecordingTaps};
use mix::Role;
use voice::MAX_PACKET_BYTES;
use wire::CallId;

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
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Ticks that are measured.
const TICKS: usize = 200;

/// Allocations of the worker's thread so far, at the middle of each tick.
type Counts = Arc<Mutex<Vec<(u64, u64)>>>;

/// A lead who says the same packet again and again.
struct CountingLead {
    packet: Vec<u8>,
    sequence: u16,
    counts: Counts,
}

impl LeadMedia for CountingLead {
    fn tick(&mut self, _: Duration, heard: LeadMix<'_>, speak: &mut dyn FnMut(&voice::Packet<'_>)) {
        self.sequence = self.sequence.wrapping_add(1);
        speak(&voice::Packet {
            codec: voice::Codec::Opus,
            sequence: self.sequence,
            timestamp: u32::from(self.sequence) * 960,
            mode: None,
            payload: &self.packet,
        });
        let mut counts = self.counts.lock().unwrap();
        if counts.len() < TICKS {
            counts.push((heard.tick, ALLOCATIONS.with(Cell::get)));
        }
    }
}

struct Nowhere;

impl RecordingTaps for Nowhere {
    fn open(&self, _: &CallId) -> Option<Box<dyn RecordingTap>> {
        Some(Box::new(Self))
    }
}

impl RecordingTap for Nowhere {
    fn packet(&mut self, _: u64, opus: &[u8]) {
        assert!(!opus.is_empty());
    }

    fn gap(&mut self, _: u64) {
        panic!("no one is on hold");
    }
}

#[tokio::test]
async fn a_tick_allocates_nothing_of_ours() {
    let (events, mut told) = tokio::sync::mpsc::channel(1024);
    let settings = MediaSettings {
        worker_count: 1,
        recording: Some(Arc::new(Nowhere)),
        ..MediaSettings::default()
    };
    let media = Media::start(settings, events).unwrap();
    let call = CallId::parse("acti_test").unwrap();
    media.open_call(call.clone()).await.unwrap();
    media.add_leg(&call, LEAD, Role::Lead).await.unwrap();
    let mut packet = [0; MAX_PACKET_BYTES];
    let frame = common::sound::Tone::default().frame(730.0);
    let len = common::sound::encoder()
        .encode(&frame, &mut packet)
        .unwrap();
    let counts = Counts::new(Mutex::new(Vec::with_capacity(TICKS)));
    let lead = CountingLead {
        packet: packet[..len].to_vec(),
        sequence: 0,
        counts: Arc::clone(&counts),
    };
    media.attach_lead(&call, Box::new(lead)).await.unwrap();
    until("ticks were measured", || {
        counts.lock().unwrap().len() == TICKS
    })
    .await;
    let counts = counts.lock().unwrap().clone();
    let (mut quiet, mut reviewed) = (0, 0);
    for pair in counts.windows(2) {
        let ((before, allocated_before), (tick, allocated)) = (pair[0], pair[1]);
        // The pool of encoders fills up again after the first ticks, and levels are told after every
        // tenth; both between ticks.
        if tick < 10 || tick != before + 1 || tick % 10 == 0 {
            reviewed += allocated - allocated_before;
            continue;
        }
        assert_eq!(allocated, allocated_before, "before tick {tick}");
        quiet += 1;
    }
    assert!(quiet > TICKS / 2);
    // The counter counts.
    assert!(reviewed > 0);
    assert!(told.recv().await.is_some());
    media.stop().await;
}
