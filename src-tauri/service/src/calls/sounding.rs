//! What the media and the lead's line say, and what of it users are told at once.

use super::hands::Failed;
use super::owner::Owner;
use call::{Heard, Input, LeadSignal, REP_LEG};
use media::{LeadEvent, MediaEvent};
use wire::{CallId, LeadQuality, ServerMessage};

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

    pub(super) async fn lead_said(&mut self, event: LeadEvent) {
        let LeadEvent { call, signal } = event;
        if let Some(signal) = lead_signal(signal) {
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
                quality: LeadQuality {
                    jitter_ms: quality.jitter_ms,
                    lost_permille: quality.lost_permille,
                    round_trip_ms: quality.round_trip_ms,
                },
            },
            _ => return,
        };
        let rep = live.machine.rep();
        self.notify.unnumbered(&live.organization, rep, &message);
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
const fn lead_signal(signal: media::LeadSignal) -> Option<LeadSignal> {
    Some(match signal {
        media::LeadSignal::Ringing => LeadSignal::Ringing,
        media::LeadSignal::EarlyMedia => LeadSignal::EarlyMedia,
        media::LeadSignal::Answered => LeadSignal::Answered,
        media::LeadSignal::Busy => LeadSignal::Busy,
        media::LeadSignal::Declined => LeadSignal::Declined,
        media::LeadSignal::NoAnswer => LeadSignal::NoAnswer,
        media::LeadSignal::Unreachable => LeadSignal::Unreachable,
        media::LeadSignal::Failed => LeadSignal::Failed,
        media::LeadSignal::Lost => LeadSignal::Lost,
        media::LeadSignal::HungUp => LeadSignal::HungUp,
        media::LeadSignal::Key(_) | media::LeadSignal::Quality(_) => return None,
    })
}
