//! What goes into the jitter buffer and comes out of it.

use mix::{FRAME_SAMPLES, Frame, Mode};

use crate::opus::VoiceError;

/// One frame, in samples.
pub(super) const FRAME: i64 = FRAME_SAMPLES as i64;
pub(super) const SAMPLES_PER_MS: i64 = 48;

/// The bounds of the buffer's depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JitterSettings {
    /// The least depth: how long after the fastest packets a packet is played.
    pub depth_min_ms: u32,
    /// The greatest depth, at least `depth_min_ms` and at most 1000.
    pub depth_max_ms: u32,
    /// Frames concealed in a row before the stream counts as idle, 1 to 50; they fade out.
    pub concealed_max: u32,
}

impl JitterSettings {
    pub(super) fn check(&self) -> Result<(), VoiceError> {
        if self.depth_max_ms > 1000 {
            return Err(VoiceError::Settings("depth_max_ms, at most 1000"));
        }
        if self.depth_min_ms > self.depth_max_ms {
            return Err(VoiceError::Settings("depth_min_ms, at most depth_max_ms"));
        }
        if !(1..=50).contains(&self.concealed_max) {
            return Err(VoiceError::Settings("concealed_max, 1 to 50"));
        }
        Ok(())
    }
}

impl Default for JitterSettings {
    fn default() -> Self {
        Self {
            depth_min_ms: 10,
            depth_max_ms: 200,
            concealed_max: 5,
        }
    }
}

/// What a packet's payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// One Opus packet (RFC 6716).
    #[default]
    Opus,
    /// G.711 A-law, 8 kHz, a byte a sample (RFC 3551 §4.5.14).
    Pcma,
    /// G.711 µ-law, 8 kHz, a byte a sample (RFC 3551 §4.5.14).
    Pcmu,
    /// Comfort noise: the level of the pause that begins here (RFC 3389), in the low seven bits of the
    /// first byte, as dB below overload. A packet of the stream that is not sound, a key (RFC 4733), is
    /// given to the buffer as a pause at level 127, or it would count as lost.
    ComfortNoise,
}

/// A packet as it came: the parts of RTP (RFC 3550) that matter here.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The sequence number; wraps.
    pub sequence: u16,
    /// What the payload is.
    pub codec: Codec,
    /// The timestamp in samples at 48 kHz (RFC 7587), whatever the codec's own clock; wraps.
    pub timestamp: u32,
    /// The mode it is stamped with; `None` when it carries no stamp.
    pub mode: Option<Mode>,
    /// One packet of the codec: at most [`crate::MAX_PACKET_BYTES`] of Opus, 120 ms of G.711 or
    /// [`crate::MAX_PACKET_BYTES`] of comfort noise, of which only the level is used.
    pub payload: &'a [u8],
}

/// The origin of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No one is speaking; the frame is silence and need not be mixed.
    Idle,
    /// From a packet: its sound, or the noise of the pause it announces.
    Decoded,
    /// At least partly from the copy in the packet after a lost one.
    Recovered,
    /// At least partly made up.
    Concealed,
}

/// One frame of output.
#[derive(Debug, Clone, Copy)]
pub struct Pulled<'a> {
    /// The samples.
    pub frame: &'a Frame,
    /// Where they come from.
    pub kind: Kind,
    /// The mode that all of them were captured in; `None` when unstamped, and when idle.
    pub mode: Option<Mode>,
}

/// Counts since [`JitterBuffer::new`], and the present depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterStats {
    /// Packets that arrived in time, each counted once.
    pub received: u64,
    /// Packets missing when they were due, including recovered ones.
    pub lost: u64,
    /// Lost packets recovered from the next one.
    pub recovered: u64,
    /// Concealed frames.
    pub concealed: u64,
    /// Packets that arrived too late to be played.
    pub late: u64,
    /// Packets that were invalid for their codec, or absurd.
    pub refused: u64,
    /// How long after the fastest packets a packet is currently played.
    pub depth_ms: u32,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter_ms: u32,
}

/// The narrower of two labels. Of an unstamped frame nothing is known, so beside a stamped one it
/// counts as Listen.
pub(super) fn narrowest(a: Option<Mode>, b: Option<Mode>) -> Option<Mode> {
    match (a, b) {
        (None, None) => None,
        (Some(a), Some(b)) => Some(a.narrower(b)),
        _ => Some(Mode::Listen),
    }
}

/// What to do for the next samples.
pub(super) enum Step {
    Idle,
    /// Decode the first packet that waits.
    Decode,
    /// Recover the frame before the first packet from it.
    Recover,
    /// Make up this many samples, at most a frame; `lost` if the packet they stand for is known
    /// to be lost.
    Conceal {
        samples: i64,
        lost: bool,
    },
    /// Play this many samples of comfort noise, at most a frame.
    Noise {
        samples: i64,
    },
}
