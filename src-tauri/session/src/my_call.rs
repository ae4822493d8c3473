//! The user's own call, and the sound of whichever call the user is on.

use std::time::Duration;

use wire::{Call, CallId};

use crate::backoff::Backoff;
use crate::{MediaId, MediaRole, MediaStatus, RequestId};

/// The user's own call: the user is its rep.
#[derive(Debug, Clone, PartialEq)]
pub struct MyCall {
    /// The call, as the service last told of it; its coach legs say who coaches, in which mode (W5).
    pub call: Call,
    /// Whether the user's microphone is muted here.
    pub muted: bool,
    /// Whether the user hung up and the end is not confirmed yet.
    pub ending: bool,
}

/// The sound of the call that the user is on, as rep or coach: there is one at a time.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) call_id: CallId,
    pub(crate) role: MediaRole,
    pub(crate) media: Option<MediaId>,
    pub(crate) status: MediaStatus,
    pub(crate) muted: bool,
    /// The newest request to mute or unmute; answers to older ones change nothing.
    pub(crate) mute_asked: Option<RequestId>,
    pub(crate) backoff: Backoff,
    pub(crate) retry_at: Option<Duration>,
}

impl Sound {
    pub(crate) fn new(call_id: CallId, role: MediaRole) -> Self {
        Self {
            call_id,
            role,
            media: None,
            status: MediaStatus::Connecting,
            muted: false,
            mute_asked: None,
            backoff: Backoff::default(),
            retry_at: None,
        }
    }
}
