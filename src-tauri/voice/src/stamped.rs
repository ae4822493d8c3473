//! The microphone's encoder: each packet goes out with the mode that its samples were captured in.

use mix::{Frame, Mode, SILENCE};

use crate::opus::{Encoder, EncoderSettings, VoiceError};

/// An [`Encoder`] that keeps what was captured in one mode out of the packets of another (rule M3).
///
/// Opus remembers: 6.5 ms of look-ahead, the overlap of its transform, and the copy of the frame
/// before (LBRR). So
/// - at a **widening** the encoder is reset before the first wider frame;
/// - at a **narrowing** the first narrower frame is replaced by one *flush* packet: silence, stamped
///   with the old mode, which carries only the tail of what was captured in it. Then it is reset.
/// - In **Listen** nothing is sent (rule M4): going there sends the flush packet and then no more.
#[derive(Debug)]
pub struct StampedEncoder {
    encoder: Encoder,
    mode: Mode,
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
    /// An encoder that stands on Listen.
    ///
    /// # Errors
    /// [`VoiceError::Settings`] when a setting is out of range.
    pub fn new(settings: &EncoderSettings) -> Result<Self, VoiceError> {
        Ok(Self {
            encoder: Encoder::new(settings)?,
            mode: Mode::Listen,
        })
    }

    /// Encodes a frame captured in `mode`; `None` when nothing is to be sent. Allocates nothing.
    /// Someone who is no coach passes [`Mode::Barge`] always.
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
            let flushed = self.encoder.encode(&SILENCE, out);
            self.encoder.reset();
            return flushed.map(|len| Some(Stamped { mode: before, len }));
        }
        if mode == Mode::Listen {
            return Ok(None);
        }
        if mode > before {
            self.encoder.reset();
            self.mode = mode;
        }
        let len = self.encoder.encode(frame, out)?;
        Ok(Some(Stamped { mode, len }))
    }

    /// Forgets everything heard so far, for a pause in sending (a muted microphone). The receiver
    /// starts afresh too when timestamps jump, so no glitch is heard after it.
    pub fn reset(&mut self) {
        self.encoder.reset();
    }
}
