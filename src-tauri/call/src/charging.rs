//! What is charged, as each minute starts (B2).

use crate::{Machine, Output};
use usage::{Charge, charges, minute_starts};
use wire::{LedgerKind, Timestamp};

impl Machine {
    /// Puts out every minute that started by now and was not charged: of each coach from the first
    /// connection until the leg is done, also while it is lost and waited for; of the call from the
    /// answer on. A machine that is woken late catches up.
    pub(crate) fn charge(&mut self) {
        let (now, minute_ms) = (self.now, self.limits.minute_ms);
        let mut due: Vec<Charge> = Vec::new();
        for coach in self.coaches.iter_mut().filter(|coach| coach.is_live()) {
            if let Some(connected) = coach.leg.date_connected {
                let (leg, user) = (&coach.leg.id, &coach.leg.user_id);
                let dates = (connected, now);
                due.extend(charges(
                    LedgerKind::Coaching,
                    leg,
                    user,
                    dates,
                    coach.charged,
                    minute_ms,
                ));
                coach.charged = coach
                    .charged
                    .max(usage::minutes_started(connected, now, minute_ms));
            }
        }
        if let Some(answered) = self.call.date_answered.filter(|_| !self.is_over()) {
            let (leg, user) = (&self.call.rep_leg_id, &self.call.user_id);
            let dates = (answered, now);
            due.extend(charges(
                LedgerKind::Call,
                leg,
                user,
                dates,
                self.charged,
                minute_ms,
            ));
            self.charged = self
                .charged
                .max(usage::minutes_started(answered, now, minute_ms));
        }
        for charge in due {
            self.put(Output::Charge(charge));
        }
    }

    /// When the next minute has started, of whichever leg.
    pub(crate) fn next_minute(&self) -> Option<Timestamp> {
        // A minute has started when the leg goes on beyond the end of the one before.
        let after = |from: Timestamp, charged: u32| {
            minute_starts(from, charged, self.limits.minute_ms).plus_millis(1)
        };
        let coaches = self.live().filter_map(|coach| {
            let connected = coach.leg.date_connected?;
            Some(after(connected, coach.charged))
        });
        let call = self
            .call
            .date_answered
            .map(|from| after(from, self.charged));
        coaches.chain(call).min()
    }
}
