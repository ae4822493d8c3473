//! What the service was told of the user's microphone, for the others on the call.

use std::time::Duration;

use crate::input::RequestId;
use crate::retry::Retry;

/// Whether the service knows that the user's microphone does not work.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// What it knows.
    trouble: bool,
    /// What it is being told.
    asked: Option<(RequestId, bool)>,
    /// When it is told again what it could not be told.
    pub(crate) retry: Retry,
}

impl Told {
    /// Whether the service is to be told now: one thing at a time.
    pub(crate) fn is_due(&self, trouble: bool) -> bool {
        self.trouble != trouble && self.asked.is_none() && self.retry.deadline().is_none()
    }

    /// It is being told.
    pub(crate) fn asked(&mut self, request: RequestId, trouble: bool) {
        self.asked = Some((request, trouble));
    }

    /// The service answered. A refusal is final until something else is wrong; what did not get
    /// through is said again.
    pub(crate) fn answered(&mut self, now: Duration, request: RequestId, got_through: bool) {
        let Some((_, trouble)) = self.asked.take_if(|(asked, _)| *asked == request) else {
            return;
        };
        if got_through {
            self.trouble = trouble;
            self.retry.worked();
        } else {
            self.retry.failed(now, 1.0);
        }
    }
}
