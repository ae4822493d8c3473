//! Rates, as data with a date.

use wire::{LedgerKind, MicroDollars, Rate, Timestamp};

/// From when on which rate holds, in micro-dollars a started minute; oldest first. A new rate is a new
/// line: what was charged under an old one must stay to be explained.
const COACHING: &[(Timestamp, u32)] = &[(Timestamp(0), 4_000)];
/// As above, of the call itself.
const CALL: &[(Timestamp, u32)] = &[(Timestamp(0), 13_000)];

const fn table(kind: LedgerKind) -> &'static [(Timestamp, u32)] {
    match kind {
        LedgerKind::Coaching => COACHING,
        LedgerKind::Call => CALL,
        LedgerKind::TopUp | LedgerKind::Credit | LedgerKind::Correction => &[],
    }
}

/// Every rate, by kind and then by date, oldest first.
#[must_use]
pub fn rates() -> Vec<Rate> {
    let of = |kind| {
        table(kind).iter().map(move |&(date_from, rate)| Rate {
            kind,
            micro_dollars_per_minute: rate,
            date_from,
        })
    };
    of(LedgerKind::Coaching)
        .chain(of(LedgerKind::Call))
        .collect()
}

/// What a minute that starts at this moment costs.
#[must_use]
pub fn rate_at(kind: LedgerKind, at: Timestamp) -> MicroDollars {
    MicroDollars(i64::from(in_force(table(kind), at)))
}

fn in_force(rates: &[(Timestamp, u32)], at: Timestamp) -> u32 {
    let held = rates.iter().rfind(|(from, _)| *from <= at);
    // Nothing was sold before the first date; the first rate is the least surprising.
    held.or(rates.first()).map_or(0, |(_, rate)| *rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b1_a_rate_holds_from_its_date_until_the_next() {
        let rates = [(Timestamp(10), 1), (Timestamp(20), 2), (Timestamp(30), 3)];
        let at = |now| in_force(&rates, Timestamp(now));
        assert_eq!(
            [at(10), at(19), at(20), at(29), at(30), at(99)],
            [1, 1, 2, 2, 3, 3]
        );
        assert_eq!(at(9), 1);
    }

    #[test]
    fn b1_the_rates_shown_are_the_rates_charged() {
        for rate in rates() {
            let charged = rate_at(rate.kind, rate.date_from);
            assert_eq!(
                charged,
                MicroDollars(i64::from(rate.micro_dollars_per_minute))
            );
        }
        assert_eq!(
            rate_at(LedgerKind::Coaching, Timestamp(1_800_000_000_000)),
            MicroDollars(4_000)
        );
    }
}
