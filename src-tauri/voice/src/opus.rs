//! Opus (RFC 6716) at 48 kHz mono: one encoder and one decoder, each a flat block of memory.

use std::ffi::c_int;
use std::fmt;

use mix::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};

/// The longest Opus frame in bytes (RFC 6716 §3.2.1): an output buffer of this size always suffices.
pub const MAX_PACKET_BYTES: usize = 1275;

/// The longest Opus packet in samples: 120 ms at 48 kHz.
pub const PACKET_SAMPLES_MAX: usize = 5760;

/// What can go wrong in this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VoiceError {
    /// A setting is out of range; the text names it and its range.
    #[error("setting out of range: {0}")]
    Settings(&'static str),
    /// libopus refused; `code` is one of its negative error codes.
    #[error("opus could not {operation}: error {code}")]
    Codec {
        /// What was asked of it.
        operation: &'static str,
        /// The error code of `opus_defines.h`.
        code: i32,
    },
}

/// The bit rates of [`EncoderSettings::bitrate_bps`].
const BITRATES_BPS: std::ops::RangeInclusive<u32> = 6_000..=128_000;
/// The least bit rate with copies: below it, libopus narrows the band to make room for them
/// (`decide_fec` in its `opus_encoder.c`).
const LBRR_BITRATE_MIN_BPS: u32 = 32_000;
/// The loss that libopus is told when there is any. Up to 5 % it gives up the copies rather than
/// bandwidth; beyond 25 % it no longer changes what it does.
const LBRR_LOSS_MIN_PERCENT: u8 = 10;
const LBRR_LOSS_MAX_PERCENT: u8 = 25;

/// How to encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSettings {
    /// The average bit rate, 6 000 to 128 000.
    pub bitrate_bps: u32,
    /// The complexity, 0 (cheapest) to 10 (best).
    pub complexity: u8,
    /// Whether each packet carries a coarse copy of the frame before it (LBRR, in-band FEC).
    pub fec: bool,
    /// The packet loss to prepare for, 0 to 100. Only above 0 is FEC sent.
    pub expected_loss_percent: u8,
}

impl Default for EncoderSettings {
    /// The settings of a client's microphone.
    fn default() -> Self {
        Self {
            bitrate_bps: 32_000,
            complexity: 10,
            fec: true,
            expected_loss_percent: 15,
        }
    }
}

impl EncoderSettings {
    /// These settings for receivers who lose so many packets, so that libopus really writes copies, and
    /// they sound like what they stand for: what they take is added to the bit rate, within its range. At
    /// 0 the settings stay as they are.
    #[must_use]
    pub fn against_loss(self, lost_percent: u8) -> Self {
        if lost_percent == 0 {
            return self;
        }
        let bitrate_bps = self.bitrate_bps.saturating_mul(2);
        let lost_percent = lost_percent.clamp(LBRR_LOSS_MIN_PERCENT, LBRR_LOSS_MAX_PERCENT);
        Self {
            bitrate_bps: bitrate_bps.clamp(LBRR_BITRATE_MIN_BPS, *BITRATES_BPS.end()),
            fec: true,
            expected_loss_percent: lost_percent.max(self.expected_loss_percent),
            ..self
        }
    }

    fn check(&self) -> Result<(), VoiceError> {
        if !BITRATES_BPS.contains(&self.bitrate_bps) {
            return Err(VoiceError::Settings("bitrate_bps, 6000 to 128000"));
        }
        if self.complexity > 10 {
            return Err(VoiceError::Settings("complexity, 0 to 10"));
        }
        if self.expected_loss_percent > 100 {
            return Err(VoiceError::Settings("expected_loss_percent, 0 to 100"));
        }
        Ok(())
    }
}

/// A state block of libopus: flat, without pointers into itself, aligned for its widest member.
struct Block(Box<[u128]>);

impl Block {
    fn new(size_bytes: c_int) -> Self {
        let bytes = usize::try_from(size_bytes).unwrap_or(0);
        Self(vec![0; bytes.div_ceil(size_of::<u128>())].into_boxed_slice())
    }
}

/// One Opus encoder, 48 kHz mono, 20 ms a packet.
pub struct Encoder {
    state: Block,
    /// What the state was told.
    settings: EncoderSettings,
}

impl Encoder {
    /// An encoder with fresh state.
    ///
    /// # Errors
    /// [`VoiceError::Settings`] when a setting is out of range.
    pub fn new(settings: &EncoderSettings) -> Result<Self, VoiceError> {
        settings.check()?;
        // SAFETY: a pure function of the number of channels.
        #[expect(unsafe_code, reason = "libopus is C")]
        let mut state = Block::new(unsafe { opusic_sys::opus_encoder_get_size(1) });
        // SAFETY: the block is as large as `opus_encoder_get_size` asked for, and aligned.
        #[expect(unsafe_code, reason = "libopus is C")]
        let code = unsafe {
            opusic_sys::opus_encoder_init(
                state.0.as_mut_ptr().cast(),
                SAMPLE_RATE_HZ.cast_signed(),
                1,
                opusic_sys::OPUS_APPLICATION_VOIP,
            )
        };
        check("start an encoder", code)?;
        let mut encoder = Self {
            state,
            settings: *settings,
        };
        encoder.set(
            opusic_sys::OPUS_SET_SIGNAL_REQUEST,
            opusic_sys::OPUS_SIGNAL_VOICE,
        )?;
        encoder.tell(settings)?;
        Ok(encoder)
    }

    /// Encodes by other settings from the next frame on. The stream goes on. Allocates nothing.
    ///
    /// # Errors
    /// [`VoiceError::Settings`] when a setting is out of range.
    pub fn apply(&mut self, settings: &EncoderSettings) -> Result<(), VoiceError> {
        if self.settings != *settings {
            settings.check()?;
            self.tell(settings)?;
            self.settings = *settings;
        }
        Ok(())
    }

    fn tell(&mut self, settings: &EncoderSettings) -> Result<(), VoiceError> {
        self.set(
            opusic_sys::OPUS_SET_BITRATE_REQUEST,
            settings.bitrate_bps.cast_signed(),
        )?;
        self.set(
            opusic_sys::OPUS_SET_COMPLEXITY_REQUEST,
            settings.complexity.into(),
        )?;
        self.set(opusic_sys::OPUS_SET_INBAND_FEC_REQUEST, settings.fec.into())?;
        self.set(
            opusic_sys::OPUS_SET_PACKET_LOSS_PERC_REQUEST,
            settings.expected_loss_percent.into(),
        )
    }

    fn set(&mut self, request: c_int, value: i32) -> Result<(), VoiceError> {
        // SAFETY: the state was initialized by `new`; every request passed here takes one `opus_int32`.
        #[expect(unsafe_code, reason = "libopus is C")]
        let code = unsafe {
            opusic_sys::opus_encoder_ctl(self.state.0.as_mut_ptr().cast(), request, value)
        };
        check("take a setting", code)
    }

    /// Encodes one frame into `out` and returns the length of the packet. Allocates nothing.
    ///
    /// # Errors
    /// [`VoiceError::Codec`] when `out` is too short; [`MAX_PACKET_BYTES`] always suffices.
    pub fn encode(&mut self, frame: &Frame, out: &mut [u8]) -> Result<usize, VoiceError> {
        let room = i32::try_from(out.len().min(MAX_PACKET_BYTES)).unwrap_or(0);
        // SAFETY: the state is initialized, the frame holds `FRAME_SAMPLES` samples, and at most
        // `room` bytes are written, which `out` has.
        #[expect(unsafe_code, reason = "libopus is C")]
        let code = unsafe {
            opusic_sys::opus_encode(
                self.state.0.as_mut_ptr().cast(),
                frame.as_ptr(),
                FRAME_SAMPLES as c_int,
                out.as_mut_ptr(),
                room,
            )
        };
        check("encode", code)?;
        Ok(usize::try_from(code).unwrap_or(0))
    }

    /// Forgets everything heard so far, but keeps the settings. The next packet holds nothing of the past.
    pub fn reset(&mut self) {
        // SAFETY: the state was initialized by `new`; the request takes no argument.
        #[expect(unsafe_code, reason = "libopus is C")]
        let code = unsafe {
            opusic_sys::opus_encoder_ctl(
                self.state.0.as_mut_ptr().cast(),
                opusic_sys::OPUS_RESET_STATE,
            )
        };
        debug_assert_eq!(code, opusic_sys::OPUS_OK, "a reset has no way to fail");
    }

    /// Takes over the whole state of `other`, including its settings, so that a stream that splits off
    /// from another continues without a glitch. Allocates nothing.
    pub fn copy_state_from(&mut self, other: &Encoder) {
        // Both blocks have the same size, that of a mono encoder; libopus documents its states as
        // copyable by a plain copy of memory.
        self.state.0.copy_from_slice(&other.state.0);
        self.settings = other.settings;
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

/// One Opus decoder, 48 kHz mono.
pub struct Decoder {
    state: Block,
}

impl Decoder {
    /// A decoder with fresh state.
    ///
    /// # Errors
    /// [`VoiceError::Codec`] when libopus refuses.
    pub fn new() -> Result<Self, VoiceError> {
        // SAFETY: a pure function of the number of channels.
        #[expect(unsafe_code, reason = "libopus is C")]
        let mut state = Block::new(unsafe { opusic_sys::opus_decoder_get_size(1) });
        // SAFETY: the block is as large as `opus_decoder_get_size` asked for, and aligned.
        #[expect(unsafe_code, reason = "libopus is C")]
        let code = unsafe {
            opusic_sys::opus_decoder_init(
                state.0.as_mut_ptr().cast(),
                SAMPLE_RATE_HZ.cast_signed(),
                1,
            )
        };
        check("start a decoder", code)?;
        Ok(Self { state })
    }

    /// How many samples a packet claims to hold at 48 kHz; 0 if it is not a valid packet.
    #[must_use]
    pub fn samples(packet: &[u8]) -> usize {
        let len = i32::try_from(packet.len()).unwrap_or(0);
        // SAFETY: `packet` points at `len` bytes, which are only read.
        #[expect(unsafe_code, reason = "libopus is C")]
        let count = unsafe {
            opusic_sys::opus_packet_get_nb_samples(
                packet.as_ptr(),
                len,
                SAMPLE_RATE_HZ.cast_signed(),
            )
        };
        usize::try_from(count).unwrap_or(0)
    }

    /// Decodes one packet into `out` and returns the number of samples. Allocates nothing.
    ///
    /// # Errors
    /// [`VoiceError::Codec`] when the packet is not Opus or does not fit.
    pub fn decode(&mut self, packet: &[u8], out: &mut [i16]) -> Result<usize, VoiceError> {
        if packet.is_empty() {
            // libopus takes an empty packet for a lost one.
            return Err(VoiceError::Codec {
                operation: "decode",
                code: opusic_sys::OPUS_INVALID_PACKET,
            });
        }
        self.run(packet, out, false)
    }

    /// Decodes the copy of the frame *before* `packet` that `packet` carries (LBRR). `out` must be
    /// as long as the lost frame. Falls back to concealment when there is no copy.
    ///
    /// # Errors
    /// [`VoiceError::Codec`] when the packet is not Opus.
    pub fn recover(&mut self, packet: &[u8], out: &mut [i16]) -> Result<usize, VoiceError> {
        self.run(packet, out, true)
    }

    /// Fills `out` with a guess at what is missing, from what was heard before.
    ///
    /// # Errors
    /// [`VoiceError::Codec`] when the length of `out` is not a multiple of 2.5 ms.
    pub fn conceal(&mut self, out: &mut [i16]) -> Result<usize, VoiceError> {
        self.run(&[], out, false)
    }

    fn run(&mut self, packet: &[u8], out: &mut [i16], fec: bool) -> Result<usize, VoiceError> {
        let data = if packet.is_empty() {
            std::ptr::null()
        } else {
            packet.as_ptr()
        };
        let room = c_int::try_from(out.len().min(PACKET_SAMPLES_MAX)).unwrap_or(0);
        let len = i32::try_from(packet.len()).unwrap_or(0);
        // SAFETY: the state is initialized, `data` is null or points at `len` bytes, and at most
        // `room` mono samples are written, which `out` has.
        #[expect(unsafe_code, reason = "libopus is C")]
        let code = unsafe {
            opusic_sys::opus_decode(
                self.state.0.as_mut_ptr().cast(),
                data,
                len,
                out.as_mut_ptr(),
                room,
                c_int::from(fec),
            )
        };
        check("decode", code)?;
        Ok(usize::try_from(code).unwrap_or(0))
    }

    /// Forgets everything heard so far.
    pub fn reset(&mut self) {
        // SAFETY: the state was initialized by `new`; the request takes no argument.
        #[expect(unsafe_code, reason = "libopus is C")]
        let code = unsafe {
            opusic_sys::opus_decoder_ctl(
                self.state.0.as_mut_ptr().cast(),
                opusic_sys::OPUS_RESET_STATE,
            )
        };
        debug_assert_eq!(code, opusic_sys::OPUS_OK, "a reset has no way to fail");
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

/// How many samples a packet decodes to, 120 to [`PACKET_SAMPLES_MAX`]; `None` when it is not Opus.
pub(crate) fn packet_samples(packet: &[u8]) -> Option<usize> {
    if packet.is_empty() || packet.len() > MAX_PACKET_BYTES {
        return None;
    }
    let len = i32::try_from(packet.len()).ok()?;
    // SAFETY: reads at most `len` bytes of the packet.
    #[expect(unsafe_code, reason = "libopus is C")]
    let samples = unsafe {
        opusic_sys::opus_packet_get_nb_samples(packet.as_ptr(), len, SAMPLE_RATE_HZ.cast_signed())
    };
    usize::try_from(samples)
        .ok()
        .filter(|samples| (1..=PACKET_SAMPLES_MAX).contains(samples))
}

/// Whether a packet carries a copy of the frame before it: its LBRR flag (RFC 6716 §4.2.3), which a
/// packet of CELT alone does not have.
#[must_use]
pub fn packet_has_lbrr(packet: &[u8]) -> bool {
    let Ok(len) = i32::try_from(packet.len()) else {
        return false;
    };
    if len == 0 {
        return false;
    }
    // SAFETY: reads at most `len` bytes of the packet.
    #[expect(unsafe_code, reason = "libopus is C")]
    let found = unsafe { opusic_sys::opus_packet_has_lbrr(packet.as_ptr(), len) };
    found == 1
}

fn check(operation: &'static str, code: c_int) -> Result<(), VoiceError> {
    if code < 0 {
        return Err(VoiceError::Codec { operation, code });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech;

    fn speech_frames() -> Vec<Frame> {
        let speech = speech::synthesized(11, 4);
        speech.as_chunks::<FRAME_SAMPLES>().0.to_vec()
    }

    #[test]
    fn a_split_stream_goes_on_bit_for_bit() {
        let frames = speech_frames();
        let settings = EncoderSettings::default();
        let mut one = Encoder::new(&settings).expect("defaults");
        let mut other = Encoder::new(&EncoderSettings {
            complexity: 3,
            ..settings
        })
        .expect("in range");
        let (mut a, mut b) = ([0; MAX_PACKET_BYTES], [0; MAX_PACKET_BYTES]);
        for frame in &frames[..50] {
            one.encode(frame, &mut a).expect("room enough");
        }
        other.copy_state_from(&one);
        for frame in &frames[50..] {
            let len = one.encode(frame, &mut a).expect("room enough");
            assert_eq!(other.encode(frame, &mut b), Ok(len));
            assert_eq!(a[..len], b[..len]);
        }
    }

    #[test]
    fn speech_is_sent_with_a_copy_of_the_frame_before() {
        let mut encoder = Encoder::new(&EncoderSettings::default()).expect("defaults");
        let mut out = [0; MAX_PACKET_BYTES];
        let frames = speech_frames();
        let (mut bytes, mut copies) = (0, 0);
        for frame in &frames {
            let len = encoder.encode(frame, &mut out).expect("room enough");
            assert_eq!(packet_samples(&out[..len]), Some(FRAME_SAMPLES));
            copies += usize::from(packet_has_lbrr(&out[..len]));
            bytes += len;
        }
        assert!(copies > frames.len() / 2, "{copies} of {}", frames.len());
        let bitrate_bps = bytes * 8 * 50 / frames.len();
        assert!((20_000..40_000).contains(&bitrate_bps), "{bitrate_bps}");
    }

    /// Of the packets of some speech: how many carry a copy, and their bit rate.
    fn copies_and_bitrate(encoder: &mut Encoder) -> (usize, usize) {
        let frames = speech_frames();
        let mut out = [0; MAX_PACKET_BYTES];
        let (mut bytes, mut copies) = (0, 0);
        for frame in &frames {
            let len = encoder.encode(frame, &mut out).expect("room enough");
            copies += usize::from(packet_has_lbrr(&out[..len]));
            bytes += len;
        }
        (copies, bytes * 8 * 50 / frames.len())
    }

    #[test]
    fn settings_against_loss_give_copies_at_every_rate() {
        let half = speech_frames().len() / 2;
        for bitrate_bps in [6_000, 32_000, 128_000] {
            for complexity in [0, 5, 9] {
                let base = EncoderSettings {
                    bitrate_bps,
                    complexity,
                    fec: false,
                    expected_loss_percent: 0,
                };
                let mut encoder = Encoder::new(&base).expect("in range");
                let (copies, _) = copies_and_bitrate(&mut encoder);
                assert_eq!(copies, 0, "{base:?}");
                for lost_percent in [1, 100] {
                    let settings = base.against_loss(lost_percent);
                    encoder.apply(&settings).expect("in range");
                    let (copies, _) = copies_and_bitrate(&mut encoder);
                    assert!(copies > half, "{copies}: {settings:?}");
                }
                assert_eq!(base.against_loss(0), base);
                encoder.apply(&base).expect("in range");
                // The first packet may still hold a copy that was made before.
                let (copies, _) = copies_and_bitrate(&mut encoder);
                assert!(copies <= 1, "{copies}: {base:?}");
            }
        }
    }

    #[test]
    fn what_libopus_leaves_out_is_not_counted_as_a_copy() {
        // What the service used to be set to: FEC is asked for, and libopus has no room for it.
        let settings = EncoderSettings {
            bitrate_bps: 32_000,
            complexity: 5,
            fec: true,
            expected_loss_percent: 5,
        };
        let mut encoder = Encoder::new(&settings).expect("in range");
        let (copies, _) = copies_and_bitrate(&mut encoder);
        assert_eq!(copies, 0);
    }

    #[test]
    fn a_split_stream_takes_its_settings_along() {
        let base = EncoderSettings {
            fec: false,
            expected_loss_percent: 0,
            ..EncoderSettings::default()
        };
        let lossy = base.against_loss(10);
        let mut one = Encoder::new(&lossy).expect("in range");
        let mut other = Encoder::new(&base).expect("in range");
        other.copy_state_from(&one);
        assert_eq!(other.settings, lossy);
        // So that settings which differ are told again.
        other.apply(&base).expect("in range");
        assert_eq!(copies_and_bitrate(&mut other).0, 0);
        assert!(copies_and_bitrate(&mut one).0 > 50);
    }

    #[test]
    fn the_flag_of_a_copy_is_where_rfc_6716_puts_it() {
        // TOC byte: configuration, mono, one frame. Then SILK's header: the voice activity flag of
        // each 20 ms, and the LBRR flag after them.
        let toc = |config: u8| config << 3;
        let (silk_20_ms, silk_40_ms, silk_60_ms) = (toc(9), toc(10), toc(11));
        let (hybrid_20_ms, celt_20_ms) = (toc(15), toc(31));
        for (toc, flag) in [
            (silk_20_ms, 0b0100_0000),
            (hybrid_20_ms, 0b0100_0000),
            (silk_40_ms, 0b0010_0000),
            (silk_60_ms, 0b0001_0000),
        ] {
            assert!(packet_has_lbrr(&[toc, flag, 1, 2]));
            assert!(!packet_has_lbrr(&[toc, !flag, 1, 2]));
        }
        assert!(!packet_has_lbrr(&[celt_20_ms, 0xff, 1, 2]));
        // Stereo: the flags of the second channel follow.
        let stereo = silk_20_ms | 0b100;
        assert!(packet_has_lbrr(&[stereo, 0b0001_0000, 1, 2]));
        // A frame of no bytes has no flags.
        assert!(!packet_has_lbrr(&[silk_20_ms]));
    }

    #[test]
    fn settings_out_of_range_and_short_buffers_are_refused() {
        let settings = EncoderSettings::default();
        for settings in [
            EncoderSettings {
                bitrate_bps: 100,
                ..settings
            },
            EncoderSettings {
                complexity: 11,
                ..settings
            },
            EncoderSettings {
                expected_loss_percent: 101,
                ..settings
            },
        ] {
            assert!(matches!(
                Encoder::new(&settings),
                Err(VoiceError::Settings(_))
            ));
            let mut encoder = Encoder::new(&EncoderSettings::default()).expect("defaults");
            assert!(encoder.apply(&settings).is_err());
        }
        let mut encoder = Encoder::new(&settings).expect("defaults");
        let frame = speech_frames()[20];
        assert!(encoder.encode(&frame, &mut []).is_err());
    }

    #[test]
    fn what_is_not_opus_does_not_decode() {
        let mut decoder = Decoder::new().expect("defaults");
        let mut out = [0; PACKET_SAMPLES_MAX];
        for packet in [&[][..], &[0xFF], &[0x03, 0xFF, 0xFF]] {
            assert!(decoder.decode(packet, &mut out).is_err());
            assert_eq!(packet_samples(packet), None);
        }
        assert!(!packet_has_lbrr(&[]));
    }
}
