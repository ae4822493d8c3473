//! How a stream arrives: its order, its jitter, its losses (RFC 3550 A.1, A.3, A.8), and how long the
//! way there and back takes (§6.4.1).

use std::time::Duration;

use super::rtcp::ReportBlock;

/// A jump back of at most this many sequence numbers is a packet that comes late (A.1).
const MISORDER_MAX: i64 = 100;
/// A jump forward of at most this many is loss (A.1).
const DROPOUT_MAX: i64 = 3000;

/// What a packet is to its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// It belongs there; its sequence number, which no longer wraps.
    Valid(i64),
    /// It jumps out of all reason, and only a second one after it would show that the sender began
    /// again.
    Stray,
    /// The sender began again, with this packet.
    Restarted(i64),
}

/// Counts at the start of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interval {
    expected: i64,
    received: i64,
}

/// The statistics of one stream that comes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reception {
    ssrc: u32,
    first: i64,
    highest: i64,
    received: i64,
    started: bool,
    suspect: Option<u16>,
    /// When the last packet came less when it was captured, in the stream's clock.
    transit: Option<(u32, u32)>,
    /// Jitter in 16ths of the stream's clock, and that clock.
    jitter: u32,
    clock_hz: u32,
    reported: Interval,
    last_report: Option<(u32, Duration)>,
}

impl Reception {
    /// The statistics of a stream of which nothing came yet.
    #[must_use]
    pub fn new(ssrc: u32) -> Self {
        Self {
            ssrc,
            ..Self::default()
        }
    }

    /// Takes a packet's sequence number.
    pub fn observe(&mut self, sequence: u16) -> Observed {
        if !self.started {
            self.begin(sequence);
            return Observed::Valid(self.highest);
        }
        let ahead = i64::from(sequence.wrapping_sub(self.highest as u16).cast_signed());
        if !(-MISORDER_MAX..=DROPOUT_MAX).contains(&ahead) {
            if self.suspect != Some(sequence) {
                self.suspect = Some(sequence.wrapping_add(1));
                return Observed::Stray;
            }
            self.begin(sequence);
            return Observed::Restarted(self.highest);
        }
        self.suspect = None;
        self.received += 1;
        let extended = self.highest + ahead;
        self.highest = self.highest.max(extended);
        Observed::Valid(extended)
    }

    fn begin(&mut self, sequence: u16) {
        // Numbers go on upwards, so that none of before is taken for one of now.
        let cycle = if self.started {
            (self.highest | 0xffff) + 1
        } else {
            0
        };
        self.first = cycle + i64::from(sequence);
        self.highest = self.first;
        self.received = 1;
        self.started = true;
        self.suspect = None;
        self.transit = None;
        self.reported = Interval::default();
    }

    /// Takes when a packet with sound was captured, by its own clock, and when it came (A.8).
    pub fn arrived(&mut self, timestamp: u32, clock_hz: u32, arrival: Duration) {
        if clock_hz != self.clock_hz {
            self.clock_hz = clock_hz;
            (self.jitter, self.transit) = (0, None);
        }
        let arrival = arrival.as_micros() * u128::from(clock_hz) / 1_000_000;
        let transit = (arrival as u32).wrapping_sub(timestamp);
        if let Some((before, stamp)) = self.transit {
            // Packets of one moment, and those that come late, tell nothing new.
            if timestamp.wrapping_sub(stamp).cast_signed() <= 0 {
                return;
            }
            let apart = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            // A second is no jitter: the sender's clock jumped.
            if apart < clock_hz {
                self.jitter = self.jitter + apart - ((self.jitter + 8) >> 4);
            }
        }
        self.transit = Some((transit, timestamp));
    }

    /// Whether anything came.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.started
    }

    /// Takes the time of the peer's sender report.
    pub fn reported(&mut self, ntp: u64, arrival: Duration) {
        self.last_report = Some(((ntp >> 16) as u32, arrival));
    }

    /// Interarrival jitter, in milliseconds.
    #[must_use]
    pub fn jitter_ms(&self) -> u32 {
        let jitter = u64::from(self.jitter >> 4) * 1000;
        let clock_hz = u64::from(self.clock_hz.max(1));
        u32::try_from((jitter + clock_hz / 2) / clock_hz).unwrap_or(u32::MAX)
    }

    /// The share that was lost since the interval began, in parts of `whole`; the next one begins.
    pub fn lost_since(&self, interval: &mut Interval, whole: i64) -> i64 {
        let now = Interval {
            expected: self.expected(),
            received: self.received,
        };
        let expected = now.expected - interval.expected;
        let lost = expected - (now.received - interval.received);
        *interval = now;
        if expected <= 0 || lost <= 0 {
            return 0;
        }
        (lost * whole / expected).min(whole)
    }

    fn expected(&self) -> i64 {
        if self.started {
            self.highest - self.first + 1
        } else {
            0
        }
    }

    /// The block of the next report; none before anything came.
    pub fn block(&mut self, now: Duration) -> Option<ReportBlock> {
        if !self.started {
            return None;
        }
        let mut interval = self.reported;
        let fraction = self.lost_since(&mut interval, 256).min(255);
        self.reported = interval;
        let (last_report, since) = match self.last_report {
            Some((middle, came)) => (middle, middle_of(now.saturating_sub(came))),
            None => (0, 0),
        };
        let lost = (self.expected() - self.received).clamp(-0x80_0000, 0x7f_ffff);
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: i32::try_from(lost).unwrap_or(0),
            highest_sequence: self.highest as u32,
            jitter: self.jitter >> 4,
            last_report,
            since_last_report: since,
        })
    }
}

/// A time in 2⁻³² s.
#[must_use]
pub fn ntp(time: Duration) -> u64 {
    let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
    time.as_secs() << 32 | fraction
}

/// The middle 32 bits of a time in 2⁻³² s: 65536ths of a second.
fn middle_of(time: Duration) -> u32 {
    (ntp(time) >> 16) as u32
}

/// How long the way there and back takes, from the peer's block about this side's stream; none when the
/// peer has heard no report yet, or says what cannot be.
#[must_use]
pub fn round_trip(block: &ReportBlock, arrival: Duration) -> Option<Duration> {
    if block.last_report == 0 {
        return None;
    }
    let sent = block.last_report.wrapping_add(block.since_last_report);
    let apart = middle_of(arrival).wrapping_sub(sent).cast_signed();
    // Clocks are read in steps, so that a short way may seem to take less than no time.
    if apart < -655 {
        return None;
    }
    let micros = (u64::from(apart.max(0).cast_unsigned()) * 1_000_000) >> 16;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(20);

    #[test]
    fn sequence_numbers_are_unwrapped_and_losses_counted() {
        let mut reception = Reception::new(7);
        let mut interval = Interval::default();
        assert!(reception.block(TICK).is_none());
        for sequence in [65_533_u16, 65_534, 0, 1, 65_535, 3] {
            let Observed::Valid(_) = reception.observe(sequence) else {
                panic!("{sequence}");
            };
        }
        // Seven were expected, and one is missing.
        assert_eq!(reception.lost_since(&mut interval, 1000), 142);
        let block = reception.block(TICK).unwrap();
        assert_eq!((block.ssrc, block.cumulative_lost), (7, 1));
        assert_eq!(block.fraction_lost, 36);
        assert_eq!(block.highest_sequence, 65_536 + 3);
        // Nothing new, nothing lost.
        assert_eq!(reception.block(TICK).unwrap().fraction_lost, 0);
        assert_eq!(reception.lost_since(&mut interval, 1000), 0);
        // What comes twice makes the sum negative, and no share.
        for _ in 0..3 {
            reception.observe(3);
        }
        let block = reception.block(TICK).unwrap();
        assert_eq!((block.cumulative_lost, block.fraction_lost), (-2, 0));
    }

    #[test]
    fn a_stray_number_is_ignored_and_two_in_a_row_restart() {
        let mut reception = Reception::new(7);
        assert_eq!(reception.observe(10), Observed::Valid(10));
        assert_eq!(reception.observe(30_000), Observed::Stray);
        assert_eq!(reception.observe(11), Observed::Valid(11));
        assert_eq!(reception.observe(30_001), Observed::Stray);
        assert_eq!(reception.observe(30_002), Observed::Restarted(95_538));
        assert_eq!(reception.observe(30_003), Observed::Valid(95_539));
        assert_eq!(reception.block(TICK).unwrap().cumulative_lost, 0);
    }

    #[test]
    fn jitter_is_that_of_rfc_3550() {
        let mut reception = Reception::new(7);
        let at = |tick: u32, late_ms: u64| TICK * tick + Duration::from_millis(late_ms);
        for tick in 0..200 {
            reception.arrived(tick * 160, 8000, at(tick, 0));
        }
        assert_eq!(reception.jitter_ms(), 0);
        // Every second packet is 10 ms late: each is 10 ms nearer or farther than the last.
        for tick in 200..600 {
            reception.arrived(tick * 160, 8000, at(tick, u64::from(tick % 2) * 10));
        }
        assert_eq!(reception.jitter_ms(), 10);
        // Another clock, another count.
        reception.arrived(0, 48_000, at(600, 0));
        assert_eq!(reception.jitter_ms(), 0);
        // A sender whose clock jumps has no jitter.
        reception.arrived(1 << 24, 48_000, at(601, 0));
        assert_eq!(reception.jitter_ms(), 0);
    }

    #[test]
    fn the_round_trip_excludes_the_peers_own_delay() {
        let sent = Duration::from_millis(123_456);
        let mut peer = Reception::new(1);
        peer.observe(1);
        // The peer's clock is another one.
        peer.reported(ntp(sent), Duration::from_millis(500));
        let block = peer.block(Duration::from_millis(3500)).unwrap();
        let back = sent + Duration::from_millis(3000 + 80);
        let round_trip_ms = round_trip(&block, back).unwrap().as_millis();
        assert!((79..=80).contains(&round_trip_ms), "{round_trip_ms}");
        // Answers from before the question are none.
        assert_eq!(round_trip(&block, sent), None);
        let nothing = ReportBlock::default();
        assert_eq!(round_trip(&nothing, back), None);
        // The middle of the time wraps after 18 hours.
        let late = Duration::from_millis(65_536_000 - 10);
        peer.reported(ntp(late), Duration::ZERO);
        let block = peer.block(Duration::from_millis(100)).unwrap();
        let back = late + Duration::from_millis(150);
        let round_trip_ms = round_trip(&block, back).unwrap().as_millis();
        assert!((49..=50).contains(&round_trip_ms), "{round_trip_ms}");
    }
}
