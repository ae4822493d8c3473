//! From frames to a loudspeaker's callback: a lock-free ring, kept as empty as possible.

use std::f32::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mix::{Frame, SAMPLE_RATE_HZ};
use rtrb::{Consumer, Producer, RingBuffer};
use voice::Resampler;

/// The size of the ring: more than ever waits in it.
const RING_MS: u32 = 200;
/// A device that takes nothing for this long has stopped.
const STANDSTILL: Duration = Duration::from_millis(300);
const TONE_HZ: f32 = 440.0;
const TONE_MS: u32 = 1000;
/// How long the tone fades in and out, so that it does not click.
const TONE_FADE_MS: u32 = 20;
/// About −20 dBov.
const TONE_AMPLITUDE: f32 = 4600.0;

/// How much sound is kept in reserve for the device: little, and more after it ran dry.
#[derive(Debug)]
struct Reserve {
    ms: u32,
    changed: Option<Instant>,
}

impl Reserve {
    const LEAST_MS: u32 = 15;
    const MOST_MS: u32 = 60;
    const MORE_MS: u32 = 5;
    /// After this long without running dry, the reserve shrinks by a millisecond.
    const CALM: Duration = Duration::from_secs(10);

    const fn new() -> Self {
        Self {
            ms: Self::LEAST_MS,
            changed: None,
        }
    }

    fn ran_dry(&mut self, now: Instant) {
        self.ms = (self.ms + Self::MORE_MS).min(Self::MOST_MS);
        self.changed = Some(now);
    }

    fn went_well(&mut self, now: Instant) {
        let changed = *self.changed.get_or_insert(now);
        if now.saturating_duration_since(changed) >= Self::CALM {
            self.ms = self.ms.saturating_sub(1).max(Self::LEAST_MS);
            self.changed = Some(now);
        }
    }
}

/// What the callback tells, without a lock.
#[derive(Debug, Default)]
struct Counts {
    callbacks: AtomicU32,
    ran_dry: AtomicU32,
}

/// The player's end.
pub(crate) struct Writer {
    samples: Producer<i16>,
    counts: Arc<Counts>,
    rate_hz: u32,
    resampler: Resampler,
    resampled: Vec<i16>,
    reserve: Reserve,
    ran_dry: u32,
    callbacks: u32,
    called_at: Option<Instant>,
}

/// The callback's end.
pub(crate) struct Reader {
    samples: Consumer<i16>,
    counts: Arc<Counts>,
    playing: bool,
    tone: Tone,
}

/// Both ends of a ring to a device of this rate. A tone sounds whenever `tones` increases, and at once
/// when `tone_first`.
///
/// # Errors
/// When there is no resampler to this rate.
pub(crate) fn ring(
    rate_hz: u32,
    tones: Arc<AtomicU32>,
    tone_first: bool,
) -> Result<(Writer, Reader), voice::VoiceError> {
    let resampler = Resampler::new(SAMPLE_RATE_HZ, rate_hz)?;
    let (producer, consumer) = RingBuffer::new((rate_hz * RING_MS / 1000) as usize);
    let counts = Arc::new(Counts::default());
    let writer = Writer {
        samples: producer,
        counts: Arc::clone(&counts),
        rate_hz,
        resampler,
        resampled: Vec::with_capacity(rate_hz as usize / 10),
        reserve: Reserve::new(),
        ran_dry: 0,
        callbacks: 0,
        called_at: None,
    };
    let reader = Reader {
        samples: consumer,
        counts,
        playing: false,
        tone: Tone::new(rate_hz, tones, tone_first),
    };
    Ok((writer, reader))
}

impl Writer {
    /// Whether the device has room for another frame; `None` if it has stopped.
    pub(crate) fn wants(&mut self, now: Instant) -> Option<bool> {
        let callbacks = self.counts.callbacks.load(Ordering::Relaxed);
        let called_at = self.called_at.get_or_insert(now);
        if callbacks != self.callbacks {
            self.callbacks = callbacks;
            *called_at = now;
        } else if now.saturating_duration_since(*called_at) > STANDSTILL {
            return None;
        }
        let ran_dry = self.counts.ran_dry.load(Ordering::Relaxed);
        if ran_dry == self.ran_dry {
            self.reserve.went_well(now);
        } else {
            self.ran_dry = ran_dry;
            self.reserve.ran_dry(now);
        }
        let waiting = self.samples.buffer().capacity() - self.samples.slots();
        Some(waiting < (self.rate_hz * self.reserve.ms / 1000) as usize)
    }

    /// Takes a frame. Whatever does not fit is dropped.
    pub(crate) fn write(&mut self, frame: &Frame) {
        self.resampled.clear();
        self.resampler.process(frame, &mut self.resampled);
        let (_, _left_out) = self.samples.push_partial_slice(&self.resampled);
    }
}

impl Reader {
    /// Begins a callback that asks for this many samples.
    pub(crate) fn begin(&mut self, count: usize) {
        self.counts.callbacks.fetch_add(1, Ordering::Relaxed);
        self.tone.begin();
        let waiting = self.samples.slots();
        let enough = waiting >= count;
        if !enough && (self.playing || waiting > 0) {
            self.counts.ran_dry.fetch_add(1, Ordering::Relaxed);
        }
        self.playing = enough;
    }

    /// The next sample to play, or silence.
    pub(crate) fn next(&mut self) -> i16 {
        let voice = self.samples.pop().unwrap_or(0);
        voice.saturating_add(self.tone.next())
    }
}

/// The test tone: one second, whenever it is asked for.
struct Tone {
    rate_hz: u32,
    asked: Arc<AtomicU32>,
    heard: u32,
    /// Samples until it ends.
    left: u32,
    phase: f32,
}

impl Tone {
    fn new(rate_hz: u32, asked: Arc<AtomicU32>, first: bool) -> Self {
        let heard = asked.load(Ordering::Relaxed);
        let mut tone = Self {
            rate_hz,
            asked,
            heard,
            left: 0,
            phase: 0.0,
        };
        if first {
            tone.start();
        }
        tone
    }

    fn start(&mut self) {
        self.left = self.rate_hz * TONE_MS / 1000;
        self.phase = 0.0;
    }

    fn begin(&mut self) {
        let asked = self.asked.load(Ordering::Relaxed);
        if asked != self.heard {
            self.heard = asked;
            self.start();
        }
    }

    fn next(&mut self) -> i16 {
        if self.left == 0 {
            return 0;
        }
        let fade = (self.rate_hz * TONE_FADE_MS / 1000) as f32;
        let played = (self.rate_hz * TONE_MS / 1000 - self.left) as f32;
        let gain = (played / fade).min(self.left as f32 / fade).min(1.0);
        self.left -= 1;
        self.phase = (self.phase + TAU * TONE_HZ / self.rate_hz as f32) % TAU;
        (self.phase.sin() * gain * TONE_AMPLITUDE) as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mix::{FRAME_MS, FRAME_SAMPLES};

    fn pair(rate_hz: u32) -> (Writer, Reader) {
        ring(rate_hz, Arc::default(), false).expect("a known rate")
    }

    fn callback(reader: &mut Reader, count: usize) -> Vec<i16> {
        reader.begin(count);
        (0..count).map(|_| reader.next()).collect()
    }

    #[test]
    fn a_ring_is_kept_short_and_never_runs_dry_in_time() {
        let (mut writer, mut reader) = pair(48_000);
        let start = Instant::now();
        let mut most = 0;
        for tick in 0..1000_u32 {
            let now = start + Duration::from_millis(10) * tick;
            while writer.wants(now) == Some(true) {
                writer.write(&[7; FRAME_SAMPLES]);
            }
            most = most.max(reader.samples.slots());
            assert!(callback(&mut reader, 480).iter().all(|s| *s == 7));
        }
        assert!(most <= 48 * 30, "{most} samples wait");
    }

    #[test]
    fn a_device_with_large_buffers_gets_a_larger_reserve() {
        let (mut writer, mut reader) = pair(48_000);
        let start = Instant::now();
        let mut dry = 0;
        for tick in 0..2000_u32 {
            let now = start + Duration::from_millis(10) * tick;
            while writer.wants(now) == Some(true) {
                writer.write(&[7; FRAME_SAMPLES]);
            }
            if tick % 4 == 3 && callback(&mut reader, 1920).contains(&0) && tick > 100 {
                dry += 1;
            }
        }
        assert!(dry <= 4, "{dry} of 475 callbacks ran dry");
        assert!(writer.reserve.ms <= Reserve::MOST_MS);
    }

    #[test]
    fn a_device_that_stands_still_is_no_clock() {
        let (mut writer, mut reader) = pair(48_000);
        let start = Instant::now();
        assert_eq!(writer.wants(start), Some(true));
        assert_eq!(writer.wants(start + STANDSTILL * 2), None);
        callback(&mut reader, 480);
        assert_eq!(writer.wants(start + STANDSTILL * 3), Some(true));
    }

    #[test]
    fn frames_come_out_at_the_rate_of_the_device() {
        let (mut writer, mut reader) = pair(44_100);
        for _ in 0..5 {
            writer.write(&[1000; FRAME_SAMPLES]);
        }
        let waiting = reader.samples.slots();
        let expected = 441 * FRAME_MS as usize * 5 / 10;
        assert!(waiting.abs_diff(expected) < 20, "{waiting} for {expected}");
        let played = callback(&mut reader, waiting);
        assert!(played[100..].iter().all(|s| (995..=1005).contains(s)));
    }

    #[test]
    fn the_test_tone_sounds_for_a_second_beside_the_voice() {
        let asked = Arc::new(AtomicU32::new(3));
        let (_writer, mut reader) = ring(48_000, Arc::clone(&asked), false).expect("a known rate");
        assert!(callback(&mut reader, 960).iter().all(|s| *s == 0));
        asked.fetch_add(1, Ordering::Relaxed);
        let heard: Vec<i16> = (0..60).flat_map(|_| callback(&mut reader, 960)).collect();
        assert!(voice::rms(&heard[4800..43_200]) > 3000.0);
        assert!(heard[48_000..].iter().all(|s| *s == 0));
        let steepest = heard.windows(2).map(|w| w[0].abs_diff(w[1])).max();
        assert!(steepest < Some(400), "{steepest:?} is a click");
    }
}
