//! What to do for the next samples: decode, recover, conceal, play noise or wait.

use mix::{FRAME_SAMPLES, Mode};

use super::decoders::RATIO;
use super::types::{Step, narrowest};
use super::{FRAME, JitterBuffer, SAMPLES_PER_MS};

/// How long comfort noise goes on until a packet must be due: 2 s.
const PAUSE_MAX: i64 = 2000 * SAMPLES_PER_MS;

impl JitterBuffer {
    /// The depth to aim at, in samples over the fastest packets.
    pub(super) fn target(&self) -> i64 {
        let least = i64::from(self.settings.depth_min_ms) * SAMPLES_PER_MS;
        let most = i64::from(self.settings.depth_max_ms) * SAMPLES_PER_MS;
        // A telephone sends nothing twice that could be waited for.
        let fec = self.loss.wants_fec() && !self.decoders.is_telephone();
        let wanted = self.delay.target(fec);
        let floor = if fec { least + FRAME } else { least };
        wanted.max(floor).min(most)
    }

    /// How long after the fastest packets the next packet is decoded, as things stand: at the tick at
    /// which the samples in the fifo no longer make a frame.
    pub(super) fn depth(&self) -> i64 {
        let frames = (self.fifo.len() / FRAME_SAMPLES) as i64;
        (self.clock.now() + frames * FRAME - self.expected).saturating_sub(self.delay.least())
    }

    /// Decides the next step, and settles what the packets that wait tell of those that do not.
    pub(super) fn plan(&mut self, now: i64) -> Step {
        if !self.playing {
            return self.plan_start(now);
        }
        if let Some(played) = self.pause {
            return self.plan_pause(now, played);
        }
        let concealed_enough = self.concealed_run >= i64::from(self.settings.concealed_max) * FRAME;
        let Some(head) = self.queue.head() else {
            if concealed_enough {
                self.stop();
                return Step::Idle;
            }
            return Step::Conceal {
                samples: FRAME,
                lost: false,
            };
        };
        let missing = head.sequence - self.queue.next;
        let mut gap = head.timestamp - self.expected;
        let recoverable = head.lbrr && head.samples == FRAME;
        if gap > 0 && self.waited > 0 {
            // What was made up stands for what is missing. But when the depth should grow anyway,
            // and the last missing frame can be had, it stands for itself and the depth has grown.
            let keep = gap == FRAME && missing > 0 && recoverable && self.depth() < self.target();
            if !keep {
                let stands_for = gap.min(self.waited);
                self.expected += stands_for;
                gap -= stands_for;
            }
        }
        self.waited = 0;
        if gap <= 0 {
            return Step::Decode;
        }
        if missing == 0 || gap > missing * self.longest(head.samples) + FRAME || concealed_enough {
            // The sender paused, or too much is gone to make it up: start anew when it is due.
            self.stop();
            return if self.fifo.len() > 0 {
                Step::Idle
            } else {
                self.plan_start(now)
            };
        }
        if gap <= FRAME && recoverable {
            return Step::Recover;
        }
        // libopus conceals whole frames, a telephone's sound any sample of 8 kHz.
        let samples = if self.decoders.is_telephone() {
            let ratio = RATIO as i64;
            (gap.min(FRAME) + ratio - 1) / ratio * ratio
        } else {
            FRAME
        };
        Step::Conceal {
            samples,
            lost: true,
        }
    }

    /// How long each missing packet may have been, when the next has so many samples.
    fn longest(&self, samples: i64) -> i64 {
        FRAME.max(samples).max(self.packet_samples)
    }

    /// The next step in a pause of comfort noise, of which so many samples were played.
    fn plan_pause(&mut self, now: i64, played: i64) -> Step {
        let (target, depth) = (self.target(), self.depth());
        if played >= PAUSE_MAX {
            self.stop();
            return Step::Idle;
        }
        let Some(head) = self.queue.head() else {
            return Step::Noise { samples: FRAME };
        };
        let gap = head.timestamp - self.expected;
        let most = i64::from(self.settings.depth_max_ms) * SAMPLES_PER_MS;
        if gap <= 0 || now - head.arrival >= most {
            return Step::Decode;
        }
        // Nothing is lost by a shorter pause when the depth is greater than it should be.
        let shorter = (depth - target).clamp(0, gap);
        self.expected += shorter;
        let samples = (gap - shorter).min(FRAME) / RATIO as i64 * RATIO as i64;
        if samples == 0 {
            return Step::Decode;
        }
        Step::Noise { samples }
    }

    fn plan_start(&mut self, now: i64) -> Step {
        let most = i64::from(self.settings.depth_max_ms) * SAMPLES_PER_MS;
        // What is older than the deepest depth would never be made up for.
        for _ in 0..self.queue.waiting().saturating_sub(1) {
            let Some(head) = self.queue.head() else {
                break;
            };
            if now - head.timestamp - self.delay.least() <= most + FRAME {
                break;
            }
            self.stats.lost += self.queue.discard().unsigned_abs();
        }
        let target = self.target();
        let Some(head) = self.queue.head() else {
            return Step::Idle;
        };
        let due = now - head.timestamp >= self.delay.least() + target;
        if !due && now - head.arrival < most {
            return Step::Idle;
        }
        let missing = head.sequence - self.queue.next;
        let timestamp = head.timestamp;
        let gap = timestamp - self.expected;
        if !(0..=missing * self.longest(head.samples) + FRAME).contains(&gap) {
            // A sender that pauses starts its encoder afresh.
            self.begin();
        }
        self.playing = true;
        self.expected = timestamp;
        self.waited = 0;
        self.concealed_run = 0;
        Step::Decode
    }

    /// The narrowest mode of everything that the samples of a step may come from.
    pub(super) fn label_of(&self, step: &Step) -> Option<Mode> {
        let head = self.queue.head().map(|head| head.mode);
        match step {
            Step::Idle => None,
            Step::Decode => head.flatten(),
            // Nothing in it was captured; it belongs to the packet that told how loud it is.
            Step::Noise { .. } => self.decoded_mode,
            Step::Recover | Step::Conceal { .. } => {
                head.map_or(self.label_now(), |head| narrowest(self.label_now(), head))
            }
        }
    }

    /// The label of the samples before the next ones.
    pub(super) fn label_now(&self) -> Option<Mode> {
        if self.fifo.len() > 0 {
            self.fifo.mode()
        } else {
            self.label
        }
    }
}
