//! The microphone's encoder: each packet carries the mode that its samples were captured in.

use mix::{FRAME_SAMPLES, Frame, Mode, SILENCE};

use crate::opus::{Encoder, EncoderSettings, VoiceError};

/// How many samples the voice fades in and out over at a switch (5 ms), so that it does not click.
const FADE: usize = 240;

/// An [`Encoder`] that keeps what was captured in one mode out of the packets of another (rule M3).
///
/// Opus remembers: 6.5 ms of look-ahead, the overlap of its transform, and the copy of the frame
/// before (LBRR). So
/// - at a **widening** the encoder is reset before the first wider frame, which fades in;
/// - at a **narrowing** the first narrower frame is replaced by one *flush* packet, stamped with the
///   old mode: it fades out from what was captured in that, and carries the tail of it. Then the
///   encoder is reset.
/// - In **Listen** nothing is sent (rule M4): going there sends the flush packet and then no more.
#[derive(Debug)]
pub struct StampedEncoder {
    encoder: Encoder,
    mode: Mode,
    /// The end of the frame encoded last, which was captured in `mode`.
    tail: [i16; FADE],
}

/// A packet that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamped {
    /// The mode that all samples in it were captured in; never [`Mode::Listen`].
    pub mode: Mode,
    /// Its length in bytes, from the start of the output buffer.
    pub len: usize,
}

impl StampedEncoder {
    /// An encoder in Listen.
    ///
    /// # Errors
    /// [`VoiceError::Settings`] when a setting is out of range.
    pub fn new(settings: &EncoderSettings) -> Result<Self, VoiceError> {
        Ok(Self {
            encoder: Encoder::new(settings)?,
            mode: Mode::Listen,
            tail: [0; FADE],
        })
    }

    /// Encodes a frame captured in `mode`; `None` when nothing is to be sent. Allocates nothing.
    /// Anyone who is not a coach always passes [`Mode::Barge`].
    ///
    /// # Errors
    /// [`VoiceError::Codec`] when `out` is too short; [`crate::MAX_PACKET_BYTES`] always suffices.
    pub fn encode(
        &mut self,
        frame: &Frame,
        mode: Mode,
        out: &mut [u8],
    ) -> Result<Option<Stamped>, VoiceError> {
        let before = self.mode;
        if mode < before {
            // The switch has narrowed whether or not the packet fits: never the other way round.
            self.mode = mode;
            let flushed = self.encoder.encode(&faded_out(&self.tail), out);
            self.reset();
            return flushed.map(|len| Some(Stamped { mode: before, len }));
        }
        if mode == Mode::Listen {
            return Ok(None);
        }
        let len = if mode > before {
            self.reset();
            self.mode = mode;
            self.encoder.encode(&faded_in(frame), out)?
        } else {
            self.encoder.encode(frame, out)?
        };
        self.tail.copy_from_slice(&frame[FRAME_SAMPLES - FADE..]);
        Ok(Some(Stamped { mode, len }))
    }

    /// Encodes by other settings from the next frame on. Allocates nothing.
    ///
    /// # Errors
    /// [`VoiceError::Settings`] when a setting is out of range.
    pub fn apply(&mut self, settings: &EncoderSettings) -> Result<(), VoiceError> {
        self.encoder.apply(settings)
    }

    /// Forgets everything heard so far, for a pause in sending (a muted microphone). The receiver
    /// starts over too when timestamps jump, so there is no glitch afterwards.
    pub fn reset(&mut self) {
        self.encoder.reset();
        self.tail.fill(0);
    }
}

/// A frame that goes on from `tail` by its mirror image and fades away.
fn faded_out(tail: &[i16; FADE]) -> Frame {
    let mut frame = SILENCE;
    for (step, (out, &sample)) in frame.iter_mut().zip(tail.iter().rev()).enumerate() {
        *out = scaled(sample, FADE - 1 - step);
    }
    frame
}

/// A frame that starts from silence.
fn faded_in(frame: &Frame) -> Frame {
    let mut frame = *frame;
    for (step, sample) in frame.iter_mut().take(FADE).enumerate() {
        *sample = scaled(*sample, step);
    }
    frame
}

/// `step` parts of [`FADE`] of a sample.
fn scaled(sample: i16, step: usize) -> i16 {
    (i32::from(sample) * step as i32 / FADE as i32) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opus::{Decoder, MAX_PACKET_BYTES};

    const LOUD: Frame = {
        let mut frame = SILENCE;
        let mut n = 0;
        while n < FRAME_SAMPLES {
            // A square wave of 500 Hz.
            frame[n] = if n / 48 % 2 == 0 { 12_000 } else { -12_000 };
            n += 1;
        }
        frame
    };

    fn encoder() -> StampedEncoder {
        StampedEncoder::new(&EncoderSettings::default()).expect("defaults")
    }

    fn modes(timeline: &[Mode]) -> Vec<Option<Mode>> {
        let mut encoder = encoder();
        let mut out = [0; MAX_PACKET_BYTES];
        timeline
            .iter()
            .map(|&mode| {
                let stamped = encoder.encode(&LOUD, mode, &mut out);
                stamped.expect("room enough").map(|stamped| stamped.mode)
            })
            .collect()
    }

    #[test]
    fn m4_listen_sends_one_flush_and_then_nothing() {
        use Mode::{Barge, Listen, Whisper};
        assert_eq!(
            modes(&[
                Listen, Barge, Barge, Listen, Listen, Whisper, Listen, Listen
            ]),
            [
                None,
                Some(Barge),
                Some(Barge),
                Some(Barge),
                None,
                Some(Whisper),
                Some(Whisper),
                None
            ]
        );
    }

    #[test]
    fn m3_the_first_packet_after_a_narrowing_keeps_the_old_stamp() {
        use Mode::{Barge, Whisper};
        assert_eq!(
            modes(&[Barge, Whisper, Whisper, Barge]),
            [Some(Barge), Some(Barge), Some(Whisper), Some(Barge)]
        );
    }

    #[test]
    fn m3_the_flush_and_the_first_wider_packet_hold_no_whisper() {
        let mut encoder = encoder();
        let mut out = [0; MAX_PACKET_BYTES];
        let mut heard = SILENCE;
        let mut loudest = |encoder: &mut StampedEncoder, frame: &Frame, mode| {
            let stamped = encoder.encode(frame, mode, &mut out).expect("room enough");
            let len = stamped.expect("a packet").len;
            Decoder::new()
                .and_then(|mut decoder| decoder.decode(&out[..len], &mut heard))
                .expect("own packets decode");
            heard.iter().map(|s| s.unsigned_abs()).max()
        };
        for _ in 0..10 {
            loudest(&mut encoder, &LOUD, Mode::Whisper);
        }
        for _ in 0..3 {
            let peak = loudest(&mut encoder, &SILENCE, Mode::Barge);
            assert!(peak <= Some(4), "{peak:?}");
        }
        // The other way round, the flush holds nothing of the frame it stands for.
        let peak = loudest(&mut encoder, &LOUD, Mode::Whisper);
        assert!(peak <= Some(4), "{peak:?}");
    }

    #[test]
    fn a_packet_that_does_not_fit_still_narrows() {
        let mut encoder = encoder();
        let mut out = [0; MAX_PACKET_BYTES];
        assert!(encoder.encode(&LOUD, Mode::Barge, &mut out).is_ok());
        assert!(encoder.encode(&LOUD, Mode::Listen, &mut []).is_err());
        assert_eq!(encoder.encode(&LOUD, Mode::Listen, &mut out), Ok(None));
    }

    #[test]
    fn m5_a_switch_does_not_click() {
        // A tone at its peak where the frames meet, which is the worst place to cut it.
        let peak = 12_000.0;
        let tone: Frame = std::array::from_fn(|n| {
            let phase = std::f64::consts::TAU * 500.0 * n as f64 / 48_000.0;
            (peak * phase.cos()) as i16
        });
        let mut encoder = encoder();
        let mut decoder = Decoder::new().expect("defaults");
        let mut out = [0; MAX_PACKET_BYTES];
        let mut heard = Vec::new();
        for mode in [Mode::Barge; 6].into_iter().chain([Mode::Listen; 2]) {
            let stamped = encoder.encode(&tone, mode, &mut out).expect("room enough");
            if let Some(Stamped { len, .. }) = stamped {
                let mut frame = SILENCE;
                decoder
                    .decode(&out[..len], &mut frame)
                    .expect("own packets");
                heard.extend(frame);
            }
        }
        let steepest = heard
            .windows(2)
            .map(|pair| (f64::from(pair[1]) - f64::from(pair[0])).abs())
            .fold(0.0, f64::max);
        let steepest_of_tone = peak * std::f64::consts::TAU * 500.0 / 48_000.0;
        assert!(
            steepest < 1.3 * steepest_of_tone,
            "{steepest:.0} against {steepest_of_tone:.0}"
        );
    }
}
