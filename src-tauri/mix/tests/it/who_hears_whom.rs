//! Who hears whom, exactly: the table of the product, and that of random calls against it.

use crate::common;

use std::collections::BTreeSet;

use common::{
    LEAD, LEGS, REP, STRANGER, any_call, any_stretch, frame_of, heard_by, marked, recorded, spoken,
};
use mix::{Frame, HANGOVER_TICKS, LegNumber, MixKey, Mixer, Mode, Role, Routes};
use proptest::prelude::*;

const LISTENS: u32 = 0;
const WHISPERS: u32 = 1;
const BARGES: u32 = 2;
const BARGES_TOO: u32 = 3;

fn call_of(legs: &[u32]) -> Routes {
    let mut routes = Routes::new();
    for leg in legs {
        assert_eq!(routes.add(LegNumber(*leg), common::role(*leg)), Ok(()));
    }
    routes
}

/// Everyone speaks at once; who speaks is in the bits of what is heard.
fn everybody() -> Vec<(u32, Mode, Frame)> {
    [
        (LISTENS, Mode::Listen),
        (WHISPERS, Mode::Whisper),
        (BARGES, Mode::Barge),
        (BARGES_TOO, Mode::Barge),
        (REP, Mode::Listen),
        (LEAD, Mode::Listen),
    ]
    .map(|(leg, mode)| (leg, mode, marked(leg, mode)))
    .to_vec()
}

const ALL: [u32; 6] = [LISTENS, WHISPERS, BARGES, BARGES_TOO, REP, LEAD];

#[test]
fn m2_every_cell_of_the_table_is_exact() {
    let routes = call_of(&ALL);
    let said = everybody();
    let mut mixer = Mixer::new();
    let mixes = mixer.mix(&routes, &spoken(&said));
    // Listener, then whether they hear: coach who listens, whispers, barges, barges too, rep, lead.
    let table = [
        (LISTENS, [false, false, true, true, true, true]),
        (WHISPERS, [false, false, true, true, true, true]),
        (BARGES, [false, false, false, true, true, true]),
        (BARGES_TOO, [false, false, true, false, true, true]),
        (REP, [false, true, true, true, false, true]),
        (LEAD, [false, false, true, true, true, false]),
    ];
    let cells = |frame: &Frame| {
        let pairs = frame.as_chunks::<2>().0;
        ALL.map(|leg| {
            pairs
                .iter()
                .all(|[public, whispers]| (public | whispers) & (1 << leg) != 0)
        })
    };
    for (listener, expected) in table {
        let frame = heard_by(&mixes, listener).expect("every party hears");
        assert_eq!(cells(frame), expected, "what {listener} hears");
    }
    assert_eq!(
        cells(recorded(&mixes)),
        [false, false, true, true, true, true],
        "the recording"
    );
}

#[test]
fn m3_a_late_whisper_and_a_barge_of_one_coach_stay_apart() {
    let routes = call_of(&ALL);
    let modes = [Mode::Whisper, Mode::Barge];
    let said = modes.map(|mode| (BARGES, mode, marked(BARGES, mode)));
    let mut mixer = Mixer::new();
    let mixes = mixer.mix(&routes, &spoken(&said));
    let public = frame_of((1 << BARGES, 0));
    assert_eq!(
        heard_by(&mixes, REP),
        Some(&frame_of((1 << BARGES, 1 << BARGES)))
    );
    for listener in [LEAD, LISTENS] {
        assert_eq!(heard_by(&mixes, listener), Some(&public));
    }
    assert_eq!(recorded(&mixes), &public);
    assert_eq!(heard_by(&mixes, BARGES), Some(&frame_of((0, 0))));
}

#[test]
fn m7_without_routes_nobody_hears_anybody() {
    let mut mixer = Mixer::new();
    let said = everybody();
    let mixes = mixer.mix(&Routes::new(), &spoken(&said));
    assert_eq!(
        mixes.iter().map(|mix| mix.listeners.len()).sum::<usize>(),
        0
    );
    assert!(recorded(&mixes).iter().all(|sample| *sample == 0));
}

#[test]
fn mixes_come_in_the_order_of_their_keys() {
    let mut mixer = Mixer::new();
    let mut routes = call_of(&ALL);
    let said = everybody();
    let keys = |mixer: &mut Mixer, routes: &Routes| -> Vec<MixKey> {
        mixer
            .mix(routes, &spoken(&said))
            .iter()
            .map(|mix| mix.key)
            .collect()
    };
    let apart = [
        MixKey::Coach(LegNumber(BARGES)),
        MixKey::Coach(LegNumber(BARGES_TOO)),
    ];
    assert_eq!(
        keys(&mut mixer, &routes),
        [
            [MixKey::Public, MixKey::Lead, MixKey::Rep].as_slice(),
            &apart
        ]
        .concat()
    );
    routes.set_held(true);
    assert_eq!(
        keys(&mut mixer, &routes),
        [
            [MixKey::Public, MixKey::Held, MixKey::Rep].as_slice(),
            &apart
        ]
        .concat()
    );
}

#[test]
fn a_call_of_100_with_two_talking_is_three_mixes() {
    let mut routes = Routes::new();
    for leg in 0..100 {
        routes
            .add(LegNumber(leg), common::role(leg))
            .expect("there is room");
    }
    let said = [
        (REP, Mode::Listen, marked(REP, Mode::Listen)),
        (LEAD, Mode::Listen, marked(LEAD, Mode::Listen)),
    ];
    let mut mixer = Mixer::new();
    let mixes = mixer.mix(&routes, &spoken(&said));
    assert_eq!(mixes.len(), 3);
    assert_eq!(mixes.iter().next().map(|mix| mix.listeners.len()), Some(98));
}

#[test]
fn a_pausing_coach_keeps_their_mix_only_for_the_hangover() {
    let routes = call_of(&ALL);
    let mut mixer = Mixer::new();
    let said = [(BARGES, Mode::Barge, marked(BARGES, Mode::Barge))];
    let own = MixKey::Coach(LegNumber(BARGES));
    assert!(
        mixer
            .mix(&routes, &spoken(&said))
            .iter()
            .any(|mix| mix.key == own)
    );
    for tick in 1..=HANGOVER_TICKS {
        let mixes = mixer.mix(&routes, &[]);
        assert!(
            mixes.iter().any(|mix| mix.key == own),
            "tick {tick} of the pause"
        );
    }
    let mixes = mixer.mix(&routes, &[]);
    assert!(mixes.iter().all(|mix| mix.key != own));
    assert!(
        mixes
            .iter()
            .next()
            .is_some_and(|mix| mix.listeners.contains(&LegNumber(BARGES)))
    );
}

#[test]
fn a_held_call_records_silence_while_rep_and_coaches_go_on() {
    let mut routes = call_of(&ALL);
    routes.set_held(true);
    let said = everybody();
    let mut mixer = Mixer::new();
    let mixes = mixer.mix(&routes, &spoken(&said));
    assert!(recorded(&mixes).iter().all(|sample| *sample == 0));
    assert_eq!(heard_by(&mixes, LEAD), None);
    let public = 1 << REP | 1 << BARGES | 1 << BARGES_TOO;
    assert_eq!(heard_by(&mixes, LISTENS), Some(&frame_of((public, 0))));
    let rep = frame_of((1 << BARGES | 1 << BARGES_TOO, 1 << WHISPERS));
    assert_eq!(heard_by(&mixes, REP), Some(&rep));
}

#[test]
fn a_second_rep_or_lead_a_second_leg_and_party_129_are_refused() {
    use mix::{MAX_PARTIES, RoutesError};
    let mut routes = call_of(&[REP, LEAD]);
    assert_eq!(
        routes.add(LegNumber(90), Role::Rep),
        Err(RoutesError::RoleTaken)
    );
    assert_eq!(
        routes.add(LegNumber(90), Role::Lead),
        Err(RoutesError::RoleTaken)
    );
    assert_eq!(
        routes.add(LegNumber(REP), Role::Coach),
        Err(RoutesError::Duplicate)
    );
    for leg in 0..MAX_PARTIES as u32 {
        if leg != REP && leg != LEAD {
            assert_eq!(routes.add(LegNumber(leg), Role::Coach), Ok(()));
        }
    }
    assert_eq!(
        routes.add(LegNumber(u32::MAX), Role::Coach),
        Err(RoutesError::Full)
    );
    assert_eq!(routes.len(), MAX_PARTIES);
    assert!(
        routes
            .parties()
            .map(|(leg, _)| leg.0)
            .eq(0..MAX_PARTIES as u32)
    );
    assert!(routes.remove(LegNumber(REP)) && !routes.remove(LegNumber(REP)));
    assert_eq!(routes.role(LegNumber(REP)), None);
    assert_eq!(routes.add(LegNumber(REP), Role::Rep), Ok(()));
}

proptest! {
    /// The sets that are heard, the partition of listeners and the mixes' keys, tick by tick, against
    /// the rules alone; through joins, leaves, holds, mutes, unknown legs and legs that come twice.
    #[test]
    fn m2_m7_random_calls_are_heard_exactly_as_the_table_says(call in any_call()) {
        let mut routes = Routes::new();
        let mut mixer = Mixer::new();
        // Ticks since each coach was heard in public.
        let mut silent = [u16::MAX; LEGS as usize];
        for stretch in &call {
            stretch.apply(&mut routes);
            let said: Vec<_> =
                stretch.spoken.iter().map(|(leg, mode, _)| (*leg, *mode, marked(*leg, *mode))).collect();
            for _ in 0..stretch.ticks {
                let mixes = mixer.mix(&routes, &spoken(&said));

                let expected = if stretch.held { 0 } else { stretch.public() };
                prop_assert_eq!(recorded(&mixes), &frame_of((expected, 0)));
                let mut keys = vec![MixKey::Public];
                let mut together = 0;
                for leg in 0..=STRANGER {
                    let in_mixes = mixes
                        .iter()
                        .filter(|mix| mix.listeners.contains(&LegNumber(leg)))
                        .collect::<Vec<_>>();
                    let expected = if leg == STRANGER { None } else { stretch.audible_to(leg) };
                    prop_assert_eq!(in_mixes.len(), usize::from(expected.is_some()));
                    if let (Some(mix), Some(expected)) = (in_mixes.first(), expected) {
                        prop_assert_eq!(mix.frame, &frame_of(expected));
                        prop_assert_eq!(mix.frame[0] & (1 << leg), 0, "nobody hears themselves");
                    }
                    if leg == STRANGER || common::role(leg) != Role::Coach {
                        continue;
                    }
                    let silent = &mut silent[leg as usize];
                    *silent = if !stretch.is_present(leg) {
                        u16::MAX
                    } else if stretch.says(leg, Mode::Barge) {
                        0
                    } else {
                        silent.saturating_add(1)
                    };
                    if *silent <= HANGOVER_TICKS {
                        keys.push(MixKey::Coach(LegNumber(leg)));
                    } else {
                        together += usize::from(stretch.is_present(leg));
                    }
                }
                if stretch.held && together > 0 {
                    keys.push(MixKey::Held);
                }
                if stretch.audible_to(LEAD).is_some() {
                    keys.push(MixKey::Lead);
                }
                if stretch.audible_to(REP).is_some() {
                    keys.push(MixKey::Rep);
                }
                keys.sort();
                prop_assert_eq!(mixes.iter().map(|mix| mix.key).collect::<Vec<_>>(), keys);
            }
        }
    }

    /// With rep and lead speaking, there are as many mixes as sets of voices that someone hears.
    #[test]
    fn there_are_as_many_mixes_as_distinct_audible_sets(mut stretch in any_stretch()) {
        stretch.present |= 1 << REP | 1 << LEAD;
        stretch.muted &= !(1 << REP | 1 << LEAD);
        stretch.held = false;
        stretch.spoken.extend([(REP, Mode::Listen, 0), (LEAD, Mode::Listen, 0)]);
        let mut routes = Routes::new();
        stretch.apply(&mut routes);
        let said: Vec<_> =
            stretch.spoken.iter().map(|(leg, mode, _)| (*leg, *mode, marked(*leg, *mode))).collect();
        let sets: BTreeSet<_> = (0..LEGS)
            .filter_map(|leg| stretch.audible_to(leg))
            .chain([(stretch.public(), 0)])
            .collect();
        prop_assert_eq!(Mixer::new().mix(&routes, &spoken(&said)).len(), sets.len());
    }
}
