//! What holds whatever happens, in whatever order.

use crate::world::*;
use call::{
    Authority, Digits, Input, Invitee, Join, LEAD_LEG, LeadProgress, Limits, Machine, Output,
    REP_LEG,
};
use mix::{LegNumber, Mode, Role};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use wire::{CoachLegStatus, CoachMode, Code, ParticipationAction, Plan, Timestamp};

const USERS: u32 = 6;
const PARTY_MAX: usize = 5;

/// What happens, before ids that must be new are filled in.
#[derive(Debug, Clone)]
enum Step {
    Lead(LeadProgress),
    Offered(u32, u32, Mode),
    Connected(u32),
    Lost(u32),
    HangUp(u32),
    Held(u32, bool),
    Muted(u32, u32, bool),
    MicrophoneTrouble(u32, u32, bool),
    Dtmf(u32),
    Join(u32, u32, Authority, Option<u32>),
    Leave(u32, u32),
    Mode(u32, u32, CoachMode, Authority),
    Invite(u32, Vec<(u32, Authority, bool)>),
    Decline(u32, u32),
    Authority(u32, Authority),
    Plan(Plan),
    Time,
    Stop,
}

fn plan() -> impl Strategy<Value = Plan> {
    prop_oneof![8 => Just(Plan::Enterprise), 1 => Just(Plan::Startup)]
}

fn authority() -> impl Strategy<Value = Authority> {
    (
        prop::bool::weighted(0.95),
        prop::bool::weighted(0.9),
        any::<bool>(),
        plan(),
    )
        .prop_map(|(active, listen, barge, plan)| Authority {
            active,
            listen,
            barge,
            plan,
            funds: true,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..USERS;
    // Users have two devices each.
    let on = || 0..2_u32;
    let mode = || {
        prop_oneof![
            Just(CoachMode::Listen),
            Just(CoachMode::Whisper),
            Just(CoachMode::Barge)
        ]
    };
    let signal = prop_oneof![
        10 => Just(LeadProgress::Ringing),
        5 => Just(LeadProgress::EarlyMedia),
        20 => Just(LeadProgress::Answered),
        1 => Just(LeadProgress::Busy),
        1 => Just(LeadProgress::NoAnswer),
        1 => Just(LeadProgress::Unreachable),
        1 => Just(LeadProgress::Declined),
        1 => Just(LeadProgress::Failed),
        1 => Just(LeadProgress::Lost),
        1 => Just(LeadProgress::HungUp),
    ];
    let invitees = prop::collection::vec((who(), authority(), prop::bool::weighted(0.9)), 1..4);
    prop_oneof![
        10 => signal.prop_map(Step::Lead),
        5 => (0..12_u32, on(), prop_oneof![Just(Mode::Whisper), Just(Mode::Barge)])
            .prop_map(|(leg, on, widest)| Step::Offered(leg, on, widest)),
        20 => (0..12_u32).prop_map(Step::Connected),
        10 => (0..12_u32).prop_map(Step::Lost),
        1 => who().prop_map(Step::HangUp),
        3 => (who(), any::<bool>()).prop_map(|(who, held)| Step::Held(who, held)),
        5 => (who(), on(), any::<bool>()).prop_map(|(who, on, muted)| Step::Muted(who, on, muted)),
        5 => (who(), on(), any::<bool>())
            .prop_map(|(who, on, trouble)| Step::MicrophoneTrouble(who, on, trouble)),
        1 => who().prop_map(Step::Dtmf),
        40 => (who(), on(), authority(), prop::option::weighted(0.2, 0..10_u32))
            .prop_map(|(who, on, authority, by)| Step::Join(who, on, authority, by)),
        8 => (who(), on()).prop_map(|(who, on)| Step::Leave(who, on)),
        40 => (who(), on(), mode(), authority())
            .prop_map(|(who, on, mode, authority)| Step::Mode(who, on, mode, authority)),
        8 => (0..2_u32, invitees).prop_map(|(who, invitees)| Step::Invite(who, invitees)),
        4 => (who(), 0..10_u32).prop_map(|(who, which)| Step::Decline(who, which)),
        5 => (who(), authority()).prop_map(|(who, authority)| Step::Authority(who, authority)),
        1 => plan().prop_map(Step::Plan),
        5 => Just(Step::Time),
        1 => Just(Step::Stop),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(u32, Step)>> {
    prop::collection::vec((0..8_000_u32, step()), 1..80)
}

fn on_device(who: u32, on: u32) -> wire::DeviceId {
    device(who * 10 + on)
}

fn input(step: &Step, fresh: &mut u32) -> Input {
    let mut id = || {
        *fresh += 1;
        *fresh
    };
    match step.clone() {
        Step::Lead(signal) => Input::Lead(signal),
        Step::Offered(leg, on, widest) => Input::MediaOffered {
            leg: LegNumber(leg),
            device: on_device(REP, on),
            widest,
        },
        Step::Connected(leg) => Input::MediaConnected(LegNumber(leg)),
        Step::Lost(leg) => Input::MediaLost(LegNumber(leg)),
        Step::HangUp(who) => hang_up(who),
        Step::Held(who, held) => Input::SetHeld {
            user: user(who),
            held,
        },
        Step::Muted(who, on, muted) => Input::SetMuted {
            user: user(who),
            device: on_device(who, on),
            muted,
        },
        Step::MicrophoneTrouble(who, on, trouble) => Input::SetMicrophoneTrouble {
            user: user(who),
            device: on_device(who, on),
            trouble,
        },
        Step::Dtmf(who) => Input::Dtmf {
            user: user(who),
            digits: Digits::parse("1#").unwrap(),
        },
        Step::Join(who, on, authority, by) => Input::Join(Join {
            user: user(who),
            device: on_device(who, on),
            authority,
            leg: wire::LegId::from_suffix(&id().to_string()).unwrap(),
            invitation: by.map(invitation),
        }),
        Step::Leave(who, on) => Input::Leave {
            user: user(who),
            device: on_device(who, on),
        },
        Step::Mode(who, on, mode, authority) => Input::SetMode {
            user: user(who),
            device: on_device(who, on),
            mode,
            authority,
        },
        Step::Invite(who, invitees) => Input::Invite {
            user: user(who),
            invitees: invitees
                .into_iter()
                .map(|(who, authority, native_online)| Invitee {
                    user: user(who),
                    authority,
                    native_online,
                    invitation: invitation(id()),
                })
                .collect(),
        },
        Step::Decline(who, which) => Input::Decline {
            user: user(who),
            invitation: invitation(which),
        },
        Step::Authority(who, authority) => Input::AuthorityChanged {
            user: user(who),
            authority,
        },
        Step::Plan(plan) => Input::PlanChanged(plan),
        Step::Time => Input::TimePassed,
        Step::Stop => Input::ServiceStopping,
    }
}

/// The media as the outputs make it: what a shell that does just what it is told would have.
#[derive(Default)]
struct Media {
    roles: HashMap<LegNumber, Role>,
    grants: HashMap<LegNumber, Mode>,
    ever: HashSet<LegNumber>,
    charged: HashSet<(wire::LegId, u32)>,
    answered: bool,
    ended: bool,
}

impl Media {
    fn apply(&mut self, output: &Output) {
        assert!(!self.ended, "nothing follows the end");
        match output {
            Output::AddLeg { leg, role } => {
                assert!(self.ever.insert(*leg), "{leg:?} was used before");
                // M7: what the network plays before the answer is heard by the rep alone.
                assert!(
                    self.answered || *role != Role::Coach,
                    "a coach before the answer"
                );
                self.roles.insert(*leg, *role);
            }
            Output::RemoveLeg { leg } => {
                assert!(self.roles.remove(leg).is_some(), "{leg:?} is not in");
                self.grants.remove(leg);
            }
            Output::SetGrant { leg, mode, .. } => {
                assert_eq!(self.roles.get(leg), Some(&Role::Coach));
                self.grants.insert(*leg, *mode);
            }
            Output::SetMuted { leg, .. } => assert!(self.roles.contains_key(leg)),
            Output::Answered => {
                assert!(self.roles.contains_key(&LEAD_LEG));
                self.answered = true;
            }
            Output::SetHeld(_) | Output::SendDtmf(_) => {
                assert!(self.roles.contains_key(&LEAD_LEG));
            }
            Output::Ended(_) => {
                assert!(self.roles.is_empty(), "every leg is out by the end");
                self.ended = true;
            }
            Output::CoachLegChanged(leg) => assert_consistent(leg),
            Output::Charge(charge) => {
                let minute = (charge.leg_id.clone(), charge.minute);
                assert!(self.charged.insert(minute), "{charge:?} is charged twice");
            }
            Output::Dial
            | Output::Receive
            | Output::PickUp
            | Output::HangUpLead
            | Output::CallChanged
            | Output::SetRecordingPaused(_)
            | Output::InvitationChanged(_) => {}
        }
    }

    fn grant(&self, leg: LegNumber) -> Mode {
        self.grants.get(&leg).copied().unwrap_or_default()
    }
}

/// A leg's history tells what its other fields do.
fn assert_consistent(leg: &wire::CoachLeg) {
    let history = &leg.participation_history;
    assert!(history.is_sorted_by_key(|entry| entry.timestamp));
    let first = history.first().unwrap();
    assert_eq!(first.action, ParticipationAction::Listen, "M1");
    assert_eq!(first.timestamp, leg.date_created);
    let done = leg.status == CoachLegStatus::Done;
    let last = history.last().unwrap();
    assert_eq!(last.action == ParticipationAction::Left, done);
    assert_eq!(leg.date_done, done.then_some(last.timestamp));
    assert_eq!(leg.end_reason.is_some(), done);
    assert!(leg.date_connected.is_none_or(|at| at >= leg.date_created));
    let told = history.iter().rev().find_map(|entry| match entry.action {
        ParticipationAction::Listen | ParticipationAction::MovedToListen => Some(CoachMode::Listen),
        ParticipationAction::Whisper => Some(CoachMode::Whisper),
        ParticipationAction::Barge => Some(CoachMode::Barge),
        _ => None,
    });
    assert!(!done || !leg.microphone_trouble, "nobody is there");
    if !done {
        assert_eq!(told, Some(leg.mode), "the history tells the mode");
    }
}

fn machine() -> (Machine, Timestamp) {
    let limits = Limits {
        party_max: PARTY_MAX,
        ..Limits::default()
    };
    let now = Timestamp(START_MS);
    (Machine::new(now, placed(), limits), now)
}

fn drain(machine: &mut Machine) -> Vec<Output> {
    std::iter::from_fn(|| machine.poll()).collect()
}

/// What a step may change for the rep and the lead: nothing, when a coach or what befell one did it.
fn is_of_a_coach(step: &Step) -> bool {
    match step {
        Step::Offered(leg, ..) | Step::Connected(leg) | Step::Lost(leg) => *leg > LEAD_LEG.0,
        Step::Authority(who, _) | Step::HangUp(who) | Step::Held(who, _) | Step::Dtmf(who) => {
            *who != REP
        }
        Step::Muted(who, ..) | Step::MicrophoneTrouble(who, ..) | Step::Mode(who, ..) => {
            *who != REP
        }
        Step::Join(..) | Step::Leave(..) | Step::Invite(..) | Step::Decline(..) | Step::Plan(_) => {
            true
        }
        Step::Lead(_) | Step::Time | Step::Stop => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_happens_the_rules_hold(steps in steps()) {
        let (mut machine, mut now) = machine();
        let mut media = Media::default();
        for output in drain(&mut machine) {
            media.apply(&output);
        }
        // What each coach may do, as the machine was last told by anyone.
        let mut known: HashMap<u32, Authority> = HashMap::new();
        // How far each leg's connection reaches.
        let mut widest: HashMap<LegNumber, Mode> = HashMap::new();
        let mut fresh = 0;
        for (after_ms, step) in &steps {
            now = now.plus_millis(i64::from(*after_ms));
            // Time is let pass by itself first, so that what follows is of the step alone.
            let over = machine.is_over();
            let late = machine.handle(now, Input::TimePassed);
            prop_assert_eq!(late.is_err(), over);
            for output in drain(&mut machine) {
                media.apply(&output);
            }
            let was_over = machine.is_over();
            let before = (machine.record(), media.roles.len());
            let result = machine.handle(now, input(step, &mut fresh));
            let outputs = drain(&mut machine);
            for output in &outputs {
                media.apply(output);
            }
            if was_over {
                prop_assert_eq!(result.clone().unwrap_err().code, Code::CallEnded);
                prop_assert!(outputs.is_empty());
                prop_assert_eq!(machine.wake_at(), None);
            }
            if result.is_err() {
                prop_assert!(outputs.is_empty(), "a refusal does nothing");
                prop_assert_eq!(&machine.record(), &before.0);
            }
            if is_of_a_coach(step) {
                let touched = outputs.iter().any(|output| match output {
                    Output::AddLeg { leg, .. } | Output::RemoveLeg { leg }
                    | Output::SetMuted { leg, .. } => *leg == REP_LEG || *leg == LEAD_LEG,
                    Output::SetHeld(_) | Output::HangUpLead | Output::Ended(_)
                    | Output::SendDtmf(_) => true,
                    _ => false,
                });
                prop_assert!(!touched, "rep and lead are untouched by {step:?}: {outputs:?}");
            }
            // An offer for a leg that is not in is passed over.
            if let (Step::Offered(leg, _, mode), Ok(())) = (step, &result)
                && media.roles.contains_key(&LegNumber(*leg))
            {
                widest.insert(LegNumber(*leg), *mode);
            }
            match step {
                Step::Join(who, _, authority, _) | Step::Mode(who, _, _, authority)
                    if result.is_ok() => { known.insert(*who, *authority); }
                Step::Authority(who, authority) => { known.insert(*who, *authority); }
                _ => {}
            }
            // J2: the places.
            prop_assert!(media.roles.len() <= PARTY_MAX);
            let record = machine.record();
            let live: Vec<_> = record.coach_legs.iter()
                .filter(|leg| leg.status != CoachLegStatus::Done).collect();
            let coaches = media.roles.values().filter(|role| **role == Role::Coach).count();
            prop_assert_eq!(live.len(), coaches, "the record and the media agree");
            // J4: no one twice, and never the rep.
            let users: HashSet<_> = live.iter().map(|leg| &leg.user_id).collect();
            prop_assert_eq!(users.len(), live.len());
            prop_assert!(!users.contains(&user(REP)));
            // A1, A2: no grant beyond the authority, and the record tells the grant.
            for leg in live {
                let audio = machine.media_leg(&leg.user_id, &leg.device_id).unwrap();
                prop_assert_eq!(Mode::from(leg.mode), media.grant(audio));
                let who = (0..USERS).find(|&who| user(who) == leg.user_id).unwrap();
                let most = known.get(&who).and_then(Authority::ceiling);
                prop_assert!(
                    leg.mode == CoachMode::Listen || Some(media.grant(audio)) <= most,
                    "{who} has {:?}, may {most:?}", leg.mode
                );
                // M3: nor beyond what the connection can tell apart.
                let of_connection = widest.get(&audio).copied().unwrap_or(Mode::Barge);
                prop_assert!(media.grant(audio) <= of_connection, "{audio:?} {of_connection:?}");
                if leg.status == CoachLegStatus::Reconnecting {
                    prop_assert_eq!(leg.mode, CoachMode::Listen);
                }
            }
            // W3: at most one open invitation a user, none after the end.
            let open: Vec<_> = machine.open_invitations().map(|one| &one.invitee_id).collect();
            let invitees: HashSet<_> = open.iter().collect();
            prop_assert_eq!(open.len(), invitees.len());
            prop_assert!(open.len() <= PARTY_MAX);
            prop_assert!(!machine.is_over() || open.is_empty());
            prop_assert_eq!(machine.is_over(), media.ended);
            prop_assert!(machine.wake_at().is_none_or(|at| at > now), "what is due is done");
        }
        if !machine.is_over() {
            machine.handle(now, Input::ServiceStopping).unwrap();
            for output in drain(&mut machine) {
                media.apply(&output);
            }
        }
        prop_assert!(media.ended && media.roles.is_empty());
        prop_assert_eq!(media.answered, machine.record().date_answered.is_some());
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(steps in steps()) {
        let run = || {
            let (mut machine, mut now) = machine();
            let mut fresh = 0;
            let mut all = drain(&mut machine);
            for (after_ms, step) in &steps {
                now = now.plus_millis(i64::from(*after_ms));
                let _ = machine.handle(now, input(step, &mut fresh));
                all.extend(drain(&mut machine));
            }
            (all, machine.record())
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_late_timer_allows_nothing_more(steps in steps()) {
        // One machine is woken when it asks, the other sees time only with the next input.
        let (mut woken, mut now) = machine();
        let (mut lazy, _) = machine();
        let mut fresh = 0;
        for (after_ms, step) in &steps {
            let next = now.plus_millis(i64::from(*after_ms));
            while let Some(at) = woken.wake_at().filter(|at| *at <= next) {
                woken.handle(at, Input::TimePassed).unwrap();
            }
            now = next;
            let mut same = fresh;
            let first = woken.handle(now, input(step, &mut fresh));
            let second = lazy.handle(now, input(step, &mut same));
            let codes = |result: Result<(), call::Refusal>| result.map_err(|refusal| refusal.code);
            // The timer that ends a call is no refusal.
            if !matches!(step, Step::Time) {
                prop_assert_eq!(codes(first), codes(second));
            }
            prop_assert_eq!(woken.is_over(), lazy.is_over());
        }
    }
}
