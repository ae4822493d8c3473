//! The half of a phone that goes to the worker.

use std::sync::Arc;
use std::time::Duration;

use media::{Heard, LeadMedia};

use super::{HoldSound, PortPair};

/// The half of a phone that goes to the worker.
pub struct PhoneMedia {
    #[expect(dead_code, reason = "the next commit reads it")]
    pub(super) pair: PortPair,
    #[expect(dead_code, reason = "the next commit reads it")]
    pub(super) hold: Arc<HoldSound>,
}

impl LeadMedia for PhoneMedia {
    fn hears_opus(&self) -> bool {
        false
    }

    fn tick(
        &mut self,
        _now: Duration,
        _heard: Heard<'_>,
        _speak: &mut dyn FnMut(&voice::Packet<'_>),
    ) {
    }
}
