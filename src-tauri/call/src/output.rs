//! What the shell is to do, in this order.

use crate::input::Digits;
use mix::{GrantCause, LegNumber, Mode, Role};
use usage::Charge;
use wire::{CoachLeg, HangupCause, Invitation};

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Call the lead.
    Dial,
    /// Let the inbound call wait.
    Receive,
    /// The rep answered the inbound call: pick up the lead's line.
    PickUp,
    /// The lead answered: the recording begins here. Comes after [`Output::AddLeg`] for the lead's leg.
    Answered,
    /// Add a leg to the call's media. A coach's leg begins in Listen (M1).
    AddLeg {
        /// The leg.
        leg: LegNumber,
        /// Its role.
        role: Role,
    },
    /// Remove a leg from the call's media.
    RemoveLeg {
        /// The leg.
        leg: LegNumber,
    },
    /// Grant a coach this mode from now on.
    SetGrant {
        /// The coach's leg.
        leg: LegNumber,
        /// The mode.
        mode: Mode,
        /// Why.
        cause: GrantCause,
    },
    /// Mute or unmute a leg.
    SetMuted {
        /// The leg.
        leg: LegNumber,
        /// Whether it is muted.
        muted: bool,
    },
    /// Put the lead on hold, or take them off.
    SetHeld(bool),
    /// Pause or resume the recording.
    SetRecordingPaused(bool),
    /// Send keys to the lead's line.
    SendDtmf(Digits),
    /// Hang up the lead's line, unless the lead's side ended the call.
    HangUpLead,
    /// The call changed, or whether it can be joined: save it and notify.
    CallChanged,
    /// A minute of a leg started: charge it (B2). Output once per minute.
    Charge(Charge),
    /// A coach's leg changed: save it and notify.
    CoachLegChanged(Box<CoachLeg>),
    /// An invitation changed: save it and notify.
    InvitationChanged(Box<Invitation>),
    /// The call has ended. The last output.
    Ended(HangupCause),
}
