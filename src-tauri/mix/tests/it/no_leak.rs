//! Rule M3 over random networks: a coach who switches, an honest client that stamps its packets or has a
//! track for each mode, packets and messages that are delayed, reordered and lost, and a service that
//! revokes.

use std::collections::BTreeMap;

use mix::{DRAIN, Gate, Mode};
use proptest::prelude::*;
use std::time::Duration;

const FRAME_MS: u64 = mix::FRAME_MS;

/// What happens to one coach, in milliseconds from the start.
#[derive(Debug, Clone)]
struct Script {
    /// Whether barges have a track, and so a gate, of their own.
    by_track: bool,
    clicks: Vec<(u64, Mode)>,
    /// When the permission changes, and what it then allows.
    permissions: Vec<(u64, Mode)>,
    /// Delay of each message, either way; `None` is lost. Used in turn.
    messages_ms: Vec<Option<u64>>,
    messages_in_order: bool,
    /// Delay of each frame from capture to arrival; `None` is lost. Used in turn.
    frames_ms: Vec<Option<u64>>,
    length_ms: u64,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Click(Mode),
    Permission(Mode),
    /// At the service: the click of this number asks for a mode.
    Ask(usize, Mode),
    /// At the client: the ask of this number was granted, or refused.
    Answer(usize, Mode, bool),
    /// At the client: what the permission allows now.
    Told(Mode),
    Capture(usize),
    Play(usize),
}

/// One frame that was played: what it holds, how far it got, and what was allowed at that moment.
#[derive(Debug)]
struct Played {
    at_ms: u64,
    captured: Mode,
    reach: Mode,
    permission: Mode,
}

/// Events in time order; those of one time in the order in which they were added.
#[derive(Default)]
struct Agenda {
    events: BTreeMap<(u64, usize), Event>,
    added: usize,
    sent: usize,
    last_ms: [u64; 2],
}

impl Agenda {
    fn add(&mut self, at_ms: u64, event: Event) {
        self.events.insert((at_ms, self.added), event);
        self.added += 1;
    }

    /// Sends a message through the script's network, one of two ways.
    fn send(&mut self, script: &Script, way: usize, now_ms: u64, event: Event) {
        let delay_ms = script.messages_ms[self.sent % script.messages_ms.len()];
        self.sent += 1;
        let Some(delay_ms) = delay_ms else {
            return;
        };
        let mut at_ms = now_ms + delay_ms;
        if script.messages_in_order {
            at_ms = at_ms.max(self.last_ms[way]);
            self.last_ms[way] = at_ms;
        }
        self.add(at_ms, event);
    }
}

const TO_SERVICE: usize = 0;
const TO_CLIENT: usize = 1;

fn run(script: &Script) -> Vec<Played> {
    let mut agenda = Agenda::default();
    for (at_ms, mode) in &script.clicks {
        agenda.add(*at_ms, Event::Click(*mode));
    }
    for (at_ms, ceiling) in &script.permissions {
        agenda.add(*at_ms, Event::Permission(*ceiling));
    }
    let frames = (script.length_ms / FRAME_MS) as usize;
    // The jitter buffer plays in the order of capture, so one late frame holds back the others.
    let delay_ms = |frame: usize| script.frames_ms[frame % script.frames_ms.len()];
    let mut play_ms = 0;
    for frame in 0..frames {
        let captured_ms = frame as u64 * FRAME_MS;
        agenda.add(captured_ms, Event::Capture(frame));
        // A lost frame is concealed when the next one is there.
        let arrives = (frame..frames)
            .find_map(|next| delay_ms(next).map(|delay_ms| next as u64 * FRAME_MS + delay_ms));
        if let Some(arrives_ms) = arrives {
            play_ms = arrives_ms.max(play_ms);
            agenda.add(play_ms, Event::Play(frame));
        }
    }

    let mut gates = [Gate::new(), Gate::new()];
    let mut permission = Mode::Barge;
    let mut captured = vec![Mode::Listen; frames];
    let mut played = Vec::new();
    // The client: what it captures in, what was clicked last.
    let (mut mode, mut wanted, mut clicks) = (Mode::Listen, Mode::Listen, 0);
    while let Some(((now_ms, _), event)) = agenda.events.pop_first() {
        let now = Duration::from_millis(now_ms);
        match event {
            Event::Click(click) => {
                wanted = click;
                clicks += 1;
                // One narrows at once and widens when told so.
                mode = mode.min(click);
                agenda.send(script, TO_SERVICE, now_ms, Event::Ask(clicks, click));
            }
            Event::Ask(click, asked) => {
                let is_granted = asked <= permission;
                if is_granted {
                    gates.iter_mut().for_each(|gate| gate.ask(now, asked));
                }
                agenda.send(
                    script,
                    TO_CLIENT,
                    now_ms,
                    Event::Answer(click, asked, is_granted),
                );
            }
            Event::Answer(click, asked, is_granted) => {
                if click == clicks && asked == wanted && is_granted {
                    mode = asked;
                }
            }
            Event::Permission(ceiling) => {
                permission = ceiling;
                gates.iter_mut().for_each(|gate| gate.revoke(now, ceiling));
                agenda.send(script, TO_CLIENT, now_ms, Event::Told(ceiling));
            }
            Event::Told(ceiling) => {
                mode = mode.min(ceiling);
                wanted = wanted.min(ceiling);
            }
            Event::Capture(frame) => captured[frame] = mode,
            Event::Play(frame) => {
                let received = |frame: &usize| delay_ms(*frame).is_some();
                let before = (0..=frame).rev().find(received);
                let after = (frame..frames).find(received);
                // What is played in place of a lost frame is made of both its neighbours.
                let captured = match (before, after) {
                    (Some(before), Some(after)) => captured[before].min(captured[after]),
                    (_, Some(after)) => captured[after],
                    (_, None) => continue,
                };
                let track = usize::from(script.by_track && captured == Mode::Barge);
                let reach = gates[track].reach(now, captured);
                played.push(Played {
                    at_ms: now_ms,
                    captured,
                    reach,
                    permission,
                });
            }
        }
    }
    played
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Listen), Just(Mode::Whisper), Just(Mode::Barge)]
}

/// Moments that crowd together, with pauses longer than every window between some of them.
fn moments<T: Clone + std::fmt::Debug>(
    what: impl Strategy<Value = T>,
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<(u64, T)>> {
    let gap_ms = prop_oneof![3 => 1..250_u64, 1 => 250..1_200_u64, 1 => 1_200..3_000_u64];
    prop::collection::vec((gap_ms, what), count).prop_map(|steps| {
        let mut at_ms = 0;
        steps
            .into_iter()
            .map(|(gap_ms, what)| {
                at_ms += gap_ms;
                (at_ms, what)
            })
            .collect()
    })
}

/// Delays around a base, some lost: up to `max_ms` altogether.
fn delays(max_ms: u64, lost: u32) -> impl Strategy<Value = Vec<Option<u64>>> {
    (0..max_ms).prop_flat_map(move |base_ms| {
        let delay = base_ms..=max_ms;
        let one = prop_oneof![
            8 => Just(Some(base_ms)),
            8 => delay.prop_map(Some),
            lost => Just(None),
        ];
        prop::collection::vec(one, 20..60)
            .prop_filter("something arrives", |all| all.iter().any(Option::is_some))
    })
}

fn script(
    frames_ms: impl Strategy<Value = Vec<Option<u64>>>,
    messages_ms: impl Strategy<Value = Vec<Option<u64>>>,
    permissions: std::ops::Range<usize>,
) -> impl Strategy<Value = Script> {
    (
        frames_ms,
        messages_ms,
        moments(any_mode(), 1..10),
        moments(any_mode(), permissions),
    )
        .prop_map(|(frames_ms, messages_ms, clicks, permissions)| {
            let last = |all: &[(u64, Mode)]| all.last().map_or(0, |(at_ms, _)| *at_ms);
            let length_ms = last(&clicks).max(last(&permissions)) + 3_000;
            Script {
                by_track: false,
                messages_in_order: true,
                clicks,
                permissions,
                messages_ms,
                frames_ms,
                length_ms,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn m3_a_stamped_frame_never_outreaches_its_stamp(
        mut script in script(delays(4_000, 4), delays(2_000, 2), 0..4),
        in_order in any::<bool>(),
        by_track in any::<bool>(),
    ) {
        script.messages_in_order = in_order;
        script.by_track = by_track;
        for frame in run(&script) {
            prop_assert!(frame.reach <= frame.captured, "{frame:?}");
            prop_assert!(frame.reach <= frame.permission, "{frame:?}");
        }
    }

    #[test]
    fn m3_unless_revoked_no_frame_within_the_drain_is_narrowed(
        mut script in script(delays(DRAIN.as_millis() as u64 / 2 - 40, 3), delays(600, 0), 0..1),
        by_track in any::<bool>(),
    ) {
        script.by_track = by_track;
        // Half of the drain for the way of a frame, and half for the loss of those before the next.
        for frame in run(&script) {
            prop_assert_eq!(frame.reach, frame.captured, "{:?}", frame);
        }
    }

    /// Nothing that was said before a revocation is heard wider than it left, whatever is granted
    /// afterwards.
    #[test]
    fn a2_earlier_speech_reaches_no_further_than_a_revocation_left(
        script in script(delays(DRAIN.as_millis() as u64 / 2 - 40, 3), delays(300, 0), 1..4),
    ) {
        for frame in run(&script) {
            let revoked = script
                .permissions
                .iter()
                .filter(|(at_ms, _)| {
                    *at_ms < frame.at_ms && frame.at_ms < at_ms + DRAIN.as_millis() as u64
                })
                .map(|(_, ceiling)| *ceiling)
                .min();
            prop_assert!(revoked.is_none_or(|ceiling| frame.reach <= ceiling), "{frame:?}");
        }
    }
}
