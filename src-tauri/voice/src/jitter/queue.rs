//! Packets in the order of their sequence numbers, in memory that is taken once.

use mix::Mode;

use super::decoders::g711_samples;
use super::types::{Codec, Packet};
use crate::opus::{MAX_PACKET_BYTES, packet_has_lbrr, packet_samples};

/// A jump back of at most this many sequence numbers is a packet that comes late (RFC 3550 A.1).
const MISORDER_MAX: i64 = 100;
/// A jump forward of at most this many is loss or a stall (RFC 3550 A.1).
const DROPOUT_MAX: i64 = 3000;

/// A packet that waits to be played. Sequence numbers and timestamps no longer wrap.
pub(super) struct Slot {
    pub sequence: i64,
    pub timestamp: i64,
    pub arrival: i64,
    pub mode: Option<Mode>,
    pub codec: Codec,
    /// How many samples it decodes to; 0 where a pause of comfort noise begins.
    pub samples: i64,
    /// Whether it carries a copy of the frame before it.
    pub lbrr: bool,
    filled: bool,
    len: usize,
    payload: [u8; MAX_PACKET_BYTES],
}

impl Slot {
    pub fn payload(&self) -> &[u8] {
        self.payload.get(..self.len).unwrap_or(&[])
    }
}

/// What became of a packet that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits to be played; this is its timestamp.
    Kept { timestamp: i64 },
    /// It waits, and everything before it is forgotten: the sender has started again.
    Restarted { timestamp: i64 },
    /// Its turn is over; this is its timestamp.
    Late { timestamp: i64 },
    /// It is there already.
    Duplicate,
    /// It is not of its codec, or its sequence number is out of all reason.
    Refused,
}

pub(super) struct Queue {
    slots: Box<[Slot]>,
    /// The sequence number that is to be played next.
    pub next: i64,
    highest: i64,
    highest_timestamp: i64,
    waiting: usize,
    /// Packets that will never be played because later ones took their room.
    pub overflowed: u64,
    started: bool,
    /// Whether a packet has been taken since the start: before, an earlier one may still come.
    taken: bool,
    /// The sequence number that would confirm that the sender has started again.
    suspect: Option<u16>,
}

impl Queue {
    pub fn new(capacity: usize) -> Self {
        let slots = (0..capacity.max(8))
            .map(|_| Slot {
                sequence: 0,
                timestamp: 0,
                arrival: 0,
                mode: None,
                codec: Codec::Opus,
                samples: 0,
                lbrr: false,
                filled: false,
                len: 0,
                payload: [0; MAX_PACKET_BYTES],
            })
            .collect();
        Self {
            slots,
            next: 0,
            highest: 0,
            highest_timestamp: 0,
            waiting: 0,
            overflowed: 0,
            started: false,
            taken: false,
            suspect: None,
        }
    }

    pub fn clear(&mut self) {
        for slot in &mut self.slots {
            slot.filled = false;
        }
        self.waiting = 0;
        self.started = false;
        self.taken = false;
        self.suspect = None;
    }

    fn index(&self, sequence: i64) -> usize {
        let capacity = self.slots.len() as i64;
        usize::try_from(sequence.rem_euclid(capacity)).unwrap_or(0)
    }

    pub fn push(&mut self, arrival: i64, packet: &Packet<'_>) -> Pushed {
        let Some(samples) = samples(packet) else {
            return Pushed::Refused;
        };
        if !self.started {
            let timestamp = self.restart(packet);
            self.fill(self.highest, timestamp, arrival, samples, packet);
            return Pushed::Restarted { timestamp };
        }
        let ahead = packet.sequence.wrapping_sub(self.highest as u16);
        let sequence = self.highest + i64::from(ahead.cast_signed());
        let sooner = packet.timestamp.wrapping_sub(self.highest_timestamp as u32);
        let timestamp = self.highest_timestamp + i64::from(sooner.cast_signed());

        let jump = sequence - self.highest;
        if !(-MISORDER_MAX..=DROPOUT_MAX).contains(&jump) {
            // One stray packet must not end a stream; two in a row are a sender that started again.
            if self.suspect != Some(packet.sequence) {
                self.suspect = Some(packet.sequence.wrapping_add(1));
                return Pushed::Refused;
            }
            let timestamp = self.restart(packet);
            self.fill(self.highest, timestamp, arrival, samples, packet);
            return Pushed::Restarted { timestamp };
        }
        self.suspect = None;

        let capacity = self.slots.len() as i64;
        if sequence < self.next {
            if self.taken || self.highest - sequence >= capacity {
                return Pushed::Late { timestamp };
            }
            self.next = sequence;
        }
        while sequence >= self.next + capacity {
            // Too far ahead to hold both ends. When nothing in between waits, skip at once.
            if self.waiting == 0 {
                self.next = sequence;
            } else {
                self.overflowed += self.discard().unsigned_abs();
            }
        }
        let index = self.index(sequence);
        if self.slots.get(index).is_some_and(|slot| slot.filled) {
            return Pushed::Duplicate;
        }
        if sequence > self.highest {
            self.highest = sequence;
            self.highest_timestamp = timestamp;
        }
        self.fill(sequence, timestamp, arrival, samples, packet);
        Pushed::Kept { timestamp }
    }

    fn restart(&mut self, packet: &Packet<'_>) -> i64 {
        self.clear();
        self.started = true;
        self.next = packet.sequence.into();
        self.highest = self.next;
        self.highest_timestamp = packet.timestamp.into();
        self.highest_timestamp
    }

    fn fill(
        &mut self,
        sequence: i64,
        timestamp: i64,
        arrival: i64,
        samples: usize,
        packet: &Packet<'_>,
    ) {
        let index = self.index(sequence);
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let Some(payload) = slot.payload.get_mut(..packet.payload.len()) else {
            return;
        };
        payload.copy_from_slice(packet.payload);
        slot.len = packet.payload.len();
        slot.sequence = sequence;
        slot.timestamp = timestamp;
        slot.arrival = arrival;
        slot.mode = packet.mode;
        slot.codec = packet.codec;
        slot.samples = samples as i64;
        slot.lbrr = packet.codec == Codec::Opus && packet_has_lbrr(packet.payload);
        slot.filled = true;
        self.waiting += 1;
    }

    /// The first packet that waits.
    pub fn head(&self) -> Option<&Slot> {
        if self.waiting == 0 {
            return None;
        }
        (self.next..=self.highest)
            .filter_map(|sequence| self.slots.get(self.index(sequence)))
            .find(|slot| slot.filled)
    }

    /// How many packets wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes the first packet out, and returns how many before it never came. Its slot stays
    /// readable until the next push.
    pub fn take(&mut self) -> Option<(i64, &Slot)> {
        let sequence = self.head()?.sequence;
        let missing = sequence - self.next;
        self.next = sequence + 1;
        self.taken = true;
        self.waiting -= 1;
        let index = self.index(sequence);
        let slot = self.slots.get_mut(index)?;
        slot.filled = false;
        Some((missing, slot))
    }

    /// Throws the first packet away; returns how many will never be played for it.
    pub fn discard(&mut self) -> i64 {
        self.take().map_or(0, |(missing, _)| missing + 1)
    }
}

/// How many samples a packet decodes to; none when it is not what it says.
fn samples(packet: &Packet<'_>) -> Option<usize> {
    match packet.codec {
        Codec::Opus => packet_samples(packet.payload),
        Codec::Pcma | Codec::Pcmu => g711_samples(packet.payload),
        Codec::ComfortNoise => (1..=MAX_PACKET_BYTES)
            .contains(&packet.payload.len())
            .then_some(0),
    }
}
