//! The RTP header extension that carries the mode in which a frame was captured
//! ([`wire::COACH_MODE_EXTENSION_URI`]).

use mix::Mode;
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

/// A packet's stamp, as str0m keeps it among the packet's extension values.
///
/// Clients that use str0m can set it too, to send the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(pub Mode);

#[derive(Debug)]
struct StampSerializer;

impl ExtensionSerializer for StampSerializer {
    fn write_to(&self, buf: &mut [u8], values: &ExtensionValues) -> usize {
        let (Some(stamp), Some(byte)) = (values.user_values.get::<Stamp>(), buf.first_mut()) else {
            return 0;
        };
        *byte = stamp.0.to_byte();
        1
    }

    fn parse_value(&self, buf: &[u8], values: &mut ExtensionValues) -> bool {
        let Some(&byte) = buf.first() else {
            return false;
        };
        // Anything that is not a mode counts as the narrowest.
        values
            .user_values
            .set(Stamp(Mode::from_byte(byte).unwrap_or(Mode::Listen)));
        true
    }

    fn is_video(&self) -> bool {
        false
    }

    fn is_audio(&self) -> bool {
        true
    }
}

/// The extension, for str0m's extension map on either side.
#[must_use]
pub fn stamp_extension() -> Extension {
    Extension::with_serializer(wire::COACH_MODE_EXTENSION_URI, StampSerializer)
}
