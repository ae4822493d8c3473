//! G.711 (ITU-T G.711, RFC 3551 §4.5.14): a byte a sample at 8 kHz, in either of its two laws.
//!
//! The arithmetic is that of the ITU's own reference (G.191): negative samples are coded by their
//! ones' complement, so that no sample overflows and where two codes are equally near, the two signs
//! part at −½.

use mix::{FRAME_MS, Frame, SAMPLE_RATE_HZ};

use crate::opus::VoiceError;
use crate::resample::Resampler;

/// What telephones sample at.
pub(crate) const TELEPHONE_HZ: u32 = 8_000;

/// The payload of one 20 ms packet in bytes.
pub const G711_PACKET_BYTES: usize = (TELEPHONE_HZ as u64 * FRAME_MS / 1000) as usize;

/// Added to a magnitude before µ-law takes its logarithm (16-bit scale), so that the first segment
/// begins at a power of two.
const MU_BIAS: i32 = 132;
/// The largest magnitude that µ-law tells from larger ones (16-bit scale).
const MU_CLIP: i32 = 32_635;

/// How G.711 compresses a sample into a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// A-law: Europe, and international lines.
    A,
    /// µ-law: North America and Japan.
    Mu,
}

impl Law {
    /// The byte nearest to a sample.
    #[must_use]
    pub const fn encode(self, sample: i16) -> u8 {
        let positive = sample >= 0;
        let magnitude = (if positive { sample } else { !sample }) as i32;
        match self {
            Self::A => {
                // Twelve bits: the first two segments have steps of 16.
                let magnitude = magnitude >> 4;
                let segment = (magnitude >> 4 | 1).ilog2() as i32;
                let code = if segment == 0 {
                    magnitude
                } else {
                    (segment + 1) << 4 | (magnitude >> segment & 0xF)
                };
                let sign = if positive { 0x80 } else { 0 };
                (code as u8 | sign) ^ 0x55
            }
            Self::Mu => {
                let clipped = if magnitude > MU_CLIP {
                    MU_CLIP
                } else {
                    magnitude
                };
                let biased = clipped + MU_BIAS;
                let segment = biased.ilog2() as i32 - 7;
                let code = segment << 4 | (biased >> (segment + 3) & 0xF);
                let sign = if positive { 0 } else { 0x80 };
                !(code as u8 | sign)
            }
        }
    }

    /// The sample that a byte stands for.
    #[must_use]
    pub const fn decode(self, byte: u8) -> i16 {
        match self {
            Self::A => {
                let code = byte ^ 0x55;
                let segment = (code >> 4 & 7) as i16;
                let step = ((code & 0xF) as i16) << 4;
                let magnitude = if segment == 0 {
                    step + 8
                } else {
                    (step + 0x108) << (segment - 1)
                };
                if code & 0x80 != 0 {
                    magnitude
                } else {
                    -magnitude
                }
            }
            Self::Mu => {
                let code = !byte;
                let segment = (code >> 4 & 7) as i32;
                let step = ((code & 0xF) as i32) << 3;
                let magnitude = ((step + MU_BIAS) << segment) - MU_BIAS;
                if code & 0x80 == 0 {
                    magnitude as i16
                } else {
                    -magnitude as i16
                }
            }
        }
    }
}

/// Encodes one stream for a telephone: 20 ms frames at 48 kHz into G.711.
#[derive(Debug, Clone)]
pub struct G711Encoder {
    law: Law,
    resampler: Resampler,
    narrow: Vec<i16>,
}

impl G711Encoder {
    /// An encoder that has heard nothing.
    ///
    /// # Errors
    /// [`VoiceError::Settings`] when the rates have no ratio that the resampler takes; they do.
    pub fn new(law: Law) -> Result<Self, VoiceError> {
        let mut resampler = Resampler::new(SAMPLE_RATE_HZ, TELEPHONE_HZ)?;
        resampler.reserve(mix::FRAME_SAMPLES);
        Ok(Self {
            law,
            resampler,
            narrow: Vec::with_capacity(G711_PACKET_BYTES),
        })
    }

    /// The law it encodes in.
    #[must_use]
    pub const fn law(&self) -> Law {
        self.law
    }

    /// Goes on in another law, without a gap: what was heard stays.
    pub const fn set_law(&mut self, law: Law) {
        self.law = law;
    }

    /// Encodes one frame, which comes out 1.5 ms later. Allocates nothing.
    pub fn encode(&mut self, frame: &Frame) -> [u8; G711_PACKET_BYTES] {
        self.narrow.clear();
        self.resampler.process(frame, &mut self.narrow);
        let mut packet = [self.law.encode(0); G711_PACKET_BYTES];
        for (byte, sample) in packet.iter_mut().zip(&self.narrow) {
            *byte = self.law.encode(*sample);
        }
        packet
    }

    /// Forgets everything heard so far. The next packet holds nothing of the past.
    pub fn reset(&mut self) {
        self.resampler.reset();
    }
}

#[cfg(test)]
mod tests;
