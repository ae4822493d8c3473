//! The jitter buffer: packets in as they come, one 20 ms frame out at every tick.
//!
//! Each output frame is labelled with the mode that all of its samples were captured in (rule M3):
//! - The decoders are reset whenever the mode changes, so their memory never carries one mode's
//!   samples into another's. (The sender resets its encoder at the same place.)
//! - Decoded samples wait in a [`Fifo`] of one mode only. Where the mode changes, what is left there
//!   is played first, padded with a faded tail, and time scaling never reaches across.
//! - A recovered or concealed frame gets the narrowest of its neighbours: what was played before it,
//!   and what waits after it. A stamped and an unstamped neighbour make it [`Mode::Listen`], since an
//!   unstamped frame may have been captured in any mode.
//!
//! Each packet is decoded by its own codec. Where that changes in the middle of a stream, the old
//! decoder conceals for a moment and fades into the new one. Comfort noise has no duration of its own:
//! it lasts until the next packet is due.

mod clock;
mod conceal;
mod decoders;
mod delay;
mod fifo;
mod loss;
mod noise;
mod queue;
mod stretch;
mod types;

use std::time::Duration;

use mix::{FRAME_MS, FRAME_SAMPLES, Frame, Mode, SILENCE};

use crate::opus::{PACKET_SAMPLES_MAX, VoiceError};
use clock::{TickClock, to_samples};
use decoders::{Decoders, RATIO};
use delay::{Delay, Depth};
use fifo::Fifo;
use loss::Loss;
use queue::{Pushed, Queue};
use types::{FRAME, SAMPLES_PER_MS, Step, narrowest};

pub use types::{Codec, JitterSettings, JitterStats, Kind, Packet, Pulled};

/// Packets that fit beyond the deepest depth.
const SPARE_PACKETS: usize = 32;
/// What an encoder looks ahead: 6.5 ms, with which a stream begins.
const LOOK_AHEAD: usize = 312;
/// The depth must be this much too deep before it shrinks, and this much too shallow before it grows.
const SHRINK_SLACK: i64 = 10 * SAMPLES_PER_MS;
const GROW_SLACK: i64 = SAMPLES_PER_MS;
/// How long comfort noise goes on until a packet must be due: 2 s.
const PAUSE_MAX: i64 = 2000 * SAMPLES_PER_MS;
/// Decoding steps in one pull: enough for a frame from packets of 2.5 ms, and for a change of plan.
const STEPS_MAX: usize = 12;

/// One stream's jitter buffer. Allocates nothing after [`JitterBuffer::new`].
pub struct JitterBuffer {
    settings: JitterSettings,
    recovers: bool,
    decoders: Decoders,
    queue: Queue,
    delay: Delay,
    clock: TickClock,
    fifo: Fifo,
    scratch: Box<[i16; PACKET_SAMPLES_MAX]>,
    out: Frame,
    playing: bool,
    /// The timestamp that the next decoded sample should have.
    expected: i64,
    /// Samples made up while nothing was there, which stand for a lost packet or for a late one:
    /// which of the two shows with the next packet.
    waited: i64,
    /// Samples made up since the last packet.
    concealed_run: i64,
    /// In a pause of comfort noise: how many samples of it were played since the last packet.
    pause: Option<i64>,
    /// How long the packet decoded last was.
    packet_samples: i64,
    /// The mode of the packet decoded last, and the label of what was played last.
    decoded_mode: Option<Mode>,
    label: Option<Mode>,
    loss: Loss,
    /// Samples that may still hold what was captured before the decoders were reset.
    unsure: usize,
    stats: JitterStats,
}

impl JitterBuffer {
    /// An empty buffer.
    ///
    /// # Errors
    /// [`VoiceError::Settings`] when a setting is out of range, [`VoiceError::Codec`] when libopus
    /// refuses.
    pub fn new(settings: JitterSettings) -> Result<Self, VoiceError> {
        settings.check()?;
        let packets = u64::from(settings.depth_max_ms) / FRAME_MS;
        Ok(Self {
            settings,
            recovers: true,
            decoders: Decoders::new()?,
            queue: Queue::new(SPARE_PACKETS + usize::try_from(packets).unwrap_or(0)),
            delay: Delay::new(),
            clock: TickClock::new(),
            fifo: Fifo::new(),
            scratch: Box::new([0; PACKET_SAMPLES_MAX]),
            out: SILENCE,
            playing: false,
            expected: 0,
            waited: 0,
            concealed_run: 0,
            pause: None,
            packet_samples: 0,
            decoded_mode: None,
            label: None,
            loss: Loss::default(),
            unsure: LOOK_AHEAD,
            stats: JitterStats::default(),
        })
    }

    /// Takes a packet that came at `now`. Duplicates, late packets and garbage are dropped and
    /// counted. `now` may stand still, and counts from any start.
    pub fn push(&mut self, now: Duration, packet: &Packet<'_>) {
        let arrival = to_samples(now);
        let pushed = self.queue.push(arrival, packet);
        self.stats.lost += std::mem::take(&mut self.queue.overflowed);
        // A pause is told of as it begins, other sound when it is over: that would look like delay.
        let times = packet.codec != Codec::ComfortNoise;
        match pushed {
            Pushed::Kept { timestamp } => {
                self.stats.received += 1;
                if times {
                    self.delay.observe(arrival, timestamp);
                }
            }
            Pushed::Restarted { timestamp } => {
                self.stats.received += 1;
                self.stop();
                self.begin();
                self.delay.reset();
                self.delay.observe(arrival, timestamp);
            }
            Pushed::Late { timestamp } => {
                self.stats.late += 1;
                // It was not lost after all, and the depth should have been greater.
                self.loss.forgive();
                if times {
                    self.delay.observe(arrival, timestamp);
                }
            }
            Pushed::Duplicate => {}
            Pushed::Refused => self.stats.refused += 1,
        }
    }

    /// The next 20 ms. To be called once a tick.
    pub fn pull(&mut self, now: Duration) -> Pulled<'_> {
        let now = to_samples(now);
        self.clock.tick(now);
        let mut kind = self.fifo.kind();
        // A frame holds samples of one mode. When what comes next is of another, the rest of the
        // present one is played alone.
        let mut padded = false;
        for _ in 0..STEPS_MAX {
            if self.fifo.len() >= FRAME_SAMPLES {
                break;
            }
            let step = self.plan(now);
            let label = self.label_of(&step);
            if self.fifo.len() > 0 && (matches!(step, Step::Idle) || label != self.fifo.mode()) {
                padded = true;
                break;
            }
            match step {
                Step::Idle => break,
                Step::Decode => self.decode(label),
                Step::Recover => self.recover(label),
                Step::Conceal { samples, lost } => self.conceal(label, samples, lost),
                Step::Noise { samples } => self.play_noise(label, samples),
            }
            kind = kind.max(self.fifo.kind());
        }
        if !padded && self.fifo.len() >= FRAME_SAMPLES {
            self.scale(now);
            kind = kind.max(self.fifo.kind());
        }
        if self.fifo.len() == 0 {
            self.out = SILENCE;
            return Pulled {
                frame: &self.out,
                kind: Kind::Idle,
                mode: None,
            };
        }
        let mode = self.fifo.mode();
        self.fifo.play(&mut self.out);
        self.label = mode;
        Pulled {
            frame: &self.out,
            kind,
            mode,
        }
    }

    /// Whether a lost frame is recovered from the copy in the next packet (the default), or concealed. A
    /// copy says nothing of the mode it was captured in: whoever knows that it may be another than its
    /// packet's switches this off (rule M3).
    pub const fn set_recovers(&mut self, recovers: bool) {
        self.recovers = recovers;
    }

    /// Forgets the stream (a new SSRC); the counts go on.
    pub fn reset(&mut self) {
        self.queue.clear();
        self.delay.reset();
        self.clock = TickClock::new();
        self.stop();
        self.fifo.clear();
        self.begin();
        self.decoded_mode = None;
        self.label = None;
        self.loss = Loss::default();
    }

    /// Counts so far, and the present depth.
    #[must_use]
    pub fn stats(&self) -> JitterStats {
        JitterStats {
            depth_ms: u32::try_from(self.target() / SAMPLES_PER_MS).unwrap_or(0),
            jitter_ms: self.delay.jitter_ms(),
            ..self.stats
        }
    }

    fn stop(&mut self) {
        self.playing = false;
        self.waited = 0;
        self.concealed_run = 0;
        self.pause = None;
    }

    /// Forgets what the decoders remember: what comes next begins a stream.
    fn begin(&mut self) {
        self.decoders.reset();
        self.unsure = LOOK_AHEAD;
    }

    fn decode(&mut self, label: Option<Mode>) {
        // A label that differs from the packet's own means that something of another mode, or made
        // up beside one, was played in between.
        let changed = label != self.decoded_mode || label != self.label_now();
        if changed {
            self.begin();
        }
        let Some((missing, slot)) = self.queue.take() else {
            return;
        };
        let samples = usize::try_from(slot.samples).unwrap_or(FRAME_SAMPLES);
        if slot.codec == Codec::ComfortNoise {
            // What was played beyond the start of the pause is part of it.
            self.expected = self.expected.max(slot.timestamp);
            self.pause = Some(0);
        } else {
            self.expected = slot.timestamp + slot.samples;
            self.pause = None;
            self.packet_samples = slot.samples;
        }
        let decoded = self
            .decoders
            .decode(slot.codec, slot.payload(), &mut self.scratch[..]);
        let kind = if decoded.is_ok() {
            Kind::Decoded
        } else {
            Kind::Concealed
        };
        let samples = decoded.unwrap_or(samples);
        if kind == Kind::Concealed {
            // The packet looked like Opus and was not: its time passes in silence.
            self.scratch.fill(0);
            self.begin();
            self.stats.concealed += 1;
        }
        let wave = self.scratch.get_mut(..samples).unwrap_or(&mut []);
        if kind == Kind::Decoded {
            // A client that does not reset its encoder has its look-ahead here, captured in the mode
            // before. One that does has silence here: nothing of it is lost. G.711 has no look-ahead,
            // but what resamples for it remembers less than that.
            let unsure = samples.min(self.unsure);
            if label.is_some() {
                wave.iter_mut().take(unsure).for_each(|sample| *sample = 0);
            }
            self.unsure -= unsure;
        }
        if samples > 0 {
            self.fifo.append(wave, label, kind, 1.0);
        }
        self.decoded_mode = label;
        self.concealed_run = 0;
        self.stats.lost += missing.unsigned_abs();
        self.loss.count(missing);
    }

    fn recover(&mut self, label: Option<Mode>) {
        let Some(head) = self.queue.head() else {
            return;
        };
        let frame = self.scratch.get_mut(..FRAME_SAMPLES).unwrap_or(&mut []);
        let recovered = self.decoders.recover(head.payload(), frame);
        self.expected = head.timestamp;
        if recovered.is_err() {
            frame.fill(0);
        }
        self.fifo.append(frame, label, Kind::Recovered, 1.0);
        self.stats.recovered += 1;
        self.concealed_run = 0;
    }

    fn conceal(&mut self, label: Option<Mode>, samples: i64, lost: bool) {
        let wave = first(&mut self.scratch[..], samples);
        if self.decoders.conceal(wave).is_err() {
            wave.fill(0);
        }
        self.concealed_run += samples;
        // libopus fades by itself at first.
        let whole_max = if self.decoders.is_telephone() { 1 } else { 2 };
        let whole = self.settings.concealed_max.saturating_sub(1).min(whole_max);
        let faded = self.concealed_run as f32 / FRAME as f32 - whole as f32;
        let fades = (self.settings.concealed_max - whole).max(1) as f32;
        let gain = (1.0 - faded / fades).clamp(0.0, 1.0);
        self.fifo.append(wave, label, Kind::Concealed, gain);
        self.stats.concealed += 1;
        if lost {
            self.expected += samples;
        } else {
            self.waited += samples;
        }
    }

    fn play_noise(&mut self, label: Option<Mode>, samples: i64) {
        let wave = first(&mut self.scratch[..], samples);
        self.decoders.fill_with_noise(wave);
        self.fifo.append(wave, label, Kind::Decoded, 1.0);
        self.expected += samples;
        self.pause = self.pause.map(|played| played + samples);
    }

    /// Shortens or lengthens what waits in the fifo when the depth is not what it should be.
    fn scale(&mut self, now: i64) {
        if !self.playing || self.concealed_run > 0 || self.pause.is_some() {
            return;
        }
        // Only now, since the packets of this frame have told what became of those that were missing.
        let depth = self.depth();
        let Depth {
            wanted: target,
            shown,
        } = self.depths();
        if depth + GROW_SLACK < target {
            // When packets have come too late, there is no time to lose. When they only may, the next
            // quiet place is soon enough.
            if depth + GROW_SLACK < shown || self.fifo.is_quiet() {
                self.fifo.lengthen();
            }
        } else if depth - FRAME >= target + SHRINK_SLACK {
            // Shortening leaves less than what the next packet brings, so that must be there.
            let label = self.fifo.mode();
            let step = self.plan(now);
            if matches!(step, Step::Decode) && self.label_of(&step) == label {
                self.decode(label);
                let spare = self.fifo.len().saturating_sub(FRAME_SAMPLES);
                self.fifo.shorten(spare.min(stretch::PERIOD_MAX));
            }
        } else if depth >= target {
            // What is left over after this frame, but gives no later packet more time, is delay without
            // use.
            let left = self.fifo.len() - FRAME_SAMPLES;
            self.fifo.shorten(left % self.grain());
        }
    }
}

/// What to do for the next samples: decode, recover, conceal, play noise or wait.
impl JitterBuffer {
    /// The depth to aim at, in samples over the fastest packets.
    fn target(&self) -> i64 {
        self.depths().wanted
    }

    /// The depth to aim at, and that which packets have shown to be needed.
    fn depths(&self) -> Depth {
        let least = i64::from(self.settings.depth_min_ms) * SAMPLES_PER_MS;
        let most = i64::from(self.settings.depth_max_ms) * SAMPLES_PER_MS;
        // A telephone sends nothing twice that could be waited for.
        let fec = self.loss.wants_fec() && !self.decoders.is_telephone();
        let floor = if fec { least + FRAME } else { least };
        self.delay.target(fec).within(floor, most)
    }

    /// How long after the fastest packets the next packets are decoded at the soonest, as things stand:
    /// each at the tick at which the samples in the fifo no longer make a frame.
    fn depth(&self) -> i64 {
        let grain = self.grain();
        let waits = (self.fifo.len() / grain * grain + grain) as i64 - FRAME;
        (self.clock.now() + waits - self.expected).saturating_sub(self.delay.least())
    }

    /// Of what waits in the fifo, only multiples of this give a later packet more time. That is a frame, but
    /// less where packets are longer and no whole number of frames: packets of 30 ms are decoded in turn with
    /// nothing and with 10 ms before them.
    fn grain(&self) -> usize {
        let (mut a, mut b) = (self.packet_samples.max(FRAME), FRAME);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        usize::try_from(a).unwrap_or(FRAME_SAMPLES)
    }

    /// Decides the next step, and settles what the packets that wait tell of those that do not.
    fn plan(&mut self, now: i64) -> Step {
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
        let recoverable = self.recovers && head.lbrr && head.samples == FRAME;
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
            // The sender paused, or too much is gone to make it up: start again when it is due.
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
    fn label_of(&self, step: &Step) -> Option<Mode> {
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
    fn label_now(&self) -> Option<Mode> {
        if self.fifo.len() > 0 {
            self.fifo.mode()
        } else {
            self.label
        }
    }
}

/// The first `samples` of `wave`, or all.
fn first(wave: &mut [i16], samples: i64) -> &mut [i16] {
    let len = usize::try_from(samples).unwrap_or(0).min(wave.len());
    &mut wave[..len]
}

impl std::fmt::Debug for JitterBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JitterBuffer")
            .field("settings", &self.settings)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
