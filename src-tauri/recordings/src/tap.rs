//! Takes a call's packets off its worker, into a ring that a writer empties.

use media::RecordingTap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use store::clock::now;
use wire::Timestamp;

/// Bytes of a ring: some ten seconds of sound, for a disk that hangs.
const RING_BYTES: usize = 64 * 1024;
/// Bytes before each packet in the ring: tick, length, peak, and whether it is muffled.
const HEADER_BYTES: usize = 8 + 2 + 1 + 1;
/// The longest packet that Opus makes.
const PACKET_BYTES_MAX: usize = 1275;
/// Packets after a pause that are still left out: what was said at its end may stand in the jitter
/// buffers yet, and a codec remembers. 200 ms.
pub const AFTERMATH_PACKETS: u32 = 10;

const WAITING: u8 = 0;
const RUNNING: u8 = 1;
const PAUSED: u8 = 2;

/// How one recording is steered, by whoever may.
pub struct Control {
    state: AtomicU8,
    started_at: AtomicI64,
    overflows: Arc<AtomicU64>,
}

impl Control {
    pub const fn new(overflows: Arc<AtomicU64>) -> Self {
        Self {
            state: AtomicU8::new(WAITING),
            started_at: AtomicI64::new(0),
            overflows,
        }
    }

    /// From the next tick on it is recorded.
    pub fn begin(&self) {
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        // What runs already stays as it is.
        let _ = self.state.compare_exchange(WAITING, RUNNING, set, get);
    }

    /// Pauses it, or lets it go on. What has not begun is neither.
    pub fn set_paused(&self, paused: bool) {
        let (from, to) = if paused {
            (RUNNING, PAUSED)
        } else {
            (PAUSED, RUNNING)
        };
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        let _ = self.state.compare_exchange(from, to, set, get);
    }

    /// When the first packet was taken.
    pub fn started_at(&self) -> Timestamp {
        Timestamp(self.started_at.load(Ordering::Acquire))
    }
}

/// One call's tap.
pub struct Tap {
    ring: rtrb::Producer<u8>,
    control: Arc<Control>,
    peak: u8,
    has_begun: bool,
    aftermath: u32,
}

/// A packet as it comes out of the ring.
pub struct Taken<'a> {
    pub tick: u64,
    pub peak: u8,
    /// It was left out: the rep had paused, or the lead was on hold.
    pub muffled: bool,
    pub opus: &'a [u8],
}

/// A tap, and the end that a writer empties.
pub fn tap(control: Arc<Control>) -> (Tap, rtrb::Consumer<u8>) {
    let (ring, taken) = rtrb::RingBuffer::new(RING_BYTES);
    let tap = Tap {
        ring,
        control,
        peak: 0,
        has_begun: false,
        aftermath: 0,
    };
    (tap, taken)
}

impl RecordingTap for Tap {
    fn peak(&mut self, peak: u16) {
        // 0 to 32 767 becomes 0 to 255.
        self.peak = (peak >> 7).min(255) as u8;
    }

    fn packet(&mut self, tick: u64, opus: &[u8]) {
        self.take(tick, Some(opus));
    }

    fn gap(&mut self, tick: u64) {
        self.take(tick, None);
    }
}

impl Tap {
    /// Takes one tick, with what may be recorded of it.
    fn take(&mut self, tick: u64, opus: Option<&[u8]>) {
        let is_paused = match self.control.state.load(Ordering::Acquire) {
            WAITING => return,
            PAUSED => {
                self.aftermath = AFTERMATH_PACKETS;
                true
            }
            _ => {
                let is_after = self.aftermath > 0;
                self.aftermath = self.aftermath.saturating_sub(1);
                is_after
            }
        };
        if !self.has_begun {
            self.has_begun = true;
            self.control.started_at.store(now().0, Ordering::Release);
        }
        // What was said in a pause does not even get into memory.
        let opus = opus.filter(|_| !is_paused);
        let muffled = opus.is_none();
        let (opus, peak) = opus.map_or((&[][..], 0), |opus| (opus, self.peak));
        let opus = opus.get(..PACKET_BYTES_MAX).unwrap_or(opus);
        let mut header = [0; HEADER_BYTES];
        let fields = tick
            .to_le_bytes()
            .into_iter()
            .chain((opus.len() as u16).to_le_bytes())
            .chain([peak, u8::from(muffled)]);
        for (to, from) in header.iter_mut().zip(fields) {
            *to = from;
        }
        if self.ring.slots() < HEADER_BYTES + opus.len() {
            self.control.overflows.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // There is room for both.
        let _ = self.ring.push_entire_slice(&header);
        let _ = self.ring.push_entire_slice(opus);
    }
}

/// Takes all that is in the ring.
pub fn drain(ring: &mut rtrb::Consumer<u8>, mut take: impl FnMut(Taken<'_>)) {
    let mut packet = [0; PACKET_BYTES_MAX];
    let mut header = [0; HEADER_BYTES];
    while let Ok(chunk) = ring.read_chunk(HEADER_BYTES) {
        // Looked at, and not taken out yet: the packet follows its header by a moment.
        let (one, other) = chunk.as_slices();
        for (to, from) in header.iter_mut().zip(one.iter().chain(other)) {
            *to = *from;
        }
        let [t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, peak, muffled] = header;
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        let Some(opus) = packet.get_mut(..length) else {
            return;
        };
        if ring.slots() < HEADER_BYTES + length
            || ring.pop_entire_slice(&mut header).is_err()
            || ring.pop_entire_slice(opus).is_err()
        {
            return;
        }
        take(Taken {
            tick: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            peak,
            muffled: muffled != 0,
            opus,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(ring: &mut rtrb::Consumer<u8>) -> Vec<(u64, u8, bool, Vec<u8>)> {
        let mut taken = Vec::new();
        drain(ring, |one| {
            taken.push((one.tick, one.peak, one.muffled, one.opus.to_vec()));
        });
        taken
    }

    #[test]
    fn r1_nothing_is_recorded_before_the_answer_or_in_a_pause() {
        let control = Arc::new(Control::new(Arc::default()));
        let (mut tap, mut ring) = tap(control.clone());
        tap.packet(1, b"ringing");
        control.begin();
        tap.peak(32_767);
        tap.packet(2, b"said");
        control.set_paused(true);
        tap.packet(3, b"secret");
        control.set_paused(false);
        for tick in 4..20 {
            tap.packet(tick, b"later");
        }
        let taken = all(&mut ring);
        assert_eq!(taken[0], (2, 255, false, b"said".to_vec()));
        let after = 1 + AFTERMATH_PACKETS as usize;
        for one in &taken[1..=after] {
            assert_eq!((one.1, one.2, one.3.len()), (0, true, 0), "{one:?}");
        }
        assert_eq!(taken[after + 1].3, b"later");
        assert_eq!(taken.len(), 18);
    }

    #[test]
    fn r3_a_hold_is_left_out_from_its_first_tick_to_its_last() {
        let control = Arc::new(Control::new(Arc::default()));
        let (mut tap, mut ring) = tap(control.clone());
        tap.gap(1);
        control.begin();
        tap.peak(32_767);
        tap.packet(2, b"said");
        tap.gap(3);
        tap.gap(4);
        tap.packet(5, b"later");
        // A pause within a hold outlasts it.
        tap.gap(6);
        control.set_paused(true);
        tap.gap(7);
        tap.packet(8, b"secret");
        let muffled: Vec<_> = all(&mut ring)
            .into_iter()
            .map(|(tick, peak, muffled, opus)| {
                assert_eq!(muffled, opus.is_empty());
                assert!(!muffled || peak == 0);
                (tick, muffled)
            })
            .collect();
        let expected = [
            (2, false),
            (3, true),
            (4, true),
            (5, false),
            (6, true),
            (7, true),
            (8, true),
        ];
        assert_eq!(muffled, expected);
    }

    #[test]
    fn a_full_ring_is_counted_and_takes_whole_packets_once_emptied() {
        let overflows = Arc::new(AtomicU64::new(0));
        let control = Arc::new(Control::new(overflows.clone()));
        let (mut tap, mut ring) = tap(control.clone());
        control.begin();
        for tick in 0..200 {
            tap.packet(tick, &[7; 1000]);
        }
        let fit = (RING_BYTES / (HEADER_BYTES + 1000)) as u64;
        assert_eq!(overflows.load(Ordering::Relaxed), 200 - fit);
        assert_eq!(all(&mut ring).len() as u64, fit);
        for tick in 200..230 {
            tap.packet(tick, &[8; 900]);
        }
        let taken = all(&mut ring);
        assert_eq!(taken.len(), 30);
        assert!(taken.iter().all(|one| one.3 == [8; 900]));
    }
}
