//! Started minutes, and the charge of each.

use crate::rate_at;
use wire::{LedgerKind, LegId, MicroDollars, Timestamp, UserId};

/// How long a charged minute is (B2).
pub const MINUTE_MS: u64 = 60_000;

/// One started minute of one leg. There is only ever one charge of a leg, a kind and a minute (B2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// What for: coaching, or the call itself.
    pub kind: LedgerKind,
    /// The leg: the coach's, or the rep's for the call itself.
    pub leg_id: LegId,
    /// The coach or the rep.
    pub user_id: UserId,
    /// Which minute of the leg, from 0.
    pub minute: u32,
    /// When it started.
    pub at: Timestamp,
}

impl Charge {
    /// What it takes from the balance, by the rate in force when the minute started.
    #[must_use]
    pub fn price(&self) -> MicroDollars {
        rate_at(self.kind, self.at)
    }
}

/// How many minutes of this length started between two moments: the first with the connection itself,
/// however short it was; each further one when the leg goes on beyond the end of the one before. A leg
/// that ends at the very end of its fifth minute has had five.
#[must_use]
pub fn minutes_started(connected: Timestamp, until: Timestamp, minute_ms: u64) -> u32 {
    let minutes = until.millis_since(connected).div_ceil(minute_ms.max(1));
    u32::try_from(minutes).unwrap_or(u32::MAX).max(1)
}

/// When a minute of a leg starts, minutes counted from 0.
#[must_use]
pub fn minute_starts(connected: Timestamp, minute: u32, minute_ms: u64) -> Timestamp {
    let after_ms = u64::from(minute).saturating_mul(minute_ms);
    connected.plus_millis(i64::try_from(after_ms).unwrap_or(i64::MAX))
}

/// When a minute of a leg is charged, minutes counted from 0 and the first charged with the connection
/// itself: as soon as the leg goes on beyond the end of the minute before. It is the other side of
/// [`minutes_started`]: a minute counts there from this moment on, and not before.
#[must_use]
pub fn minute_charged(connected: Timestamp, minute: u32, minute_ms: u64) -> Timestamp {
    let starts = minute_starts(connected, minute, minute_ms);
    if minute == 0 {
        starts
    } else {
        starts.plus_millis(1)
    }
}

/// The charges of a leg between two moments, those of the first `charged` minutes left out.
pub fn charges(
    kind: LedgerKind,
    leg_id: &LegId,
    user_id: &UserId,
    (connected, until): (Timestamp, Timestamp),
    charged: u32,
    minute_ms: u64,
) -> impl Iterator<Item = Charge> {
    let started = minutes_started(connected, until, minute_ms);
    (charged..started).map(move |minute| Charge {
        kind,
        leg_id: leg_id.clone(),
        user_id: user_id.clone(),
        minute,
        at: minute_starts(connected, minute, minute_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (LegId, UserId) {
        let ids = (LegId::from_suffix("1"), UserId::from_suffix("1"));
        (ids.0.unwrap(), ids.1.unwrap())
    }

    fn started(ms: i64) -> u32 {
        minutes_started(Timestamp(1_000), Timestamp(1_000 + ms), MINUTE_MS)
    }

    #[test]
    fn b2_only_minutes_that_started_are_charged() {
        assert_eq!([started(0), started(1), started(60_000)], [1, 1, 1]);
        assert_eq!(
            [started(60_001), started(120_000), started(120_001)],
            [2, 2, 3]
        );
        // A clock that runs backwards undoes no minute.
        assert_eq!(started(-5), 1);
        assert_eq!(
            minutes_started(Timestamp(0), Timestamp(i64::MAX), 1),
            u32::MAX
        );
    }

    #[test]
    fn b2_a_minute_counts_from_the_moment_it_is_charged() {
        let connected = Timestamp(1_000);
        for minute in 0..5 {
            let charged = minute_charged(connected, minute, MINUTE_MS);
            let counted = |at| minutes_started(connected, at, MINUTE_MS);
            assert_eq!(counted(charged), minute + 1);
            assert_eq!(counted(charged.plus_millis(-1)), minute.max(1));
        }
        // Exactly one minute is one minute, to the window and to the ledger.
        assert_eq!(minute_charged(connected, 1, MINUTE_MS), Timestamp(61_001));
    }

    #[test]
    fn b1_five_minutes_cost_two_cents() {
        let (leg, user) = ids();
        let five = (Timestamp(0), Timestamp(300_000));
        let all = charges(LedgerKind::Coaching, &leg, &user, five, 0, MINUTE_MS);
        assert_eq!(all.map(|charge| charge.price().0).sum::<i64>(), 20_000);
    }

    #[test]
    fn b2_charges_taken_piece_by_piece_are_those_taken_at_once() {
        let (leg, user) = ids();
        let of = |until: i64, charged| {
            let dates = (Timestamp(7), Timestamp(until));
            charges(LedgerKind::Coaching, &leg, &user, dates, charged, MINUTE_MS)
        };
        // A simple generator: the seed is the number of the round.
        for seed in 0..200_u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let (mut now, mut pieces) = (7_i64, Vec::new());
            for _ in 0..30 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                now += (random % 100_000) as i64;
                pieces.extend(of(now, pieces.len() as u32));
            }
            assert_eq!(pieces, of(now, 0).collect::<Vec<_>>(), "seed {seed}");
        }
    }
}
