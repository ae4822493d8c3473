//! The same calls with loud voices, so that limiters work in every mix: what a mix sounds like never
//! tells of what it does not hear.

use crate::common;

use common::{LEAD, LEGS, REP, any_call, any_stretch, heard_by, noise, recorded, spoken};
use mix::{FRAME_SAMPLES, Frame, LegNumber, MixKey, Mixer, Mode, Role, Routes, Spoken};
use proptest::prelude::*;

fn said(spoken: &[(u32, Mode, u32)], tick: usize) -> Vec<(u32, Mode, Frame)> {
    spoken
        .iter()
        .map(|(leg, mode, seed)| (*leg, *mode, noise(seed.wrapping_add(tick as u32))))
        .collect()
}

proptest! {
    #[test]
    fn m2_whispers_change_no_bit_for_the_lead_or_the_recording(call in any_call()) {
        let (mut with, mut without) = (Mixer::new(), Mixer::new());
        let mut routes = Routes::new();
        for stretch in &call {
            stretch.apply(&mut routes);
            for tick in 0..stretch.ticks {
                let everything = said(&stretch.spoken, tick);
                // A leg's second public frame is ignored, whatever is whispered.
                let mut legs = std::collections::BTreeSet::new();
                let mut public = everything.clone();
                public.retain(|(leg, mode, _)| {
                    let is_public = matches!(*leg, REP | LEAD) || *mode == Mode::Barge;
                    is_public && legs.insert(*leg)
                });
                let (everything, public) = (spoken(&everything), spoken(&public));
                let (with, without) = (with.mix(&routes, &everything), without.mix(&routes, &public));
                prop_assert_eq!(heard_by(&with, LEAD), heard_by(&without, LEAD));
                prop_assert_eq!(recorded(&with), recorded(&without));
                for leg in (0..LEGS).filter(|leg| *leg != REP) {
                    prop_assert_eq!(heard_by(&with, leg), heard_by(&without, leg));
                }
            }
        }
    }

    #[test]
    fn m7_a_party_without_a_route_is_as_if_absent(
        call in any_call(),
        stranger in any::<u32>(),
        mode in common::any_mode(),
    ) {
        let (mut with, mut without) = (Mixer::new(), Mixer::new());
        let mut routes = Routes::new();
        for stretch in &call {
            stretch.apply(&mut routes);
            for tick in 0..stretch.ticks {
                let known = said(&stretch.spoken, tick);
                let mut all = known.clone();
                all.insert(0, (stranger.max(LEGS), mode, noise(stranger)));
                let (known, all) = (spoken(&known), spoken(&all));
                let (with, without) = (with.mix(&routes, &all), without.mix(&routes, &known));
                prop_assert!(same(with.iter(), without.iter()));
            }
        }
    }

    #[test]
    fn the_order_of_parties_does_not_matter(
        (call, seed) in (any_call(), any::<u64>()),
    ) {
        let (mut straight, mut shuffled) = (Mixer::new(), Mixer::new());
        let mut routes = Routes::new();
        for stretch in &call {
            stretch.apply(&mut routes);
            // The first of two frames wins, so each leg speaks once here.
            let mut once = stretch.spoken.clone();
            once.sort_by_key(|(leg, ..)| *leg);
            once.dedup_by_key(|(leg, ..)| *leg);
            for tick in 0..stretch.ticks {
                let in_order = said(&once, tick);
                let mut out_of_order = in_order.clone();
                out_of_order.sort_by_key(|(leg, ..)| {
                    seed.wrapping_mul(u64::from(*leg) * 2 + 1).rotate_left(tick as u32)
                });
                let mut reversed = Routes::new();
                for (leg, role) in routes.parties().collect::<Vec<_>>().into_iter().rev() {
                    reversed.add(leg, role).expect("there is room");
                    reversed.set_muted(leg, routes.muted(leg));
                }
                reversed.set_held(routes.held());
                let (in_order, out_of_order) = (spoken(&in_order), spoken(&out_of_order));
                let straight = straight.mix(&routes, &in_order);
                let shuffled = shuffled.mix(&reversed, &out_of_order);
                prop_assert!(same(straight.iter(), shuffled.iter()));
            }
        }
    }

    /// What a coach hears is the same whatever the coach says: not a sample, nor its loudness.
    #[test]
    fn nobody_hears_themselves_however_loud(mut stretch in any_stretch(), leg in 0..LEGS) {
        prop_assume!(leg != REP && leg != LEAD);
        stretch.present |= 1 << leg;
        let mut routes = Routes::new();
        stretch.apply(&mut routes);
        let (mut loud, mut quiet) = (Mixer::new(), Mixer::new());
        stretch.spoken.retain(|(other, ..)| *other != leg);
        for tick in 0..stretch.ticks {
            let mut louds = said(&stretch.spoken, tick);
            let mut quiets = louds.clone();
            louds.push((leg, Mode::Barge, [i16::MIN; FRAME_SAMPLES]));
            quiets.push((leg, Mode::Barge, [0; FRAME_SAMPLES]));
            let (louds, quiets) = (spoken(&louds), spoken(&quiets));
            let (loud, quiet) = (loud.mix(&routes, &louds), quiet.mix(&routes, &quiets));
            prop_assert!(heard_by(&loud, leg).is_some());
            prop_assert_eq!(heard_by(&loud, leg), heard_by(&quiet, leg));
        }
    }

    /// A single talker passes bit for bit, the lowest sample included.
    #[test]
    fn a_single_talker_passes_bit_for_bit(seed in any::<u32>()) {
        let mut routes = Routes::new();
        routes.add(LegNumber(REP), Role::Rep).expect("there is room");
        routes.add(LegNumber(LEAD), Role::Lead).expect("there is room");
        let mut frame = noise(seed);
        frame[seed as usize % FRAME_SAMPLES] = i16::MIN;
        let mut mixer = Mixer::new();
        let rep = [Spoken { leg: LegNumber(REP), reach: Mode::Listen, frame: &frame }];
        let mixes = mixer.mix(&routes, &rep);
        prop_assert_eq!(heard_by(&mixes, LEAD), Some(&frame));
        prop_assert_eq!(recorded(&mixes), &frame);
    }
}

fn same<'a>(
    one: impl Iterator<Item = mix::Mix<'a>>,
    other: impl Iterator<Item = mix::Mix<'a>>,
) -> bool {
    fn parts(mix: mix::Mix<'_>) -> (MixKey, &Frame, &[LegNumber], bool) {
        (mix.key, mix.frame, mix.listeners, mix.recorded)
    }
    one.map(parts).eq(other.map(parts))
}
