//! What the media and the lead's line say, and what of it users are told at once.

use super::hands::Failed;
use super::owner::Owner;
use call::{Heard, Input, LeadSignal, REP_LEG};
use media::MediaEvent;
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

    pub(super) fn levels(&self, call: &CallId, levels: &[(mix::LegId, mix::Mode, i8)]) {
        let Some(live) = self.state.live.get(call) else {
            return;
        };
        let heard: Vec<Heard> = levels
            .iter()
            .map(|&(leg, reach, level_dbov)| Heard {
                leg,
                reach,
                level_dbov,
            })
            .collect();
        for (user, levels) in live.machine.levels(&heard) {
            let message = ServerMessage::Levels {
                call_id: call.clone(),
                levels,
            };
            self.notify.unnumbered(&live.organization, &user, &message);
        }
    }

    /// A leg without media is a lost one. A call whose rep or lead cannot be heard at all is none.
    pub(super) async fn failed(&mut self, failed: Failed) {
        let input = if failed.leg == REP_LEG || failed.leg == call::LEAD_LEG {
            Input::Lead(LeadSignal::Unreachable)
        } else {
            Input::MediaLost(failed.leg)
        };
        self.tell(&failed.call, input).await;
    }
}

/// What of it the call's machine is told; none for what is told to the rep alone.
pub(super) const fn lead_signal(signal: media::LeadSignal) -> Option<LeadSignal> {
    Some(match signal {
        media::LeadSignal::EarlyMedia
        | media::LeadSignal::Key(_)
        | media::LeadSignal::Quality(_) => return None,
        media::LeadSignal::Declined | media::LeadSignal::Failed => LeadSignal::Unreachable,
        media::LeadSignal::Lost => LeadSignal::HungUp,
        media::LeadSignal::Ringing => LeadSignal::Ringing,
        media::LeadSignal::Answered => LeadSignal::Answered,
        media::LeadSignal::Busy => LeadSignal::Busy,
        media::LeadSignal::NoAnswer => LeadSignal::NoAnswer,
        media::LeadSignal::Unreachable => LeadSignal::Unreachable,
        media::LeadSignal::HungUp => LeadSignal::HungUp,
    })
}
