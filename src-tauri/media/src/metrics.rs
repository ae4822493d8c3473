//! Counters and costs of the workers, for `/metrics` and for the benchmarks.
//!
//! Each worker alone writes its own, without locked instructions; anyone may read them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The stages of a tick's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Pulling each speaker's jitter buffer, decoding included.
    Pull,
    /// Mixing.
    Mix,
    /// Encoding each distinct mix, and handing it to the recording and the lead.
    Encode,
    /// Packets to each listener, encryption included.
    Write,
    /// The system calls of one flush.
    Send,
    /// A whole tick of one call, from start to finish.
    Tick,
}

impl Stage {
    /// All of them, in the order of a tick.
    pub const ALL: [Self; 6] = [
        Self::Pull,
        Self::Mix,
        Self::Encode,
        Self::Write,
        Self::Send,
        Self::Tick,
    ];

    /// The stage's name, for labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Mix => "mix",
            Self::Encode => "encode",
            Self::Write => "write",
            Self::Send => "send",
            Self::Tick => "tick",
        }
    }
}

/// A number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        // One writer: a plain load and store lose nothing.
        self.0
            .store(self.get().wrapping_add(count), Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Four buckets to each doubling, from 0 to a little over a second in microseconds.
const BUCKETS: usize = 8 + 4 * 18;

#[derive(Debug)]
struct Histogram {
    buckets: [Counter; BUCKETS],
    count: Counter,
    sum_us: Counter,
    max_us: Counter,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| Counter::default()),
            count: Counter::default(),
            sum_us: Counter::default(),
            max_us: Counter::default(),
        }
    }
}

fn bucket_of(us: u64) -> usize {
    if us < 8 {
        return us as usize;
    }
    let octave = us.ilog2() as usize;
    let quarter = (us >> (octave - 2)) as usize & 3;
    (8 + (octave - 3) * 4 + quarter).min(BUCKETS - 1)
}

/// The largest value that falls into the bucket.
fn bucket_top(bucket: usize) -> u64 {
    if bucket < 8 {
        return bucket as u64;
    }
    let octave = (bucket - 8) / 4 + 3;
    let quarter = ((bucket - 8) % 4) as u64;
    ((4 + quarter + 1) << (octave - 2)) - 1
}

/// What one worker counts.
#[derive(Debug, Default)]
pub(crate) struct WorkerMetrics {
    pub(crate) calls: Counter,
    pub(crate) legs: Counter,
    pub(crate) connections: Counter,
    pub(crate) ticks: Counter,
    pub(crate) ticks_late: Counter,
    pub(crate) ticks_skipped: Counter,
    pub(crate) encodes: Counter,
    pub(crate) encodes_missed: Counter,
    pub(crate) encodes_lbrr: Counter,
    pub(crate) decodes: Counter,
    pub(crate) lost: Counter,
    pub(crate) recovered: Counter,
    pub(crate) concealed: Counter,
    pub(crate) late: Counter,
    pub(crate) refused: Counter,
    pub(crate) packets_in: Counter,
    pub(crate) packets_out: Counter,
    pub(crate) rtp_in: Counter,
    pub(crate) rtp_out: Counter,
    pub(crate) dropped_unknown: Counter,
    pub(crate) dropped_malformed: Counter,
    pub(crate) send_failed: Counter,
    pub(crate) receive_calls: Counter,
    pub(crate) send_calls: Counter,
    pub(crate) wakeups: Counter,
    pub(crate) timeouts: Counter,
    pub(crate) levels_dropped: Counter,
    pub(crate) panics: Counter,
    stages: [Histogram; 6],
    depth_ms: Histogram,
}

impl WorkerMetrics {
    pub(crate) fn record(&self, stage: Stage, spent: Duration) {
        if let Some(histogram) = self.stages.get(stage as usize) {
            histogram.record(u64::try_from(spent.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// How deep a speaking leg's jitter buffer is.
    pub(crate) fn record_depth_ms(&self, depth_ms: u32) {
        self.depth_ms.record(depth_ms.into());
    }
}

impl Histogram {
    fn record(&self, value: u64) {
        if let Some(bucket) = self.buckets.get(bucket_of(value)) {
            bucket.add(1);
        }
        self.count.add(1);
        self.sum_us.add(value);
        if value > self.max_us.get() {
            self.max_us.set(value);
        }
    }
}

/// Percentiles of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread {
    /// The number of measurements.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The median, to within a quarter of an octave.
    pub p50: u64,
    /// The 99th percentile, to within a quarter of an octave.
    pub p99: u64,
    /// The maximum.
    pub max: u64,
}

fn spread<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Spread {
    let mut buckets = [0_u64; BUCKETS];
    let mut spread = Spread::default();
    for histogram in histograms {
        for (sum, bucket) in buckets.iter_mut().zip(&histogram.buckets) {
            *sum += bucket.get();
        }
        spread.sum += histogram.sum_us.get();
        spread.max = spread.max.max(histogram.max_us.get());
    }
    spread.count = buckets.iter().sum();
    let quantile = |share_percent: u64| {
        let rank = (spread.count * share_percent).div_ceil(100);
        let mut seen = 0;
        for (bucket, count) in buckets.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return bucket_top(bucket).min(spread.max);
            }
        }
        0
    };
    (spread.p50, spread.p99) = (quantile(50), quantile(99));
    spread
}

/// Everything the workers have counted since the start, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaMetrics {
    /// Open calls.
    pub calls: u64,
    /// Legs in those calls.
    pub legs: u64,
    /// WebRTC connections, including those still being set up.
    pub connections: u64,
    /// Ticks: one per call every 20 ms.
    pub ticks: u64,
    /// Ticks that finished more than 20 ms after they were due.
    pub ticks_late: u64,
    /// Ticks skipped because the worker was too far behind.
    pub ticks_skipped: u64,
    /// Mixes encoded.
    pub encodes: u64,
    /// Mixes that could not be encoded, for lack of a spare encoder or because libopus refused.
    pub encodes_missed: u64,
    /// Encoded mixes whose packet carries a copy of the frame before it (LBRR), for receivers who lose
    /// packets.
    pub encodes_lbrr: u64,
    /// Frames with sound pulled from jitter buffers.
    pub decodes: u64,
    /// Client packets missing when they were due, including recovered ones.
    pub lost: u64,
    /// Lost packets recovered from the packet after them.
    pub recovered: u64,
    /// Concealed frames.
    pub concealed: u64,
    /// Packets that arrived too late to be played.
    pub late: u64,
    /// Client packets that were not Opus.
    pub refused: u64,
    /// Datagrams received.
    pub packets_in: u64,
    /// Datagrams sent.
    pub packets_out: u64,
    /// Authentic RTP packets from clients.
    pub rtp_in: u64,
    /// RTP packets to clients.
    pub rtp_out: u64,
    /// Datagrams from unknown senders.
    pub dropped_unknown: u64,
    /// Malformed datagrams from the address of a known sender.
    pub dropped_malformed: u64,
    /// Datagrams that the kernel did not accept.
    pub send_failed: u64,
    /// Calls of `recvmmsg`.
    pub receive_calls: u64,
    /// Calls of `sendmmsg`.
    pub send_calls: u64,
    /// How often workers woke up.
    pub wakeups: u64,
    /// Connection timeouts handled.
    pub timeouts: u64,
    /// Level events dropped because no one took them in time.
    pub levels_dropped: u64,
    /// Connections closed after a panic in the WebRTC stack. Anything but 0 is a
    /// bug.
    pub panics: u64,
    /// Cost of [`Stage::Pull`] and so on in microseconds, in the order of [`Stage::ALL`].
    pub stages_us: [Spread; 6],
    /// Depth of the jitter buffers of those who speak, in milliseconds: the time from the arrival of
    /// a packet to the mix, but for the wait for the next tick.
    pub depth_ms: Spread,
}

impl MediaMetrics {
    /// The cost of one stage, in microseconds.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> Spread {
        self.stages_us
            .get(stage as usize)
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn sum<'a>(workers: impl Iterator<Item = &'a WorkerMetrics> + Clone) -> Self {
        let total = |of: fn(&WorkerMetrics) -> &Counter| workers.clone().map(|w| of(w).get()).sum();
        Self {
            calls: total(|w| &w.calls),
            legs: total(|w| &w.legs),
            connections: total(|w| &w.connections),
            ticks: total(|w| &w.ticks),
            ticks_late: total(|w| &w.ticks_late),
            ticks_skipped: total(|w| &w.ticks_skipped),
            encodes: total(|w| &w.encodes),
            encodes_missed: total(|w| &w.encodes_missed),
            encodes_lbrr: total(|w| &w.encodes_lbrr),
            decodes: total(|w| &w.decodes),
            lost: total(|w| &w.lost),
            recovered: total(|w| &w.recovered),
            concealed: total(|w| &w.concealed),
            late: total(|w| &w.late),
            refused: total(|w| &w.refused),
            packets_in: total(|w| &w.packets_in),
            packets_out: total(|w| &w.packets_out),
            rtp_in: total(|w| &w.rtp_in),
            rtp_out: total(|w| &w.rtp_out),
            dropped_unknown: total(|w| &w.dropped_unknown),
            dropped_malformed: total(|w| &w.dropped_malformed),
            send_failed: total(|w| &w.send_failed),
            receive_calls: total(|w| &w.receive_calls),
            send_calls: total(|w| &w.send_calls),
            wakeups: total(|w| &w.wakeups),
            timeouts: total(|w| &w.timeouts),
            levels_dropped: total(|w| &w.levels_dropped),
            panics: total(|w| &w.panics),
            stages_us: std::array::from_fn(|at| {
                spread(workers.clone().filter_map(|w| w.stages.get(at)))
            }),
            depth_ms: spread(workers.clone().map(|w| &w.depth_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_their_tops_say() {
        for us in [0, 1, 7, 8, 9, 15, 16, 100, 1_000, 20_000, 500_000, u64::MAX] {
            let bucket = bucket_of(us);
            assert!(bucket < BUCKETS);
            if bucket + 1 < BUCKETS {
                assert!(us <= bucket_top(bucket), "{us} in {bucket}");
                assert!(
                    bucket == 0 || us > bucket_top(bucket - 1),
                    "{us} in {bucket}"
                );
            }
        }
    }

    #[test]
    fn percentiles_come_out_to_within_a_quarter_octave() {
        let histogram = Histogram::default();
        for us in 1..=1000 {
            histogram.record(us);
        }
        let spread = spread([&histogram].into_iter());
        assert_eq!((spread.count, spread.max), (1000, 1000));
        assert!((500..=640).contains(&spread.p50), "{spread:?}");
        assert!((990..=1000).contains(&spread.p99), "{spread:?}");
    }
}
