//! What is to be done, in the order in which it was put out.

use crate::input::Digits;
use mix::{GrantCause, LegNumber, Mode, Role};
use usage::Charge;
use wire::{CoachLeg, HangupCause, Invitation};

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Call the lead.
    Dial,
    /// Let the lead who calls in wait.
    Receive,
    /// The rep takes the call that came in: pick up the lead's line.
    PickUp,
    /// The lead answered: what is recorded begins here. After [`Output::AddLeg`] of the lead's leg.
    Answered,
    /// Let a leg into the call's media. A coach's leg enters with the grant Listen (M1).
    AddLeg {
        /// Which.
        leg: LegNumber,
        /// As what.
        role: Role,
    },
    /// Take a leg out of the call's media.
    RemoveLeg {
        /// Which.
        leg: LegNumber,
    },
    /// Let a coach reach this far from now on.
    SetGrant {
        /// Whose leg.
        leg: LegNumber,
        /// How far.
        mode: Mode,
        /// By whose wish.
        cause: GrantCause,
    },
    /// Mute a leg, or take the mute off.
    SetMuted {
        /// Which.
        leg: LegNumber,
        /// Whether it is muted.
        muted: bool,
    },
    /// Put the lead on hold, or take it off.
    SetHeld(bool),
    /// Pause the recording, or let it go on.
    SetRecordingPaused(bool),
    /// Send keys to the lead's line.
    SendDtmf(Digits),
    /// Hang up the lead's line. Not put out when the lead's side ended by itself.
    HangUpLead,
    /// The call itself changed, or whether it can be joined did: persist and tell.
    CallChanged,
    /// A minute of a leg started: charge it (B2). It is put out once.
    Charge(Charge),
    /// A coach's leg changed: persist and tell.
    CoachLegChanged(Box<CoachLeg>),
    /// An invitation changed: persist and tell.
    InvitationChanged(Box<Invitation>),
    /// The call is over. The last output of all.
    Ended(HangupCause),
}
