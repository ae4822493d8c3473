//! What a held lead hears.

use super::PhoneError;

/// What a held lead hears, encoded once for each codec, and shared.
#[derive(Debug)]
pub struct HoldSound {}

impl HoldSound {
    /// Silence.
    ///
    /// # Errors
    /// [`PhoneError::Codec`].
    pub fn silence() -> Result<Self, PhoneError> {
        Ok(Self {})
    }

    /// Music, 48 kHz mono, again and again. Of more than five minutes only the first are taken.
    ///
    /// # Errors
    /// [`PhoneError::Codec`].
    pub fn music(_samples: &[i16]) -> Result<Self, PhoneError> {
        Ok(Self {})
    }
}
