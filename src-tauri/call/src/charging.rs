//! What is charged, as each minute starts (B2).

use crate::{Machine, Output};
use usage::{Charge, charges, minute_charged};
use wire::{Call, LedgerKind, Timestamp};

impl Machine {
    /// Puts out every minute that started by now and was not charged: of each coach from the first
    /// connection until the leg is done, also while it is lost and waited for; of the call from the
    /// answer on. A machine that is woken late catches up.
    pub(crate) fn charge(&mut self) {
        let (now, minute_ms) = (self.now, self.limits.minute_ms);
        let mut due: Vec<Charge> = Vec::new();
        let mut take = |kind, leg, user, since, charged: &mut u32| {
            let before = due.len();
            due.extend(charges(kind, leg, user, (since, now), *charged, minute_ms));
            *charged += (due.len() - before) as u32;
        };
        for coach in self.coaches.iter_mut().filter(|coach| coach.is_live()) {
            let leg = &coach.leg;
            if let Some(connected) = leg.date_connected {
                let kind = LedgerKind::Coaching;
                take(kind, &leg.id, &leg.user_id, connected, &mut coach.charged);
            }
        }
        let call = &self.call;
        if let Some(answered) = call.date_answered.filter(|_| !call.status.is_over()) {
            let (leg, user) = (&call.rep_leg_id, &call.user_id);
            take(LedgerKind::Call, leg, user, answered, &mut self.charged);
        }
        for charge in due {
            self.put(Output::Charge(charge));
        }
    }

    /// When the next minute has started, of whichever leg.
    pub(crate) fn next_minute(&self) -> Option<Timestamp> {
        let after = |from, charged| minute_charged(from, charged, self.limits.minute_ms);
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

/// Every charge of a call that is over and of its coaches' legs. `record` is the whole of the call.
#[must_use]
pub fn owed(record: &Call, minute_ms: u64) -> Vec<Charge> {
    let mut owed = Vec::new();
    if let Some(dates) = record.date_answered.zip(record.date_ended) {
        let (leg, user) = (&record.rep_leg_id, &record.user_id);
        owed.extend(charges(LedgerKind::Call, leg, user, dates, 0, minute_ms));
    }
    for leg in &record.coach_legs {
        if let Some(dates) = leg.date_connected.zip(leg.date_done) {
            let kind = LedgerKind::Coaching;
            owed.extend(charges(kind, &leg.id, &leg.user_id, dates, 0, minute_ms));
        }
    }
    owed
}

/// When a call ended that was in progress when the service died: when the service was last known to
/// live, or later when something of the call is known to have happened after that, such as a minute
/// that was charged. Nobody pays for the time until somebody started it again.
#[must_use]
pub fn cut_off_at(
    record: &Call,
    alive: Option<Timestamp>,
    last_charge: Option<Timestamp>,
) -> Timestamp {
    let legs = record.coach_legs.iter();
    let of_legs = legs.flat_map(|leg| [Some(leg.date_created), leg.date_connected, leg.date_done]);
    // A minute that was charged had begun.
    let charged = last_charge.map(|at| at.plus_millis(1));
    [record.date_answered, alive, charged]
        .into_iter()
        .chain(of_legs)
        .flatten()
        .fold(record.date_created, Timestamp::max)
}
