//! Encoding, pushing and pulling allocate nothing, whatever the network does.
#![allow(clippy::expect_used, reason = "a test that cannot go on should say so")]

mod network;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use mix::{FRAME_SAMPLES, Mode};
use network::{Random, Sent, frames, sent, sent_by};
use voice::{
    Codec, Encoder, EncoderSettings, G711Encoder, JitterBuffer, JitterSettings, JitterStats, Law,
    MAX_PACKET_BYTES, Packet, StampedEncoder, level_dbov, speech,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes on to the system's allocator unchanged.
#[expect(unsafe_code, reason = "an allocator that counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1_u8; 100]))) > 0);
}

#[test]
fn encoding_allocates_nothing() {
    let speech = frames(&speech::synthesized(3, 4));
    let settings = EncoderSettings::default();
    let mut encoder = Encoder::new(&settings).expect("defaults");
    let mut branch = Encoder::new(&settings).expect("defaults");
    let mut stamped = StampedEncoder::new(&settings).expect("defaults");
    let mut g711 = G711Encoder::new(Law::A).expect("a known pair of rates");
    let mut out = [0; MAX_PACKET_BYTES];
    let counted = allocations(|| {
        for (index, frame) in speech.iter().enumerate() {
            let mode = [Mode::Listen, Mode::Whisper, Mode::Barge][index / 7 % 3];
            assert!(level_dbov(frame) <= 0);
            assert!(encoder.encode(frame, &mut out).is_ok());
            branch.copy_state_from(&encoder);
            assert!(stamped.encode(frame, mode, &mut out).is_ok());
            assert_eq!(g711.encode(frame).len(), 160);
        }
        encoder.reset();
        g711.reset();
    });
    assert_eq!(counted, 0);
}

#[test]
fn the_jitter_buffer_allocates_nothing_after_its_start() {
    let captured: Vec<_> = frames(&speech::synthesized(4, 10))
        .into_iter()
        .enumerate()
        .map(|(index, frame)| {
            (
                frame,
                [Mode::Barge, Mode::Whisper, Mode::Listen][index / 60 % 3],
            )
        })
        .collect();
    let packets = sent(&captured, &EncoderSettings::default());
    let stats = played_without_allocating(&packets);
    assert!(stats.recovered > 0, "{stats:?}");
}

#[test]
fn a_telephone_and_a_change_of_codec_allocate_nothing() {
    let captured: Vec<_> = frames(&speech::synthesized(4, 10))
        .into_iter()
        .map(|frame| (frame, None))
        .collect();
    let codecs = [Codec::Pcma, Codec::Opus, Codec::Pcmu, Codec::ComfortNoise];
    let packets = sent_by(&captured, |index| codecs[index / 23 % 4]);
    let stats = played_without_allocating(&packets);
    assert!(stats.concealed > 10, "{stats:?}");
}

/// Plays packets over a bad network.
fn played_without_allocating(packets: &[Sent]) -> JitterStats {
    let mut buffer = JitterBuffer::new(JitterSettings::default()).expect("defaults");
    let mut random = Random(9);
    let mut arrivals: Vec<_> = packets
        .iter()
        .filter_map(|packet| {
            let delay = Duration::from_secs_f64(0.08 * random.uniform());
            (random.uniform() > 0.08).then_some((packet.at + delay, packet))
        })
        .collect();
    arrivals.sort_by_key(|(at, _)| *at);
    let mut loud = 0;
    let counted = allocations(|| {
        let mut arrivals = arrivals.iter().peekable();
        for tick in 0..550 {
            let now = Duration::from_millis(20 * tick);
            while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= now) {
                buffer.push(
                    *at,
                    &Packet {
                        codec: packet.codec,
                        sequence: packet.sequence,
                        timestamp: packet.timestamp,
                        mode: packet.mode,
                        payload: &packet.payload,
                    },
                );
            }
            let pulled = buffer.pull(now);
            assert_eq!(pulled.frame.len(), FRAME_SAMPLES);
            loud += u32::from(level_dbov(pulled.frame) > -40);
        }
        buffer.reset();
    });
    assert!(loud > 50, "speech came through");
    assert_eq!(counted, 0);
    buffer.stats()
}
