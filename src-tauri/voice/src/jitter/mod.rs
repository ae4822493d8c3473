//! The jitter buffer: packets in as they come, one 20 ms frame out at every tick.
//!
//! Each output frame is labelled with the mode that all of its samples were captured in (rule M3):
//! - The decoder is reset whenever the mode changes, so its memory never carries one mode's samples
//!   into another's. (The sender resets its encoder at the same place.)
//! - Decoded samples wait in a [`Fifo`] of one mode only. Where the mode changes, what is left there
//!   is played first, padded with a faded tail, and time scaling never reaches across.
//! - A recovered or concealed frame gets the narrowest of its neighbours: what was played before it,
//!   and what waits after it. A stamped and an unstamped neighbour make it [`Mode::Listen`], since an
//!   unstamped frame may have been captured in any mode.

mod clock;
mod delay;
mod fifo;
mod loss;
mod queue;
mod stretch;
mod types;

use std::time::Duration;

use mix::{FRAME_MS, FRAME_SAMPLES, Frame, Mode, SILENCE};

use crate::opus::{Decoder, PACKET_SAMPLES_MAX, VoiceError};
use clock::{TickClock, to_samples};
use delay::Delay;
use fifo::Fifo;
use loss::Loss;
use queue::{Pushed, Queue};

use types::{Step, narrowest};

pub use types::{Codec, JitterSettings, JitterStats, Kind, Packet, Pulled};

const FRAME: i64 = FRAME_SAMPLES as i64;
const SAMPLES_PER_MS: i64 = 48;
/// Packets that fit beyond the deepest depth.
const SPARE_PACKETS: usize = 32;
/// What an encoder looks ahead: 6.5 ms, with which a stream begins.
const LOOK_AHEAD: usize = 312;
/// The depth must be this much too deep before it shrinks, and this much too shallow before it grows.
const SHRINK_SLACK: i64 = 10 * SAMPLES_PER_MS;
const GROW_SLACK: i64 = SAMPLES_PER_MS;
/// Decoding steps in one pull: enough for a frame from packets of 2.5 ms, and for a change of plan.
const STEPS_MAX: usize = 12;

/// One stream's jitter buffer. Allocates nothing after [`JitterBuffer::new`].
pub struct JitterBuffer {
    settings: JitterSettings,
    decoder: Decoder,
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
    concealed_run: u32,
    /// The mode of the packet decoded last, and the label of what was played last.
    decoded_mode: Option<Mode>,
    label: Option<Mode>,
    loss: Loss,
    /// Whether the decoder was reset, and what comes next begins a stream.
    fresh: bool,
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
            decoder: Decoder::new()?,
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
            decoded_mode: None,
            label: None,
            loss: Loss::default(),
            fresh: true,
            stats: JitterStats::default(),
        })
    }

    /// Takes a packet that came at `now`. Duplicates, late packets and garbage are dropped and
    /// counted. `now` may stand still, and counts from any start.
    pub fn push(&mut self, now: Duration, packet: &Packet<'_>) {
        let arrival = to_samples(now);
        let pushed = self.queue.push(arrival, packet);
        self.stats.lost += std::mem::take(&mut self.queue.overflowed);
        match pushed {
            Pushed::Kept { timestamp } => {
                self.stats.received += 1;
                self.delay.observe(arrival, timestamp);
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
                self.delay.observe(arrival, timestamp);
            }
            Pushed::Duplicate => {}
            Pushed::Refused => self.stats.refused += 1,
        }
    }

    /// The next 20 ms. To be called once a tick.
    pub fn pull(&mut self, now: Duration) -> Pulled<'_> {
        let now = to_samples(now);
        self.clock.tick(now);
        let depth_before = self.depth();
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
                Step::Conceal { lost } => self.conceal(label, lost),
            }
            kind = kind.max(self.fifo.kind());
        }
        if !padded && self.fifo.len() >= FRAME_SAMPLES {
            self.scale(now, depth_before);
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
    }

    /// The depth to aim at, in samples over the fastest packets.
    fn target(&self) -> i64 {
        let least = i64::from(self.settings.depth_min_ms) * SAMPLES_PER_MS;
        let most = i64::from(self.settings.depth_max_ms) * SAMPLES_PER_MS;
        let wanted = self.delay.target(self.loss.wants_fec());
        let floor = if self.loss.wants_fec() {
            least + FRAME
        } else {
            least
        };
        wanted.max(floor).min(most)
    }

    /// How long after the fastest packets the next packet is decoded, as things stand: at the tick at
    /// which the samples in the fifo no longer make a frame.
    fn depth(&self) -> i64 {
        let frames = (self.fifo.len() / FRAME_SAMPLES) as i64;
        (self.clock.now() + frames * FRAME - self.expected).saturating_sub(self.delay.least())
    }

    /// Decides the next step, and settles what the packets that wait tell of those that do not.
    fn plan(&mut self, now: i64) -> Step {
        if !self.playing {
            return self.plan_start(now);
        }
        let Some(head) = self.queue.head() else {
            if self.concealed_run >= self.settings.concealed_max {
                self.stop();
                return Step::Idle;
            }
            return Step::Conceal { lost: false };
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
        if missing == 0
            || gap > (missing + 1) * FRAME
            || self.concealed_run >= self.settings.concealed_max
        {
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
        Step::Conceal { lost: true }
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
        if !(0..=(missing + 1) * FRAME).contains(&gap) {
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

    /// Forgets what the decoder remembers: what comes next begins a stream.
    fn begin(&mut self) {
        self.decoder.reset();
        self.fresh = true;
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
        self.expected = slot.timestamp + slot.samples;
        let decoded = self.decoder.decode(slot.payload(), &mut self.scratch[..]);
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
        if self.fresh && label.is_some() && kind == Kind::Decoded {
            // A client that does not reset its encoder has its look-ahead here, captured in the mode
            // before. One that does has silence here: nothing of it is lost.
            let unsure = samples.min(LOOK_AHEAD);
            wave.iter_mut().take(unsure).for_each(|sample| *sample = 0);
        }
        self.fresh = kind == Kind::Concealed;
        self.fifo.append(wave, label, kind, 1.0);
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
        let recovered = self.decoder.recover(head.payload(), frame);
        self.expected = head.timestamp;
        if recovered.is_err() {
            frame.fill(0);
        }
        self.fifo.append(frame, label, Kind::Recovered, 1.0);
        self.stats.recovered += 1;
        self.concealed_run = 0;
    }

    fn conceal(&mut self, label: Option<Mode>, lost: bool) {
        let frame = self.scratch.get_mut(..FRAME_SAMPLES).unwrap_or(&mut []);
        if self.decoder.conceal(frame).is_err() {
            frame.fill(0);
        }
        self.concealed_run += 1;
        let whole = self.settings.concealed_max.saturating_sub(1).min(2);
        let faded = self.concealed_run.saturating_sub(whole) as f32;
        let fades = (self.settings.concealed_max - whole).max(1) as f32;
        let gain = (1.0 - faded / fades).max(0.0);
        self.fifo.append(frame, label, Kind::Concealed, gain);
        self.stats.concealed += 1;
        if lost {
            self.expected += FRAME;
        } else {
            self.waited += FRAME;
        }
    }

    /// Shortens or lengthens what waits in the fifo when the depth is not what it should be.
    fn scale(&mut self, now: i64, depth: i64) {
        if !self.playing || self.concealed_run > 0 {
            return;
        }
        let target = self.target();
        if depth + GROW_SLACK < target {
            self.fifo.lengthen();
        } else if depth - FRAME >= target + SHRINK_SLACK {
            // Shortening leaves less than a frame, so the next packet must be there.
            let label = self.fifo.mode();
            let step = self.plan(now);
            if matches!(step, Step::Decode) && self.label_of(&step) == label {
                self.decode(label);
                self.fifo.shorten(stretch::PERIOD_MAX);
            }
        } else if depth >= target {
            // What is left over after this frame is delay without use.
            self.fifo.shorten(self.fifo.len() - FRAME_SAMPLES);
        }
    }
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
