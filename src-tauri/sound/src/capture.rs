//! From a microphone's callback to frames: a lock-free ring, and when each sample was captured.
//!
//! # When a frame was captured
//! The client stamps each frame with the narrowest mode in force while it was captured (M3), so a wrong
//! time may let speech through: if it is too late, speech from before a widening seems to come after
//! it; if it is too early, speech from after a narrowing seems to come before it.
//! Neither side is the safe one. So the time comes from the delay that the driver reports, not from
//! when a frame happens to be read. It advances as evenly as the
//! samples do: a driver's report lags behind when callbacks come in a burst, so it is trusted at once
//! when it says later, and little by little when it says earlier. And it is never later than when the
//! callback got the sample, which is certain, but for less than [`LATE`]. The remaining doubt is
//! [`UNCERTAINTY`], by which the client widens the frame on both sides.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mix::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};
use rtrb::{Consumer, Producer, RingBuffer};
use voice::Resampler;

/// How far the time of a frame may be off in either direction: the observed error of drivers, and up to
/// 4 ms of delay from resampling and echo cancellation.
pub(crate) const UNCERTAINTY: Duration = Duration::from_millis(10);
/// Sound that may wait to be read. A reader that stalls for longer loses it.
const WAITING_MAX: Duration = Duration::from_millis(500);
/// A greater delay reported by a driver is not believed.
const DELAY_MAX: Duration = Duration::from_millis(500);
/// How many times a second a mark is set.
const MARKS_A_SECOND: u64 = 200;
/// Marks waiting to be read: those of [`WAITING_MAX`], and as many again for bursts.
const MARKS_MAX: usize = 400;
/// If samples are this much later than those before them, the driver lost some in between.
const SEAM: Duration = Duration::from_millis(5);
/// Another mark is set where samples are this much earlier than the last mark says, as when callbacks
/// come in a burst.
const LATE: Duration = Duration::from_micros(500);
/// The share of time by which samples may move back: 2 ms a second, more than clocks differ.
const BACK_SHARE: u32 = 500;
const FRAME: Duration = Duration::from_millis(mix::FRAME_MS);

/// When a sample was captured.
#[derive(Debug, Clone, Copy)]
struct Mark {
    position: u64,
    at: Instant,
}

/// The callback's end.
pub(crate) struct Writer {
    samples: Producer<i16>,
    marks: Producer<Mark>,
    overrun: Arc<AtomicBool>,
    rate_hz: u32,
    position: u64,
    /// When the sample at position 0 would have been captured, had none been lost since.
    origin: Option<Instant>,
    /// The position of the last mark, and the origin by it.
    marked: Option<(u64, Instant)>,
}

/// The reader's end.
pub(crate) struct Reader {
    samples: Consumer<i16>,
    marks: Consumer<Mark>,
    overrun: Arc<AtomicBool>,
    rate_hz: u32,
    resampler: Resampler,
    /// The resampler with silence behind it.
    fresh: Resampler,
    raw: Vec<i16>,
    resampled: Vec<i16>,
    /// Samples taken out of the ring so far.
    position: u64,
    /// Where in the ring's samples frames were counted from, and how many were cut since.
    origin: u64,
    frames: u64,
    mark: Option<Mark>,
}

/// Both ends of a ring for samples of this rate.
///
/// # Errors
/// When there is no resampler from this rate.
pub(crate) fn ring(rate_hz: u32) -> Result<(Writer, Reader), voice::VoiceError> {
    let resampler = Resampler::new(rate_hz, SAMPLE_RATE_HZ)?;
    let waiting = samples_in(WAITING_MAX, rate_hz);
    let (producer, consumer) = RingBuffer::new(waiting);
    let marks_max = MARKS_MAX;
    let (mark_producer, mark_consumer) = RingBuffer::new(marks_max);
    let overrun = Arc::new(AtomicBool::new(false));
    let writer = Writer {
        samples: producer,
        marks: mark_producer,
        overrun: Arc::clone(&overrun),
        rate_hz,
        position: 0,
        origin: None,
        marked: None,
    };
    let reader = Reader {
        samples: consumer,
        marks: mark_consumer,
        overrun,
        rate_hz,
        fresh: resampler.clone(),
        resampler,
        raw: vec![0; waiting],
        resampled: Vec::with_capacity(SAMPLE_RATE_HZ as usize),
        position: 0,
        origin: 0,
        frames: 0,
        mark: None,
    };
    Ok((writer, reader))
}

fn samples_in(duration: Duration, rate_hz: u32) -> usize {
    (duration.as_millis() as u64 * u64::from(rate_hz) / 1000) as usize
}

fn duration_of(samples: u64, rate_hz: u32) -> Duration {
    Duration::from_nanos(samples.saturating_mul(1_000_000_000) / u64::from(rate_hz.max(1)))
}

impl Writer {
    /// Takes `count` samples, the first of which was captured `delay` before `now`, says the driver.
    /// Never waits, and allocates nothing.
    pub(crate) fn write(
        &mut self,
        samples: impl Iterator<Item = i16>,
        count: usize,
        delay: Duration,
        now: Instant,
    ) {
        if count == 0 || self.overrun.load(Ordering::Acquire) {
            return;
        }
        let origin = self.origin_by(count, delay, now);
        let before = self.origin;
        self.origin = Some(origin);
        let due = self.marked.is_none_or(|(position, marked)| {
            self.position - position >= u64::from(self.rate_hz) / MARKS_A_SECOND
                || marked >= origin + LATE
        }) || before.is_some_and(|before| origin > before + SEAM);
        let room = self.samples.slots() >= count && (!due || self.marks.slots() > 0);
        if !room {
            // What waits is old, and a frame must have no seam: the reader starts again.
            self.marked = None;
            self.overrun.store(true, Ordering::Release);
            return;
        }
        if due {
            let mark = Mark {
                position: self.position,
                at: origin + duration_of(self.position, self.rate_hz),
            };
            if self.marks.push(mark).is_ok() {
                self.marked = Some((self.position, origin));
            }
        }
        for sample in samples.take(count) {
            if self.samples.push(sample).is_ok() {
                self.position += 1;
            }
        }
    }

    /// The origin of the samples' time, after another callback.
    fn origin_by(&self, count: usize, delay: Duration, now: Instant) -> Instant {
        let length = duration_of(count as u64, self.rate_hz);
        let before = duration_of(self.position, self.rate_hz);
        let by = |delay: Duration| now.checked_sub(delay + before).unwrap_or(now);
        // The last sample of this callback was captured by now, whatever the driver says.
        let latest = by(length);
        let said = by(delay.clamp(length, DELAY_MAX.max(length)));
        match self.origin {
            Some(origin) if said < origin => {
                let back = (origin - said).min(length / BACK_SHARE);
                (origin - back).min(latest)
            }
            _ => said,
        }
    }
}

impl Reader {
    /// Drops everything that waits.
    pub(crate) fn clear(&mut self) {
        self.take();
        while let Ok(mark) = self.marks.pop() {
            self.mark = Some(mark);
        }
        self.resampler.clone_from(&self.fresh);
        self.resampled.clear();
        self.origin = self.position;
        self.frames = 0;
    }

    /// The next 20 ms captured since `from`, at 48 kHz, if there are so many: returns when their last
    /// sample was captured. Never waits.
    pub(crate) fn read(&mut self, from: Instant, frame: &mut Frame) -> Option<Instant> {
        if self.overrun.load(Ordering::Acquire) {
            self.clear();
            self.mark = None;
            self.overrun.store(false, Ordering::Release);
        }
        let taken = self.take();
        let raw = self.raw.get(..taken).unwrap_or_default();
        self.resampler.process(raw, &mut self.resampled);
        while let Some(cut) = self.resampled.first_chunk::<FRAME_SAMPLES>() {
            *frame = *cut;
            self.resampled.drain(..FRAME_SAMPLES);
            self.frames += 1;
            let start = self.at_frame(self.frames - 1);
            let (end, seam) = self.captured_at(self.at_frame(self.frames))?;
            // A frame with a seam began more than 20 ms before its end: it is left out.
            let whole = seam.is_none_or(|seam| seam <= start);
            if whole && end.checked_sub(FRAME).is_some_and(|start| start >= from) {
                return Some(end);
            }
        }
        None
    }

    /// Moves what waits into `raw`, and returns how much.
    fn take(&mut self) -> usize {
        let (taken, _) = self.samples.pop_partial_slice(&mut self.raw);
        let count = taken.len();
        self.position += count as u64;
        count
    }

    /// Where in the ring's samples this frame begins.
    fn at_frame(&self, frame: u64) -> u64 {
        let samples = frame * FRAME_SAMPLES as u64 * u64::from(self.rate_hz);
        self.origin + samples / u64::from(SAMPLE_RATE_HZ)
    }

    /// When the sample at this position was captured, by the last mark before it, and where samples
    /// were lost since the last call.
    fn captured_at(&mut self, position: u64) -> Option<(Instant, Option<u64>)> {
        let mut seam = None;
        while let Ok(next) = self.marks.peek().copied() {
            if next.position >= position && self.mark.is_some() {
                break;
            }
            if let Some(mark) = self.mark {
                let samples = next.position.saturating_sub(mark.position);
                if next.at > mark.at + duration_of(samples, self.rate_hz) + SEAM {
                    seam = Some(next.position);
                }
            }
            self.mark = self.marks.pop().ok();
        }
        let mark = self.mark?;
        let since = duration_of(position.saturating_sub(mark.position), self.rate_hz);
        Some((mark.at + since, seam))
    }
}

#[cfg(test)]
mod tests;
