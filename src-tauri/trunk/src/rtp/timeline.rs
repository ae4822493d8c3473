//! One timeline for the jitter buffer, whatever clocks and streams a peer changes to.
//!
//! A key looks like a pause and not like loss: its packets stand where sound would, and those that have
//! no place there, as their clock is another one, are taken out of the numbers. Timestamps are of 48 kHz. A new stream, and a new clock, go on where
//! the last one was, by when their first packet came.

use std::time::Duration;

const CLOCK_HZ: u32 = 48_000;
/// Packets whose kind is remembered.
const HISTORY: i64 = 64;
/// The least that a new stream comes after the last one, in samples: a packet of 20 ms.
const STEP: i64 = 960;

/// Where a packet with sound lies on the timeline; both wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its number among the packets with sound.
    pub sequence: u16,
    /// When it was captured, at 48 kHz.
    pub timestamp: u32,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Timeline {
    /// The present stream's clock; none before a stream, and after one.
    clock_hz: Option<u32>,
    /// Where the present stream's packet with the highest number was found, and where it lies.
    highest: i64,
    highest_stamp: u32,
    highest_timestamp: i64,
    highest_arrival: i64,
    has_begun: bool,
    /// What is added to a packet's number; which of the last ones up to `seen` carried keys.
    offset: i64,
    seen: i64,
    keys: u64,
}

impl Timeline {
    /// Another stream begins: its numbers have nothing to do with those of before.
    pub fn change(&mut self) {
        self.clock_hz = None;
    }

    /// Takes a packet of a key: where its pause lies, if it goes by the clock of the sound and is within
    /// a second of it. Otherwise it is taken out.
    pub fn pause(
        &mut self,
        sequence: i64,
        timestamp: u32,
        clock_hz: u32,
        arrival: Duration,
    ) -> Option<Moment> {
        let apart = timestamp.wrapping_sub(self.highest_stamp).cast_signed();
        if self.clock_hz == Some(clock_hz) && apart.unsigned_abs() <= clock_hz {
            return Some(self.place(sequence, timestamp, clock_hz, arrival));
        }
        self.skip(sequence);
        None
    }

    fn skip(&mut self, sequence: i64) {
        if self.clock_hz.is_none() || sequence <= self.highest {
            // Before the first one with sound nothing is counted; and one that comes after later sound
            // was taken for lost already.
            return;
        }
        let ahead = sequence - self.seen;
        if ahead > 0 {
            self.advance(ahead);
            self.keys |= 1;
            self.offset -= 1;
        } else if ahead > -HISTORY && self.keys >> -ahead & 1 == 0 {
            self.keys |= 1 << -ahead;
            self.offset -= 1;
        }
    }

    fn advance(&mut self, ahead: i64) {
        self.keys = if ahead < HISTORY {
            self.keys << ahead
        } else {
            0
        };
        self.seen += ahead;
    }

    /// Takes a packet with sound, by its number, which no longer wraps, its timestamp in its own clock,
    /// and when it came.
    pub fn place(
        &mut self,
        sequence: i64,
        timestamp: u32,
        clock_hz: u32,
        arrival: Duration,
    ) -> Moment {
        let arrival = i64::try_from(arrival.as_micros() * 48 / 1000).unwrap_or(i64::MAX / 4);
        let scale = i64::from(CLOCK_HZ / clock_hz.clamp(1, CLOCK_HZ));
        if self.clock_hz != Some(clock_hz) {
            return self.begin(sequence, timestamp, clock_hz, arrival);
        }
        let apart = timestamp.wrapping_sub(self.highest_stamp).cast_signed();
        let placed = self.highest_timestamp + i64::from(apart) * scale;
        let behind = self.seen - sequence;
        // Keys that were numbered after it are no reason to number it lower.
        let keys_after = if (1..=HISTORY).contains(&behind) {
            let after = self.keys & (u64::MAX >> (HISTORY - behind));
            i64::from(after.count_ones())
        } else {
            0
        };
        if behind < 0 {
            self.advance(-behind);
        }
        if sequence > self.highest {
            self.highest = sequence;
            self.highest_stamp = timestamp;
            self.highest_timestamp = placed;
            self.highest_arrival = arrival;
        }
        Moment {
            sequence: (sequence + self.offset + keys_after) as u16,
            timestamp: placed as u32,
        }
    }

    fn begin(&mut self, sequence: i64, timestamp: u32, clock_hz: u32, arrival: i64) -> Moment {
        let same_stream = self.clock_hz.is_some();
        let waited = (arrival - self.highest_arrival).max(STEP);
        let placed = if self.has_begun {
            self.highest_timestamp + waited
        } else {
            i64::from(timestamp)
        };
        if !same_stream {
            // The next number after the last one of the stream before.
            let last = self.highest + self.offset;
            let next = if self.has_begun { last + 1 } else { sequence };
            self.offset = next - sequence;
            (self.seen, self.keys) = (sequence, 0);
        } else if sequence > self.seen {
            self.advance(sequence - self.seen);
        }
        self.clock_hz = Some(clock_hz);
        self.has_begun = true;
        self.highest = sequence;
        self.highest_stamp = timestamp;
        self.highest_timestamp = placed;
        self.highest_arrival = arrival;
        Moment {
            sequence: (sequence + self.offset) as u16,
            timestamp: placed as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tick: u64) -> Duration {
        Duration::from_millis(20) * tick as u32
    }

    #[test]
    fn timestamps_are_unwrapped_before_they_are_scaled() {
        let mut timeline = Timeline::default();
        let start = u32::MAX - 159;
        let first = timeline.place(65_530, start, 8000, at(0));
        for packet in 1..200_000_u32 {
            let stamp = start.wrapping_add(packet * 160);
            let moment = timeline.place(65_530 + i64::from(packet), stamp, 8000, at(packet.into()));
            assert_eq!(moment.timestamp, first.timestamp.wrapping_add(packet * 960));
            assert_eq!(moment.sequence, first.sequence.wrapping_add(packet as u16));
        }
    }

    #[test]
    fn keys_between_packets_are_not_counted_as_loss() {
        let mut timeline = Timeline::default();
        timeline.skip(0);
        assert_eq!(timeline.place(1, 0, 8000, at(1)).sequence, 1);
        for sequence in [2, 3, 5, 4, 4] {
            timeline.skip(sequence);
        }
        // Seven is lost.
        assert_eq!(timeline.place(8, 1120, 8000, at(8)).sequence, 4);
        assert_eq!(timeline.place(6, 800, 8000, at(8)).sequence, 2);
        assert_eq!(timeline.place(7, 960, 8000, at(8)).sequence, 3);
        // Came before the keys, and arrives after them.
        timeline.skip(10);
        timeline.skip(11);
        assert_eq!(timeline.place(9, 1280, 8000, at(9)).sequence, 5);
        assert_eq!(timeline.place(12, 1760, 8000, at(12)).sequence, 6);
        // A late key was counted as lost.
        timeline.skip(7);
        assert_eq!(timeline.place(13, 1920, 8000, at(13)).sequence, 7);
    }

    #[test]
    fn a_key_is_a_pause_where_it_goes_by_the_clock_of_the_sound() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.pause(0, 0, 8000, at(0)), None);
        let sound = timeline.place(1, 160, 8000, at(1));
        let pause = timeline.pause(2, 320, 8000, at(2)).unwrap();
        assert_eq!(pause.sequence, sound.sequence + 1);
        assert_eq!(pause.timestamp, sound.timestamp + 960);
        let again = timeline.pause(3, 320, 8000, at(3)).unwrap();
        assert_eq!(again.sequence, pause.sequence + 1);
        assert_eq!(again.timestamp, pause.timestamp);
        // Another clock, and a time out of all reason.
        assert_eq!(timeline.pause(4, 320, 48_000, at(4)), None);
        assert_eq!(timeline.pause(5, 0x8000_0000, 8000, at(5)), None);
        let sound = timeline.place(6, 960, 8000, at(6));
        assert_eq!(sound.sequence, again.sequence + 1);
        assert_eq!(sound.timestamp, again.timestamp + 4 * 960);
    }

    #[test]
    fn another_stream_goes_on_where_the_last_one_was() {
        let mut timeline = Timeline::default();
        let last = timeline.place(500, 9600, 8000, at(100));
        timeline.change();
        timeline.skip(7);
        let next = timeline.place(9, 77, 8000, at(103));
        assert_eq!(next.sequence, last.sequence + 1);
        assert_eq!(next.timestamp, last.timestamp + 3 * 960);
        let next = timeline.place(10, 77 + 160, 8000, at(104));
        assert_eq!(next.timestamp, last.timestamp + 4 * 960);
        // Two streams at the same moment are not one over the other.
        timeline.change();
        let other = timeline.place(3, 0, 48_000, at(104));
        assert_eq!(other.timestamp, next.timestamp + 960);
    }

    #[test]
    fn a_change_of_clock_continues_the_same_timeline() {
        let mut timeline = Timeline::default();
        let last = timeline.place(1, 160, 8000, at(1));
        let next = timeline.place(2, 1920, 48_000, at(2));
        assert_eq!(next.sequence, last.sequence + 1);
        assert_eq!(next.timestamp, last.timestamp + 960);
        // One of them is lost, and is known to be.
        let later = timeline.place(4, 3840, 48_000, at(4));
        assert_eq!(later.sequence, next.sequence + 2);
        assert_eq!(later.timestamp, next.timestamp + 1920);
    }
}
