//! What happens to a microphone's frames before they are encoded: the loudspeaker's echo is
//! cancelled (M6), noise is suppressed, and the level is raised.

use std::fmt;

use mix::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};
use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate,
    NoiseSuppression, Pipeline,
};
use sonora::{AudioProcessing, Config, StreamConfig};

/// WebRTC's audio processing takes 10 ms at a time.
const HALF_SAMPLES: usize = FRAME_SAMPLES / 2;

/// How to process a microphone's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processing {
    /// Removes what the loudspeaker plays.
    pub echo_cancellation: bool,
    /// Reduces steady noise.
    pub noise_suppression: bool,
    /// Raises quiet voices, by a limited gain.
    pub gain_control: bool,
}

impl Default for Processing {
    /// All of it.
    fn default() -> Self {
        Self {
            echo_cancellation: true,
            noise_suppression: true,
            gain_control: true,
        }
    }
}

impl Processing {
    fn config(self) -> Config {
        let on = |wanted: bool| wanted.then_some(());
        Config {
            pipeline: Pipeline {
                maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
                ..Pipeline::default()
            },
            high_pass_filter: on(self.noise_suppression).map(|()| HighPassFilter::default()),
            echo_canceller: on(self.echo_cancellation).map(|()| EchoCanceller::default()),
            noise_suppression: on(self.noise_suppression).map(|()| NoiseSuppression::default()),
            gain_controller2: on(self.gain_control).map(|()| GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            ..Config::default()
        }
    }

    const fn any(self) -> bool {
        self.echo_cancellation || self.noise_suppression || self.gain_control
    }
}

/// The processing of one microphone, with the loudspeaker beside it: WebRTC's AEC3, noise suppression
/// and AGC2, 48 kHz mono.
///
/// Frames are passed as they come: each played one to [`Self::render`], each captured one to
/// [`Self::capture`]. The delay between the two is estimated, up to a few
/// hundred milliseconds. Captured frames come out up to 4 ms late.
pub struct VoiceProcessor {
    processing: Processing,
    engine: AudioProcessing,
    scratch: [i16; HALF_SAMPLES],
}

impl fmt::Debug for VoiceProcessor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VoiceProcessor")
            .field("processing", &self.processing)
            .finish_non_exhaustive()
    }
}

impl VoiceProcessor {
    /// A processor that has heard nothing yet.
    #[must_use]
    pub fn new(processing: Processing) -> Self {
        let mono = StreamConfig::new(SAMPLE_RATE_HZ, 1);
        let engine = AudioProcessing::builder()
            .config(processing.config())
            .capture_config(mono)
            .render_config(mono)
            .build();
        Self {
            processing,
            engine,
            scratch: [0; HALF_SAMPLES],
        }
    }

    /// Changes the processing. What is switched on starts from scratch; the rest goes on.
    pub fn set(&mut self, processing: Processing) {
        if processing != self.processing {
            self.processing = processing;
            self.engine.apply_config(processing.config());
        }
    }

    /// The current processing.
    #[must_use]
    pub const fn processing(&self) -> Processing {
        self.processing
    }

    /// Hears what the loudspeaker plays.
    pub fn render(&mut self, frame: &Frame) {
        if !self.processing.echo_cancellation {
            return;
        }
        for half in frame.as_chunks::<HALF_SAMPLES>().0 {
            let done = self.engine.process_render_i16(half, &mut self.scratch);
            debug_assert!(done.is_ok(), "10 ms of mono is what it was made for");
        }
    }

    /// Processes what the microphone captured, in place.
    pub fn capture(&mut self, frame: &mut Frame) {
        if !self.processing.any() {
            return;
        }
        for half in frame.as_chunks_mut::<HALF_SAMPLES>().0 {
            self.scratch = *half;
            let done = self.engine.process_capture_i16(&self.scratch, half);
            debug_assert!(done.is_ok(), "10 ms of mono is what it was made for");
        }
    }
}
