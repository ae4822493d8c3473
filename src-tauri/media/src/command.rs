//! What a worker is asked to do.

use mix::{GrantCause, LegNumber, Mode, Role};
use tokio::sync::oneshot;
use wire::CallId;

use crate::MediaError;
use crate::announcement::Announcement;
use crate::lead::LeadMedia;
use crate::negotiation::Negotiated;
use crate::recording::RecordingTap;

/// Commands that may wait for one worker.
pub(crate) const COMMANDS_MAX: usize = 1024;

/// Where the answer goes.
pub(crate) type Reply = oneshot::Sender<Result<(), MediaError>>;

/// One request, or the last one.
pub(crate) enum Command {
    Change {
        call: CallId,
        change: Change,
        reply: Reply,
    },
    Stop,
}

/// A change to one call.
pub(crate) enum Change {
    Open(Option<Box<dyn RecordingTap>>),
    Close,
    AddLeg(LegNumber, Role),
    RemoveLeg(LegNumber),
    Connect(LegNumber, Box<Negotiated>),
    Mode(LegNumber, Mode, GrantCause),
    Muted(LegNumber, bool),
    Held(bool),
    AttachLead(Box<dyn LeadMedia>),
    Announce(Announcement),
}
