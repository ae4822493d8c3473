//! From a microphone's callback to frames: a lock-free ring, and when each sample was captured.
//!
//! # When a frame was captured
//! The client stamps each frame with the narrowest mode in force while it was captured (M3), so a
//! moment that is wrong may let speech through: too late, and what was said before a widening seems
//! to be said after it; too early, and what was said after a narrowing seems to be said before it.
//! Neither side is the safe one. So three things are kept apart. The moment comes from the driver's
//! own account of its delay, not from when a frame happens to be read. It goes on as evenly as the
//! samples do: a driver's account lags behind when callbacks come in a burst, so it is believed at once
//! when it says later, and little by little when it says earlier; and it is never later than when the
//! callback got the sample, which is certain. What remains in doubt is said as [`UNCERTAINTY`], by
//! which the client widens the frame on both sides.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mix::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};
use rtrb::{Consumer, Producer, RingBuffer};
use voice::Resampler;

/// How far the moment of a frame may be off, before and after: what drivers are seen to be wrong by,
/// and up to 4 ms that resampling and echo cancellation delay by.
pub(crate) const UNCERTAINTY: Duration = Duration::from_millis(10);
/// Sound that may wait to be read. A reader that stands still for longer loses what waits.
const WAITING_MAX: Duration = Duration::from_millis(500);
/// A driver that says more than this is not believed.
const DELAY_MAX: Duration = Duration::from_millis(500);
/// One moment is noted for each so many parts of a second.
const MARKS_A_SECOND: u64 = 200;
/// Where samples are so much later than those before them, the driver lost some in between.
const SEAM: Duration = Duration::from_millis(5);
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
    marked: Option<u64>,
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
    let marks_max = MARKS_A_SECOND as usize;
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
    /// Takes `count` samples whose first was captured `delay` before `now`, by the driver's account.
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
        let since = self.marked.map(|marked| self.position - marked);
        let due = since.is_none_or(|since| since >= u64::from(self.rate_hz) / MARKS_A_SECOND)
            || before.is_some_and(|before| origin > before + SEAM);
        let room = self.samples.slots() >= count && (!due || self.marks.slots() > 0);
        if !room {
            // What waits is old, and there must be no seam within a frame: the reader starts anew.
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
                self.marked = Some(self.position);
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
    /// Forgets all that waits.
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

    /// The next 20 ms at 48 kHz of what was captured since `from`, if they are there: when their
    /// last sample was captured. Never waits.
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
            // A frame with a seam in it began earlier than 20 ms before its end: it is left out.
            let whole = seam.is_none_or(|seam| seam <= start);
            if whole && end.checked_sub(FRAME).is_some_and(|start| start >= from) {
                return Some(end);
            }
        }
        None
    }

    /// Takes out what waits, into `raw`: how many.
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
    /// were lost since this was asked the last time.
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
mod tests {
    use super::*;

    /// Feeds `ms` of a ramp in callbacks of these sizes, the callback 3 ms after its last sample.
    struct Feed {
        writer: Writer,
        start: Instant,
        fed: u64,
    }

    impl Feed {
        fn feed(&mut self, count: usize) {
            let end = self.fed + count as u64;
            let rate_hz = self.writer.rate_hz;
            let now = self.start + duration_of(end, rate_hz) + Duration::from_millis(3);
            let delay = duration_of(count as u64, rate_hz) + Duration::from_millis(3);
            let samples = self.fed..end;
            self.writer
                .write(samples.map(|n| n as i16), count, delay, now);
            self.fed = end;
        }
    }

    fn feed(rate_hz: u32) -> (Feed, Reader) {
        let (writer, reader) = ring(rate_hz).expect("a known rate");
        let start = Instant::now() + Duration::from_secs(1);
        let fed = 0;
        (Feed { writer, start, fed }, reader)
    }

    #[test]
    fn callbacks_of_any_size_become_frames_with_the_moment_of_their_last_sample() {
        for rate_hz in [16_000, 44_100, 48_000, 96_000] {
            let (mut feed, mut reader) = feed(rate_hz);
            let mut frame = [0; FRAME_SAMPLES];
            let mut frames = 0_u32;
            for round in 0..2000 {
                feed.feed(1 + round * 37 % 480);
                while let Some(end) = reader.read(feed.start, &mut frame) {
                    frames += 1;
                    let expected = feed.start + FRAME * frames;
                    let off = end.max(expected) - end.min(expected);
                    assert!(off < Duration::from_micros(100), "{rate_hz}: {off:?}");
                }
            }
            let seconds = feed.fed as f64 / f64::from(rate_hz);
            assert!(
                (f64::from(frames) - seconds * 50.0).abs() <= 2.0,
                "{rate_hz}: {frames} in {seconds}"
            );
        }
    }

    #[test]
    fn at_its_own_rate_nothing_is_lost_or_changed() {
        let (mut feed, mut reader) = feed(48_000);
        let mut frame = [0; FRAME_SAMPLES];
        feed.feed(100);
        assert_eq!(reader.read(feed.start, &mut frame), None);
        feed.feed(860);
        assert!(reader.read(feed.start, &mut frame).is_some());
        assert!(frame.iter().zip(0..).all(|(sample, n)| *sample == n));
    }

    #[test]
    fn m4_nothing_that_was_captured_before_the_opening_is_read() {
        let (mut feed, mut reader) = feed(48_000);
        let mut frame = [0; FRAME_SAMPLES];
        for _ in 0..10 {
            feed.feed(480);
        }
        let opened = feed.start + Duration::from_millis(70);
        let end = reader.read(opened, &mut frame).expect("one is whole");
        assert_eq!(end, feed.start + Duration::from_millis(100));
        assert_eq!(frame[0], 80 * 48);
    }

    #[test]
    fn m3_a_driver_that_denies_its_delay_is_not_believed_beyond_the_callback() {
        let (mut writer, mut reader) = ring(48_000).expect("a known rate");
        let now = Instant::now() + Duration::from_secs(1);
        writer.write(std::iter::repeat_n(5, 960), 960, Duration::ZERO, now);
        let mut frame = [0; FRAME_SAMPLES];
        let from = now - Duration::from_secs(1);
        assert_eq!(reader.read(from, &mut frame), Some(now));
    }

    #[test]
    fn m3_callbacks_in_a_burst_do_not_move_the_moment_although_the_driver_says_so() {
        let (mut writer, mut reader) = ring(48_000).expect("a known rate");
        let start = Instant::now() + Duration::from_secs(1);
        let mut frame = [0; FRAME_SAMPLES];
        let mut frames = 0;
        let ten_ms = Duration::from_millis(10);
        for round in 0..100_u32 {
            // Each tenth round brings what the nine before should have, and the driver says of each
            // callback what is true of the first.
            let (callbacks, of) = if round % 20 < 10 {
                (1, round)
            } else if round % 20 == 19 {
                (10, round - 9)
            } else {
                continue;
            };
            let now = start + ten_ms * (round + 1);
            for _ in 0..callbacks {
                let delay = now - (start + ten_ms * of);
                writer.write(std::iter::repeat_n(5, 480), 480, delay, now);
            }
            while let Some(end) = reader.read(start, &mut frame) {
                frames += 1;
                let expected = start + FRAME * frames;
                let off = end.max(expected) - end.min(expected);
                assert!(off < UNCERTAINTY / 2, "{off:?} at {frames}");
            }
        }
        assert_eq!(frames, 50);
    }

    #[test]
    fn m3_after_samples_that_the_driver_lost_the_moment_is_right_again() {
        let (mut feed, mut reader) = feed(48_000);
        let mut frame = [0; FRAME_SAMPLES];
        for _ in 0..4 {
            feed.feed(480);
        }
        while reader.read(feed.start, &mut frame).is_some() {}
        // 100 ms never come.
        feed.fed += 4800;
        for _ in 0..4 {
            feed.feed(480);
        }
        let expected = feed.start + Duration::from_millis(40 + 100 + 20);
        assert_eq!(reader.read(feed.start, &mut frame), Some(expected));
        // And now they are lost in the middle of a frame, which is left out.
        feed.feed(480);
        feed.fed += 4800;
        for _ in 0..3 {
            feed.feed(480);
        }
        let ends: Vec<_> = std::iter::from_fn(|| reader.read(feed.start, &mut frame)).collect();
        assert_eq!(
            ends,
            [
                expected + FRAME,
                expected + FRAME * 3 + Duration::from_millis(100)
            ]
        );
    }

    #[test]
    fn a_reader_that_stood_still_starts_anew_without_a_seam_in_a_frame() {
        let (mut feed, mut reader) = feed(48_000);
        let mut frame = [0; FRAME_SAMPLES];
        for _ in 0..333 {
            feed.feed(479);
        }
        assert_eq!(reader.read(feed.start, &mut frame), None, "too old");
        let resumed = feed.fed;
        for _ in 0..4 {
            feed.feed(480);
        }
        for n in 1..=2 {
            let end = reader.read(feed.start, &mut frame).expect("whole");
            let expected = feed.start + duration_of(resumed, 48_000) + FRAME * n;
            let off = end.max(expected) - end.min(expected);
            assert!(off < Duration::from_micros(10), "{off:?}");
            let first = resumed + u64::from(n - 1) * 960;
            assert!(frame.iter().zip(first..).all(|(s, n)| *s == n as i16));
        }
    }
}
