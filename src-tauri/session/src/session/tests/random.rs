//! M3 and M4 over random courses: whatever comes when, the stamp is never wider than the newest grant
//! that the service told of, and the microphone is never open in Listen.

use std::time::Duration;

use mix::Mode;
use proptest::prelude::*;
use wire::{CallStatus, CoachLeg};

use super::world::{World, call, leg};
use crate::*;

#[derive(Debug, Clone)]
enum Step {
    Want(Mode),
    /// The key for whispering goes down, or up.
    Hold(bool),
    Mute(bool),
    /// The service takes in one of the requests that wait, and answers it at some later time.
    Serve(usize),
    /// One of the answers arrives.
    Answer(usize),
    /// One of the answers is lost.
    Lose(usize),
    /// The service refuses one of the requests.
    Refuse(usize),
    /// One of the events arrives, in any order.
    Event(usize),
    /// The service takes a permission away.
    Revoke(Mode),
    MediaLost,
    MediaOffered,
    MediaUp,
    SocketLost,
    SocketUp(bool),
    Pass(u64),
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Listen), Just(Mode::Whisper), Just(Mode::Barge)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => mode().prop_map(Step::Want),
        4 => any::<bool>().prop_map(Step::Hold),
        1 => any::<bool>().prop_map(Step::Mute),
        6 => any::<usize>().prop_map(Step::Serve),
        6 => any::<usize>().prop_map(Step::Answer),
        1 => any::<usize>().prop_map(Step::Lose),
        1 => any::<usize>().prop_map(Step::Refuse),
        4 => any::<usize>().prop_map(Step::Event),
        1 => mode().prop_map(Step::Revoke),
        1 => Just(Step::MediaLost),
        2 => Just(Step::MediaOffered),
        2 => Just(Step::MediaUp),
        1 => Just(Step::SocketLost),
        2 => any::<bool>().prop_map(Step::SocketUp),
        3 => (0..3000_u64).prop_map(Step::Pass),
    ]
}

/// A service that grants what it is asked for, and tells of it late.
struct Service {
    grant: Mode,
    changes: usize,
    waiting: Vec<(RequestId, Request)>,
    answers: Vec<(RequestId, Result<Reply, Failure>)>,
    events: Vec<CoachLeg>,
    /// The newest that the client was told: how many changes, and the mode after them.
    told: (usize, Mode),
    muted: bool,
    /// The key for whispering is down.
    held: bool,
    /// It was let go of, and no mode was chosen since.
    released: bool,
    seen: usize,
}

impl Service {
    fn leg(&self) -> CoachLeg {
        leg(self.grant, self.changes)
    }

    fn change(&mut self, mode: Mode) {
        self.grant = mode;
        self.changes += 1;
        self.events.push(self.leg());
    }

    fn tell(&mut self, leg: &CoachLeg) {
        let changes = leg.participation_history.len() - 1;
        if changes >= self.told.0 {
            self.told = (changes, leg.mode.into());
        }
    }

    /// Takes in what the client asked since.
    fn collect(&mut self, world: &World) {
        let new = world.outputs.get(self.seen..).unwrap_or_default();
        for output in new {
            if let Output::Http(id, request) = output {
                let served = matches!(
                    request,
                    Request::Mode(..) | Request::Call(_) | Request::Mute(..) | Request::Media(..)
                );
                if served {
                    self.waiting.push((*id, request.clone()));
                }
            }
        }
        self.seen = world.outputs.len();
    }
}

fn pick<T>(list: &mut Vec<T>, n: usize) -> Option<T> {
    (!list.is_empty()).then(|| list.remove(n % list.len()))
}

fn reply(service: &mut Service, request: &Request) -> Reply {
    match request {
        Request::Mode(_, mode) => {
            service.change((*mode).into());
            Reply::CoachLeg(Box::new(service.leg()))
        }
        Request::Call(_) => {
            let call = call("rep", CallStatus::InProgress, vec![service.leg()]);
            Reply::Call(Box::new(call))
        }
        Request::Media(..) => {
            // A new connection begins in Listen.
            if service.grant != Mode::Listen {
                service.change(Mode::Listen);
            }
            Reply::MediaAnswer("answer".into(), Some(Box::new(service.leg())))
        }
        _ => Reply::Done,
    }
}

fn take(world: &mut World, service: &mut Service, step: &Step) {
    match step {
        Step::Want(mode) => {
            service.released = false;
            let narrower = *mode < world.stamp;
            world.mode(*mode);
            if narrower {
                assert!(world.stamp <= *mode, "a narrowing waits for nobody");
            }
        }
        Step::Hold(held) => {
            service.released = !held && (service.held || service.released);
            service.held = *held;
            world.command(Command::HoldToWhisper(*held));
        }
        Step::Mute(muted) => {
            service.muted = *muted;
            world.command(Command::Mute(*muted));
            assert!(!(*muted && world.open), "muting waits for nobody");
        }
        Step::Serve(n) => {
            if let Some((id, request)) = pick(&mut service.waiting, *n) {
                let reply = reply(service, &request);
                service.answers.push((id, Ok(reply)));
            }
        }
        Step::Answer(n) => {
            if let Some((id, result)) = pick(&mut service.answers, *n) {
                match &result {
                    Ok(Reply::CoachLeg(leg)) => service.tell(&leg.clone()),
                    Ok(Reply::Call(call)) => service.tell(&call.coach_legs[0].clone()),
                    Ok(Reply::MediaAnswer(_, Some(leg))) => service.tell(&leg.clone()),
                    _ => {}
                }
                world.answer(id, result);
            }
        }
        Step::Lose(n) => {
            if let Some((id, _)) = pick(&mut service.answers, *n) {
                world.answer(id, Err(Failure::local("lost")));
            }
        }
        Step::Refuse(n) => {
            if let Some((id, _)) = pick(&mut service.waiting, *n) {
                let code = wire::Code::PermissionRequired;
                world.answer(id, Err(Failure::refused(code, "refused")));
            }
        }
        Step::Event(n) => {
            if let Some(leg) = pick(&mut service.events, *n) {
                service.tell(&leg);
                world.leg_event(leg);
            }
        }
        Step::Revoke(ceiling) => {
            if *ceiling < service.grant {
                service.change(*ceiling);
            }
        }
        Step::MediaLost => {
            if let Some(media) = world.media {
                world.input(Input::Media(media, MediaInput::Lost { jitter: 0.5 }));
                assert_eq!(world.stamp, Mode::Listen, "a lost connection narrows");
            }
        }
        Step::MediaOffered => {
            if let Some(media) = world.media {
                world.input(Input::Media(media, MediaInput::Offered("offer".into())));
            }
        }
        Step::MediaUp => {
            if let Some(media) = world.media {
                world.input(Input::Media(media, MediaInput::Connected));
            }
        }
        Step::SocketLost => {
            world.input(Input::SocketClosed { jitter: 0.5 });
            assert_eq!(world.stamp, Mode::Listen, "a lost connection narrows");
        }
        Step::SocketUp(resumed) => world.welcome(*resumed),
        Step::Pass(ms) => world.pass(Duration::from_millis(*ms)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn m3_m4_the_stamp_is_never_wider_than_the_newest_grant_told(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut world = World::coaching();
        let mut service = Service {
            grant: Mode::Listen,
            changes: 0,
            waiting: vec![],
            answers: vec![],
            events: vec![],
            told: (0, Mode::Listen),
            muted: false,
            held: false,
            released: false,
            seen: 0,
        };
        for step in &steps {
            take(&mut world, &mut service, step);
            service.collect(&world);
            prop_assert!(world.stamp <= service.told.1, "{step:?}: {:?}", world.stamp);
            let whispers_on = service.released && world.stamp > Mode::Listen;
            prop_assert!(!whispers_on, "{step:?}: the key was let go of");
            prop_assert!(!world.open || world.stamp > Mode::Listen, "open in Listen");
            prop_assert!(!(world.open && service.muted), "open while muted");
            let coaching = world.session.view().coaching.as_ref().expect("still coaching");
            prop_assert_eq!(Mode::from(coaching.mode()), world.stamp, "what is shown");
        }
    }

    #[test]
    fn in_the_end_what_is_wanted_is_granted_and_stamped(
        steps in prop::collection::vec(step(), 1..60),
        last in mode()
    ) {
        let mut world = World::coaching();
        let mut service = Service {
            grant: Mode::Listen,
            changes: 0,
            waiting: vec![],
            answers: vec![],
            events: vec![],
            told: (0, Mode::Listen),
            muted: false,
            held: false,
            released: false,
            seen: 0,
        };
        for step in &steps {
            take(&mut world, &mut service, step);
            service.collect(&world);
        }
        // From here on everything works.
        world.mode(last);
        for _ in 0..100 {
            world.pass(Duration::from_secs(5));
            if world.session.view().connection != Connection::Online {
                world.welcome(true);
            }
            if let Some(media) = world.media {
                world.input(Input::Media(media, MediaInput::Connected));
            }
            service.collect(&world);
            while let Some((id, request)) = pick(&mut service.waiting, 0) {
                let reply = reply(&mut service, &request);
                service.answers.push((id, Ok(reply)));
                service.collect(&world);
            }
            while let Some((id, result)) = pick(&mut service.answers, 0) {
                world.answer(id, result);
            }
            while let Some(leg) = pick(&mut service.events, 0) {
                world.leg_event(leg);
            }
        }
        prop_assert_eq!(world.stamp, last);
        prop_assert_eq!(service.grant, last);
    }
}
