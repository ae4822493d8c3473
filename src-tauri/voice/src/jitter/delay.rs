//! How late packets come, and how deep the buffer must be for that. All times are in samples.

use super::types::{FRAME, SAMPLES_PER_MS};

const BIN_SAMPLES: i64 = 2 * SAMPLES_PER_MS;
const BINS: usize = 128;
/// The share of packets that may come too late.
const LATE_SHARE: f32 = 0.006;
/// The share of packets that may come too late to stand in for the one before them.
const LATE_SHARE_FEC: f32 = 0.03;
/// How many standard deviations over the mean a packet may come: a few packets tell this sooner than
/// they tell the share of the latest.
const LATE_DEVIATIONS: f32 = 2.8;
/// The histogram forgets over about this many packets (8 s).
const MEMORY_PACKETS: u32 = 400;
/// The least delay is taken from this many packets and as many before (20 to 40 s): long enough to
/// outlast a jam, short enough to follow two clocks that drift apart by 50 ppm.
const WINDOW_PACKETS: u32 = 1000;
/// A delay that differs by more is another clock, not a delay.
const CLOCK_JUMP: i64 = 2000 * SAMPLES_PER_MS;

/// The distribution of the delay of packets over that of the fastest of late.
pub(super) struct Delay {
    /// Shares of packets by their delay over `origin`; they sum to 1.
    bins: [f32; BINS],
    origin: i64,
    window_min: i64,
    window_before_min: i64,
    window_packets: u32,
    packets: u32,
    last: i64,
    /// Interarrival jitter as RFC 3550 §6.4.1 estimates it.
    jitter: f32,
    depth: Depth,
    depth_fec: Depth,
}

/// How deep the buffer should be, in samples over the fastest packets.
#[derive(Clone, Copy, Default)]
pub(super) struct Depth {
    /// The depth to aim at.
    pub wanted: i64,
    /// As much of it as packets have needed already. The rest is only what their spread suggests.
    pub shown: i64,
}

impl Depth {
    fn at_least(self, depth: i64) -> Self {
        self.map(|own| own.max(depth))
    }

    /// The same within bounds.
    pub fn within(self, least: i64, most: i64) -> Self {
        self.at_least(least).map(|own| own.min(most))
    }

    fn map(self, bound: impl Fn(i64) -> i64) -> Self {
        Self {
            wanted: bound(self.wanted),
            shown: bound(self.shown),
        }
    }
}

impl Delay {
    pub fn new() -> Self {
        Self {
            bins: [0.0; BINS],
            origin: 0,
            window_min: i64::MAX,
            window_before_min: i64::MAX,
            window_packets: 0,
            packets: 0,
            last: 0,
            jitter: 0.0,
            depth: Depth::default(),
            depth_fec: Depth::default(),
        }
    }

    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Arrival minus timestamp of the fastest packets.
    pub fn least(&self) -> i64 {
        self.window_min.min(self.window_before_min)
    }

    pub fn jitter_ms(&self) -> u32 {
        (self.jitter / SAMPLES_PER_MS as f32).round() as u32
    }

    pub fn observe(&mut self, arrival: i64, timestamp: i64) {
        let delay = arrival.saturating_sub(timestamp);
        if self.packets > 0 && delay.abs_diff(self.least()) > CLOCK_JUMP.unsigned_abs() {
            self.reset();
        }
        if self.packets == 0 {
            self.origin = delay;
        } else {
            let step = delay.abs_diff(self.last) as f32;
            self.jitter += (step - self.jitter) / 16.0;
        }
        self.last = delay;
        self.window_min = self.window_min.min(delay);
        self.window_packets += 1;
        if self.window_packets == WINDOW_PACKETS {
            self.window_packets = 0;
            self.window_before_min = self.window_min;
            self.window_min = delay;
        }
        self.follow_origin();

        self.packets = (self.packets + 1).min(MEMORY_PACKETS);
        let weight = 1.0 / self.packets as f32;
        for bin in &mut self.bins {
            *bin *= 1.0 - weight;
        }
        let over = (delay - self.origin).max(0) / BIN_SAMPLES;
        let index = usize::try_from(over).unwrap_or(0).min(BINS - 1);
        if let Some(bin) = self.bins.get_mut(index) {
            *bin += weight;
        }
        self.update_target();
    }

    /// Moves the bins when the fastest packets became faster or slower.
    fn follow_origin(&mut self) {
        let bins = (self.least() - self.origin).div_euclid(BIN_SAMPLES);
        if bins == 0 {
            return;
        }
        self.origin += bins * BIN_SAMPLES;
        let by = usize::try_from(bins.unsigned_abs())
            .unwrap_or(BINS)
            .min(BINS - 1);
        let mut moved = [0.0; BINS];
        for (index, share) in self.bins.iter().enumerate() {
            let target = if bins > 0 {
                index.saturating_sub(by)
            } else {
                (index + by).min(BINS - 1)
            };
            if let Some(bin) = moved.get_mut(target) {
                *bin += share;
            }
        }
        self.bins = moved;
    }

    /// How long after the fastest packets all but `late_share` are there.
    fn quantile(&self, late_share: f32) -> i64 {
        let mut later = 0.0;
        for (index, share) in self.bins.iter().enumerate().rev() {
            later += share;
            if later > late_share {
                return (self.origin - self.least()) + (index as i64 + 1) * BIN_SAMPLES;
            }
        }
        0
    }

    /// How long after the fastest packets a packet is there, by mean and standard deviation.
    fn spread(&self) -> i64 {
        let (mut mean, mut square) = (0.0, 0.0);
        for (index, share) in self.bins.iter().enumerate() {
            let index = index as f32;
            mean += share * index;
            square += share * index * index;
        }
        let deviation = (square - mean * mean).max(0.0).sqrt();
        let bins = (mean + LATE_DEVIATIONS * deviation + 1.0) * BIN_SAMPLES as f32;
        (self.origin - self.least()) + bins as i64
    }

    fn update_target(&mut self) {
        let shown = self.quantile(LATE_SHARE);
        let wanted = shown.max(self.spread());
        self.depth = Depth { wanted, shown };
        self.depth_fec = self.depth.at_least(self.quantile(LATE_SHARE_FEC) + FRAME);
    }

    /// How long after the fastest packet a packet should be played. With `fec` the packet after a
    /// lost one must be there too, which is one frame later.
    pub fn target(&self, fec: bool) -> Depth {
        if fec { self.depth_fec } else { self.depth }
    }
}
