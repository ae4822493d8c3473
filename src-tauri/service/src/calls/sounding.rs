//! What the media and the lead's line say, and what of it users are told at once.

use super::hands::Failed;
use super::owner::Owner;
use call::{Input, LeadProgress, REP_LEG};
use media::{LeadEvent, MediaEvent};
use wire::{CallId, ServerMessage};

impl Owner {
    pub(super) async fn media_said(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::Connected { call, leg } => {
                self.tell(&call, Input::MediaConnected(leg)).await;
            }
            MediaEvent::Lost { call, leg } => self.tell(&call, Input::MediaLost(leg)).await,
            MediaEvent::Levels { call, levels } => self.levels(&call, &levels),
        }
    }

    pub(super) fn levels(&self, call: &CallId, levels: &[mix::LegLevel]) {
        let Some(live) = self.state.live.get(call) else {
            return;
        };
        for (user, levels) in live.machine.levels(levels) {
            let message = ServerMessage::Levels {
                call_id: call.clone(),
                levels,
            };
            self.notify.unnumbered(&live.organization, &user, &message);
        }
    }

    pub(super) async fn lead_said(&mut self, event: LeadEvent) {
        let LeadEvent { call, signal } = event;
        if let Some(signal) = lead_progress(signal) {
            self.tell(&call, Input::Lead(signal)).await;
            return;
        }
        let Some(live) = self.state.live.get(&call) else {
            return;
        };
        // Only the rep: a lead's keys are no coach's business.
        let message = match signal {
            media::LeadSignal::Key(key) => ServerMessage::LeadKey { call_id: call, key },
            media::LeadSignal::Quality(quality) => ServerMessage::LeadQuality {
                call_id: call,
                quality,
            },
            _ => return,
        };
        let rep = live.machine.rep();
        self.notify.unnumbered(&live.organization, rep, &message);
    }

    /// A leg without media is a lost one. A call whose rep or lead cannot be heard at all is none.
    pub(super) async fn failed(&mut self, failed: Failed) {
        let input = if failed.leg == REP_LEG || failed.leg == call::LEAD_LEG {
            Input::Lead(LeadProgress::Unreachable)
        } else {
            Input::MediaLost(failed.leg)
        };
        self.tell(&failed.call, input).await;
    }
}

/// What of it the call's machine is told; none for what is told to the rep alone.
const fn lead_progress(signal: media::LeadSignal) -> Option<LeadProgress> {
    Some(match signal {
        media::LeadSignal::Ringing => LeadProgress::Ringing,
        media::LeadSignal::EarlyMedia => LeadProgress::EarlyMedia,
        media::LeadSignal::Answered => LeadProgress::Answered,
        media::LeadSignal::Busy => LeadProgress::Busy,
        media::LeadSignal::Declined => LeadProgress::Declined,
        media::LeadSignal::NoAnswer => LeadProgress::NoAnswer,
        media::LeadSignal::Unreachable => LeadProgress::Unreachable,
        media::LeadSignal::Failed => LeadProgress::Failed,
        media::LeadSignal::Lost => LeadProgress::Lost,
        media::LeadSignal::HungUp => LeadProgress::HungUp,
        media::LeadSignal::Key(_) | media::LeadSignal::Quality(_) => return None,
    })
}
