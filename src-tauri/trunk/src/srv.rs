//! The order in which the servers of a domain are tried (RFC 2782, for SIP RFC 3263 §4.2).

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The lower the earlier.
    pub(crate) priority: u16,
    /// Its share among those of the same priority.
    pub(crate) weight: u16,
    pub(crate) port: u16,
    /// Its name, without a point at the end; empty where there is no such service.
    pub(crate) target: String,
}

/// The records in the order of this time: by priority, and within one by lot. `random` gives a number
/// from 0 to its argument, both included.
pub(crate) fn ordered(mut left: Vec<Record>, mut random: impl FnMut(u32) -> u32) -> Vec<Record> {
    // Those without weight come first, which gives them a chance in the lot (RFC 2782).
    left.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let priority = first.priority;
        let equals = left.iter().take_while(|record| record.priority == priority);
        let weights: Vec<u32> = equals.map(|record| record.weight.into()).collect();
        let mut lot = random(weights.iter().sum());
        let drawn = weights.iter().position(|weight| {
            let is_drawn = lot <= *weight;
            lot = lot.saturating_sub(*weight);
            is_drawn
        });
        ordered.push(left.remove(drawn.unwrap_or_default()));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 0x2782_3263;

    fn record(priority: u16, weight: u16, target: &str) -> Record {
        Record {
            priority,
            weight,
            port: 5060,
            target: target.into(),
        }
    }

    /// xorshift64*, seeded.
    fn random() -> impl FnMut(u32) -> u32 {
        println!("seed {SEED:#x}");
        let mut state = SEED;
        move |most| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let drawn = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
            (drawn % (u64::from(most) + 1)) as u32
        }
    }

    fn names(records: &[Record]) -> Vec<&str> {
        records
            .iter()
            .map(|record| record.target.as_str())
            .collect()
    }

    #[test]
    fn a_lower_priority_comes_first_whatever_the_weights() {
        let mut random = random();
        for _ in 0..1_000 {
            let records = vec![
                record(30, 65_535, "last"),
                record(10, 0, "first"),
                record(20, 1, "second"),
            ];
            let ordered = ordered(records, &mut random);
            assert_eq!(names(&ordered), ["first", "second", "last"]);
        }
    }

    #[test]
    fn among_equals_each_comes_first_as_often_as_its_weight_says() {
        let mut random = random();
        let mut first = [0_u32; 3];
        for _ in 0..10_000 {
            let records = vec![
                record(1, 60, "60"),
                record(1, 30, "30"),
                record(1, 10, "10"),
            ];
            let ordered = ordered(records, &mut random);
            assert_eq!(ordered.len(), 3);
            let at = ["60", "30", "10"]
                .iter()
                .position(|name| *name == ordered[0].target);
            first[at.unwrap()] += 1;
        }
        // A hundredth of ten thousand is two standard deviations of the largest.
        for (seen, share) in first.iter().zip([6_000, 3_000, 1_000]) {
            assert!(seen.abs_diff(share) < 200, "{first:?}");
        }
    }

    #[test]
    fn a_record_without_weight_has_a_small_chance_or_an_equal_one() {
        let mut random = random();
        let mut small = 0;
        for _ in 0..10_000 {
            let records = vec![record(1, 99, "heavy"), record(1, 0, "light")];
            small += u32::from(ordered(records, &mut random)[0].target == "light");
        }
        assert!((1..300).contains(&small), "{small}");
        assert_eq!(ordered(Vec::new(), &mut random), []);
        let alone = vec![record(1, 0, "alone")];
        assert_eq!(ordered(alone.clone(), &mut random), alone);
    }
}
