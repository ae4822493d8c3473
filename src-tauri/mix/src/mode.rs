//! The three modes of a coach, ordered from the narrowest to the widest.

/// How far a coach's voice may reach (rules M1 to M3).
///
/// The order is that of reach: `Listen < Whisper < Barge`, so the narrower of two modes is their
/// minimum. The numbers are those of the RTP header extension and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Mode {
    /// Hears rep and lead; is heard by no one.
    #[default]
    Listen = 0,
    /// Hears rep and lead; is heard by the rep only.
    Whisper = 1,
    /// Hears rep and lead; is heard by everyone, and recorded.
    Barge = 2,
}

impl Mode {
    /// The mode that a byte on the wire stands for; `None` for every byte that stands for none.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Listen),
            1 => Some(Self::Whisper),
            2 => Some(Self::Barge),
            _ => None,
        }
    }

    /// The byte that stands for this mode on the wire.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// The narrower of two modes: what holds when in doubt.
    #[must_use]
    pub fn narrower(self, other: Self) -> Self {
        self.min(other)
    }
}
