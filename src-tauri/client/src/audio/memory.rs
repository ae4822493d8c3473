//! Devices of memory: samples, tones, silence; collecting what was heard.

use std::f64::consts::TAU;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mix::{Frame, SAMPLE_RATE_HZ, SILENCE};

use super::clock::FrameClock;
use super::device::{Loudspeaker, Microphone};
use crate::error::ClientError;

/// Samples a [`Collector`] keeps at most: one hour.
const COLLECTED_MAX: usize = 3600 * SAMPLE_RATE_HZ as usize;

/// A microphone that captures given samples, 48 kHz mono. Closed, it stands still: nothing of them
/// is lost.
#[derive(Debug)]
pub struct Samples {
    samples: Arc<[i16]>,
    position: usize,
    repeated: bool,
    clock: FrameClock,
}

impl Samples {
    /// Captures the samples once, and then silence.
    #[must_use]
    pub fn once(samples: impl Into<Arc<[i16]>>) -> Self {
        Self {
            samples: samples.into(),
            position: 0,
            repeated: false,
            clock: FrameClock::default(),
        }
    }

    /// Captures the samples again and again.
    #[must_use]
    pub fn repeated(samples: impl Into<Arc<[i16]>>) -> Self {
        Self {
            repeated: true,
            ..Self::once(samples)
        }
    }
}

impl Microphone for Samples {
    fn open(&mut self, now: Instant) -> Result<(), ClientError> {
        self.clock.start(now);
        Ok(())
    }

    fn close(&mut self) {
        self.clock.stop();
    }

    fn read(&mut self, now: Instant, frame: &mut Frame) -> Option<Instant> {
        let end = self.clock.frame_end(now)?;
        for sample in frame.iter_mut() {
            if self.repeated && self.position >= self.samples.len() {
                self.position = 0;
            }
            *sample = self.samples.get(self.position).copied().unwrap_or(0);
            self.position = self.position.saturating_add(1);
        }
        Some(end)
    }
}

/// A microphone that captures a sine.
#[derive(Debug)]
pub struct Tone {
    step: f64,
    phase: f64,
    amplitude: f64,
    clock: FrameClock,
}

impl Tone {
    /// A sine of this frequency and amplitude, 0 to 32 767.
    #[must_use]
    pub fn new(frequency_hz: f64, amplitude: i16) -> Self {
        Self {
            step: TAU * frequency_hz / f64::from(SAMPLE_RATE_HZ),
            phase: 0.0,
            amplitude: f64::from(amplitude),
            clock: FrameClock::default(),
        }
    }
}

impl Microphone for Tone {
    fn open(&mut self, now: Instant) -> Result<(), ClientError> {
        self.clock.start(now);
        Ok(())
    }

    fn close(&mut self) {
        self.clock.stop();
    }

    fn read(&mut self, now: Instant, frame: &mut Frame) -> Option<Instant> {
        let end = self.clock.frame_end(now)?;
        for sample in frame.iter_mut() {
            *sample = (self.phase.sin() * self.amplitude) as i16;
            self.phase = (self.phase + self.step) % TAU;
        }
        Some(end)
    }
}

/// A microphone in a silent room: open, and silent.
#[derive(Debug, Default)]
pub struct Silence {
    clock: FrameClock,
}

impl Microphone for Silence {
    fn open(&mut self, now: Instant) -> Result<(), ClientError> {
        self.clock.start(now);
        Ok(())
    }

    fn close(&mut self) {
        self.clock.stop();
    }

    fn read(&mut self, now: Instant, frame: &mut Frame) -> Option<Instant> {
        *frame = SILENCE;
        self.clock.frame_end(now)
    }
}

/// A loudspeaker that nobody hears.
#[derive(Debug, Default)]
pub struct Discard {
    clock: PlayClock,
}

impl Loudspeaker for Discard {
    fn wants(&mut self, now: Instant) -> bool {
        self.clock.wants(now)
    }

    fn play(&mut self, _frame: &Frame) {}
}

/// A loudspeaker that keeps what it played, up to one hour. [`Collector::new`] gives it together with
/// what reads it.
#[derive(Debug)]
pub struct Collector {
    samples: Arc<Mutex<Vec<i16>>>,
    clock: PlayClock,
}

/// What a [`Collector`] played. Clones read the same.
#[derive(Debug, Clone)]
pub struct Collected {
    samples: Arc<Mutex<Vec<i16>>>,
}

impl Collector {
    /// A loudspeaker, and what it will have played.
    #[must_use]
    pub fn new() -> (Self, Collected) {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let collected = Collected {
            samples: Arc::clone(&samples),
        };
        let clock = PlayClock::default();
        (Self { samples, clock }, collected)
    }
}

impl Loudspeaker for Collector {
    fn wants(&mut self, now: Instant) -> bool {
        self.clock.wants(now)
    }

    fn play(&mut self, frame: &Frame) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() + frame.len() <= COLLECTED_MAX {
            samples.extend_from_slice(frame);
        }
    }
}

impl Collected {
    /// How many samples were played so far.
    #[must_use]
    pub fn len(&self) -> usize {
        let samples = self.samples.lock();
        samples.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing was played yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that was played from sample `from` on, 48 kHz mono.
    #[must_use]
    pub fn samples_from(&self, from: usize) -> Vec<i16> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.get(from..).unwrap_or_default().to_vec()
    }

    /// Takes out all that was played so far; collecting goes on from there.
    #[must_use]
    pub fn take(&self) -> Vec<i16> {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *samples)
    }
}

/// Wants a frame each 20 ms, from the first time it is asked on.
#[derive(Debug, Default)]
pub struct PlayClock {
    clock: FrameClock,
    started: bool,
}

impl PlayClock {
    pub fn wants(&mut self, now: Instant) -> bool {
        if !self.started {
            self.started = true;
            self.clock.start(now);
        }
        self.clock.frame_end(now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mix::FRAME_SAMPLES;
    use std::time::Duration;

    fn read_at(microphone: &mut dyn Microphone, now: Instant) -> Option<Frame> {
        let mut frame = SILENCE;
        microphone.read(now, &mut frame).map(|_| frame)
    }

    #[test]
    fn a_closed_microphone_gives_nothing_and_loses_nothing() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut samples = vec![1; FRAME_SAMPLES];
        samples.extend([2; FRAME_SAMPLES]);
        let mut microphone = Samples::once(samples);
        assert_eq!(read_at(&mut microphone, at(1000)), None, "never opened");
        microphone.open(at(1000)).unwrap();
        assert_eq!(read_at(&mut microphone, at(1019)), None, "not yet whole");
        assert_eq!(read_at(&mut microphone, at(1020)), Some([1; FRAME_SAMPLES]));
        microphone.close();
        assert_eq!(read_at(&mut microphone, at(2000)), None);
        microphone.open(at(3000)).unwrap();
        assert_eq!(read_at(&mut microphone, at(3020)), Some([2; FRAME_SAMPLES]));
        assert_eq!(read_at(&mut microphone, at(3040)), Some(SILENCE));
    }

    #[test]
    fn what_a_collector_played_is_read_while_it_plays() {
        let (mut collector, collected) = Collector::new();
        collector.play(&[3; FRAME_SAMPLES]);
        assert_eq!(collected.samples_from(FRAME_SAMPLES - 1), [3]);
        assert_eq!(collected.take().len(), FRAME_SAMPLES);
        collector.play(&[4; FRAME_SAMPLES]);
        assert_eq!(collected.samples_from(0), [4; FRAME_SAMPLES]);
        assert!(collected.samples_from(10_000).is_empty());
    }
}
