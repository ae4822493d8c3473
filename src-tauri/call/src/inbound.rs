//! A call that comes in: it rings with the rep, who takes it or does not.

use crate::{Machine, Output, Refusal};
use wire::{CallStatus, Direction, UserId};

impl Machine {
    /// Whether it came in and nobody took it yet: the rep is not on a call by it.
    #[must_use]
    pub fn rings_in(&self) -> bool {
        self.call.direction == Direction::Inbound && self.call.status == CallStatus::Ringing
    }

    /// The rep answers; on one device, once.
    pub(crate) fn answer(&mut self, user: &UserId) -> Result<(), Refusal> {
        self.rep_only(user, "answer")?;
        if !self.rings_in() {
            return Err(Refusal::answered_already());
        }
        self.put(Output::PickUp);
        self.lead_answered();
        Ok(())
    }
}
