//! What is taken from coaches: by a changed authority, by time, by the end of the call.

use crate::coach::Coach;
use crate::input::revoked_reason;
use crate::{Authority, Machine, Output};
use mix::{GrantCause, Mode};
use wire::{
    CoachLegStatus, CoachMode, HangupCause, LegEndReason, ParticipationAction, Plan, UserId,
};

impl Machine {
    /// What was taken away takes effect at once (A2). A rep who is deactivated is out of the call
    /// like everywhere else, which ends it; nothing else that happens to the rep's role does.
    pub(crate) fn authority_changed(&mut self, user: &UserId, authority: &Authority) {
        if *user == self.call.user_id {
            if !authority.active {
                self.end(HangupCause::RepLost);
            }
            return;
        }
        let Some(at) = self.live_at(user) else {
            return;
        };
        if let Some(reason) = revoked_reason(authority) {
            self.end_coach(at, reason);
            return;
        }
        let now = self.now;
        let Some(coach) = self.coaches.get_mut(at) else {
            return;
        };
        if authority.ceiling().is_some_and(|most| coach.mode() <= most) {
            return;
        }
        coach.leg.mode = CoachMode::Listen;
        coach.note(now, ParticipationAction::MovedToListen);
        let leg = coach.audio;
        let changed = coach.changed();
        self.put(Output::SetGrant {
            leg,
            mode: Mode::Listen,
            cause: GrantCause::Revoked,
        });
        self.put(changed);
    }

    /// Whether the call can be joined changed for everybody, whichever way the plan changed.
    pub(crate) fn plan_changed(&mut self, plan: Plan) {
        if !plan.has_call_coaching() {
            self.end_coaches(LegEndReason::PlanChanged);
        }
        self.put(Output::CallChanged);
    }

    pub(crate) fn expire_coaches(&mut self) {
        let now = self.now;
        // Each turn ends one leg, so there are at most as many turns as legs.
        while let Some(at) = self
            .coaches
            .iter()
            .position(|coach| coach.deadline.is_some_and(|deadline| deadline <= now))
        {
            self.end_coach(at, LegEndReason::ConnectionLost);
        }
    }

    pub(crate) fn end_coaches(&mut self, reason: LegEndReason) {
        while let Some(at) = self.coaches.iter().position(Coach::is_live) {
            self.end_coach(at, reason);
        }
    }

    pub(crate) fn end_coach(&mut self, at: usize, reason: LegEndReason) {
        let now = self.now;
        let was_full = self.is_full();
        let Some(coach) = self.coaches.get_mut(at) else {
            return;
        };
        coach.leg.status = CoachLegStatus::Done;
        coach.leg.mode = CoachMode::Listen;
        coach.leg.date_done = Some(now);
        coach.leg.end_reason = Some(reason);
        coach.deadline = None;
        coach.note(now, ParticipationAction::Left);
        let leg = coach.audio;
        let changed = coach.changed();
        self.put(Output::RemoveLeg { leg });
        self.put(changed);
        if was_full && reason != LegEndReason::CallEnded && reason != LegEndReason::ServiceStopped {
            self.put(Output::CallChanged);
        }
    }
}
