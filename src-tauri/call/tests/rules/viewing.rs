//! W5, J1 to J3: who sees what, and who hears how loud whom.

use crate::world::*;
use call::{Input, LEAD_LEG, Limits, REP_LEG, seen_from, view};
use mix::{LegLevel, Mode};
use wire::{ClientType, CoachMode, Code, Level, PartyKind, Plan};

#[test]
fn w5_only_rep_coaches_and_listeners_see_the_coach_legs() {
    let mut world = World::answered();
    world.coach(MORGAN);
    let seen = |who, authority| world.machine.view(&viewer(who, authority)).coach_legs.len();
    assert_eq!(seen(REP, nobody()), 1);
    assert_eq!(seen(MORGAN, nobody()), 1, "is on the call");
    assert_eq!(seen(CASEY, trainee()), 1);
    assert_eq!(seen(SAM, nobody()), 0);
    let locked = call::Authority {
        plan: Plan::Startup,
        ..manager()
    };
    assert_eq!(seen(CASEY, locked), 1, "the plan hides nothing");
    let inactive = call::Authority {
        active: false,
        ..manager()
    };
    assert_eq!(seen(CASEY, inactive), 0);
}

#[test]
fn joinability_is_the_viewer_s_own() {
    let world = World::answered();
    let code = |who, authority| {
        let joinability = world.machine.view(&viewer(who, authority)).joinability;
        assert_eq!(joinability.joinable, joinability.code.is_none());
        assert_eq!(joinability.joinable, joinability.message.is_none());
        joinability.code
    };
    assert_eq!(code(MORGAN, manager()), None);
    assert_eq!(code(REP, manager()), Some(Code::OwnCall));
    assert_eq!(code(SAM, nobody()), Some(Code::PermissionRequired));
    let locked = call::Authority {
        plan: Plan::Professional,
        ..manager()
    };
    assert_eq!(code(MORGAN, locked), Some(Code::PlanRequired));
}

#[test]
fn only_the_desktop_app_is_told_that_it_may_join() {
    let world = World::answered();
    let seen = |client_type, who, authority| {
        let call = world.machine.view(&viewer(who, authority));
        seen_from(client_type, call).joinability
    };
    let native = seen(ClientType::Native, MORGAN, manager());
    assert_eq!((native.joinable, native.code), (true, None));
    for client_type in [ClientType::Web, ClientType::Mobile] {
        let other = seen(client_type, MORGAN, manager());
        assert_eq!(
            (other.joinable, other.code),
            (false, Some(Code::UserOffline))
        );
        assert!(other.message.unwrap().contains("desktop app"));
        // What the desktop app could not do either is said first.
        let listed = seen(client_type, SAM, nobody());
        assert_eq!(listed.code, Some(Code::PermissionRequired));
    }
}

#[test]
fn a_past_call_is_shown_by_the_same_rules() {
    let mut world = World::answered();
    world.coach(MORGAN);
    world.ok(hang_up(REP));
    let record = world.machine.record();
    let shown = view(&record, &Limits::default(), &viewer(MORGAN, manager()));
    assert_eq!(shown.joinability.code, Some(Code::CallEnded));
    assert_eq!(shown.coach_legs.len(), 1);
    let shown = view(&record, &Limits::default(), &viewer(MORGAN, nobody()));
    assert_eq!(
        shown.coach_legs,
        [],
        "no longer on the call, and may not listen"
    );
}

#[test]
fn the_machine_and_its_record_agree_on_joinability() {
    let limits = Limits {
        party_max: 3,
        ..Limits::default()
    };
    let mut world = World::answered_with(placed(), limits);
    world.coach(MORGAN);
    for (who, expected) in [(MORGAN, None), (CASEY, Some(Code::CallFull))] {
        let viewer = viewer(who, manager());
        let direct = world.machine.joinability(&viewer).err();
        assert_eq!(direct.map(|refusal| refusal.code), expected);
        assert_eq!(world.machine.view(&viewer).joinability.code, expected);
    }
}

fn kinds(levels: &[Level]) -> Vec<(PartyKind, Option<wire::UserId>)> {
    levels
        .iter()
        .map(|level| (level.kind, level.user_id.clone()))
        .collect()
}

#[test]
fn m2_a_whispers_level_goes_only_to_the_rep_and_the_whisperer() {
    let mut world = World::answered();
    let whisperer = world.coach(MORGAN);
    let barger = world.coach(CASEY);
    let listener = world.coach(SAM);
    world.ok(mode(MORGAN, CoachMode::Whisper));
    world.ok(mode(CASEY, CoachMode::Barge));
    let loud = [
        (REP_LEG, Mode::Barge),
        (LEAD_LEG, Mode::Barge),
        (whisperer, Mode::Whisper),
        (barger, Mode::Barge),
        (listener, Mode::Listen),
        (mix::LegNumber(77), Mode::Barge),
    ]
    .map(|(leg, reach)| LegLevel {
        leg,
        reach,
        level_dbov: -30,
    });
    let levels = world.machine.levels(&loud);
    let of = |who: u32| {
        let (_, levels) = levels.iter().find(|(one, _)| *one == user(who)).unwrap();
        kinds(levels)
    };
    let rep = (PartyKind::Rep, Some(user(REP)));
    let lead = (PartyKind::Lead, None);
    let morgan = (PartyKind::Coach, Some(user(MORGAN)));
    let casey = (PartyKind::Coach, Some(user(CASEY)));
    let sam = (PartyKind::Coach, Some(user(SAM)));
    assert_eq!(
        of(REP),
        [rep.clone(), lead.clone(), morgan.clone(), casey.clone()]
    );
    assert_eq!(
        of(MORGAN),
        [rep.clone(), lead.clone(), morgan, casey.clone()]
    );
    assert_eq!(of(CASEY), [rep.clone(), lead.clone(), casey.clone()]);
    assert_eq!(of(SAM), [rep, lead, casey, sam]);
    assert_eq!(levels.len(), 4);
}

#[test]
fn m2_no_one_sees_the_level_of_a_held_lead_or_a_muted_party() {
    let mut world = World::answered();
    let coach = world.coach(MORGAN);
    world.ok(mode(MORGAN, CoachMode::Barge));
    for input in [
        Input::SetHeld {
            user: user(REP),
            held: true,
        },
        Input::SetMuted {
            user: user(REP),
            device: device(0),
            muted: true,
        },
        Input::SetMuted {
            user: user(MORGAN),
            device: device(1),
            muted: true,
        },
    ] {
        world.ok(input);
    }
    let loud = [REP_LEG, LEAD_LEG, coach].map(|leg| LegLevel {
        leg,
        reach: Mode::Barge,
        level_dbov: -20,
    });
    let levels = world.machine.levels(&loud);
    let rep = vec![(PartyKind::Rep, Some(user(REP)))];
    let morgan = vec![(PartyKind::Coach, Some(user(MORGAN)))];
    let seen = levels.iter().map(|(_, levels)| kinds(levels));
    assert_eq!(seen.collect::<Vec<_>>(), [rep, morgan]);
}
