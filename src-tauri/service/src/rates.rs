//! What a coach's started minute costs, as data with a date from which it holds (B1).

use wire::Timestamp;

/// From when on which rate holds, in micro-dollars a minute; oldest first. A new rate is a new line:
/// what was charged under an old one must stay to be explained.
const COACH_RATES: [(Timestamp, u32); 1] = [(Timestamp(0), 4_000)];

/// As above, of the call itself.
const CALL_RATES: [(Timestamp, u32); 1] = [(Timestamp(0), 13_000)];

/// What a started minute of the call itself costs at this moment, in micro-dollars.
pub(crate) fn call_rate_micro_dollars_per_minute(now: Timestamp) -> u32 {
    in_force(&CALL_RATES, now)
}

/// The rate in force at this moment, in micro-dollars a minute: 4000 is $0.0040.
pub(crate) fn coach_rate_micro_dollars_per_minute(now: Timestamp) -> u32 {
    in_force(&COACH_RATES, now)
}

fn in_force(rates: &[(Timestamp, u32)], now: Timestamp) -> u32 {
    let held = rates.iter().rfind(|(from, _)| *from <= now);
    held.or(rates.first()).map_or(0, |(_, rate)| *rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b1_five_minutes_cost_two_cents_at_the_present_rate() {
        assert_eq!(
            5 * coach_rate_micro_dollars_per_minute(Timestamp(1_800_000_000_000)),
            20_000
        );
    }

    #[test]
    fn b1_a_rate_holds_from_its_date_until_the_next() {
        let rates = [(Timestamp(10), 1), (Timestamp(20), 2), (Timestamp(30), 3)];
        let at = |now| in_force(&rates, Timestamp(now));
        assert_eq!(
            [at(10), at(19), at(20), at(29), at(30), at(99)],
            [1, 1, 2, 2, 3, 3]
        );
        // Nothing was sold before the first date; the first rate is the least surprising.
        assert_eq!(at(9), 1);
    }
}
