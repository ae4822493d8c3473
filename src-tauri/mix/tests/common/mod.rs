//! What the tests of the mixer share: frames that say who is in them, and random calls.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::expect_used, reason = "so does a test fail")]

use mix::{FRAME_SAMPLES, Frame, LegNumber, Mixes, Mode, Role, Routes, Spoken};
use proptest::prelude::*;

/// The legs of a random call; one more is never let in.
pub const LEGS: u32 = 12;
pub const STRANGER: u32 = LEGS;
pub const REP: u32 = 4;
pub const LEAD: u32 = 7;

/// A frame whose sum with others tells who is in it, one bit for each leg: in the even samples who is
/// heard in public, in the odd ones who whispers.
pub fn marked(leg: u32, reach: Mode) -> Frame {
    let whispers = role(leg) == Role::Coach && reach == Mode::Whisper;
    if whispers {
        frame_of((0, 1 << leg))
    } else {
        frame_of((1 << leg, 0))
    }
}

/// What these sound like together.
pub fn frame_of((public, whispers): Voices) -> Frame {
    let pair = [public as i16, whispers as i16];
    std::array::from_fn(|at| pair[at % 2])
}

/// Who is heard in public, and who whispers: one bit for each leg.
pub type Voices = (u32, u32);

/// Loud noise: three of these together overflow.
pub fn noise(seed: u32) -> Frame {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    let mut frame = [0; FRAME_SAMPLES];
    for sample in &mut frame {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *sample = (state >> 16) as i16;
    }
    frame
}

pub fn role(leg: u32) -> Role {
    match leg {
        REP => Role::Rep,
        LEAD => Role::Lead,
        _ => Role::Coach,
    }
}

/// What one listener hears; `None` when they are in no mix.
pub fn heard_by<'a>(mixes: &Mixes<'a>, leg: u32) -> Option<&'a Frame> {
    mixes
        .iter()
        .find(|mix| mix.listeners.contains(&LegNumber(leg)))
        .map(|mix| mix.frame)
}

/// What is recorded.
pub fn recorded<'a>(mixes: &Mixes<'a>) -> &'a Frame {
    let mut recorded = mixes.iter().filter(|mix| mix.recorded);
    let frame = recorded.next().expect("something is recorded").frame;
    assert!(recorded.next().is_none(), "one thing is recorded");
    frame
}

/// Some ticks of a random call, all of the same shape.
#[derive(Debug, Clone)]
pub struct Stretch {
    pub ticks: usize,
    /// Who is in, who is muted: one bit for each leg.
    pub present: u32,
    pub muted: u32,
    pub held: bool,
    /// In the order of arrival: leg, reach, and what is said. A leg may come twice, or be unknown.
    pub spoken: Vec<(u32, Mode, u32)>,
}

impl Stretch {
    /// Brings the routes to this shape, keeping who stays.
    pub fn apply(&self, routes: &mut Routes) {
        for leg in 0..LEGS {
            if self.present & (1 << leg) == 0 {
                routes.remove(LegNumber(leg));
            } else if !routes.contains(LegNumber(leg)) {
                routes
                    .add(LegNumber(leg), role(leg))
                    .expect("there is room");
            }
            routes.set_muted(LegNumber(leg), self.muted & (1 << leg) != 0);
        }
        routes.set_held(self.held);
    }

    pub fn is_present(&self, leg: u32) -> bool {
        leg < LEGS && self.present & (1 << leg) != 0
    }

    /// Whether this leg says something that is heard so far, by the rules alone.
    pub fn says(&self, leg: u32, heard: Mode) -> bool {
        self.spoken.iter().any(|(spoken, reach, _)| {
            let reach = match role(leg) {
                _ if self.muted & (1 << leg) != 0 => Mode::Listen,
                Role::Lead if self.held => Mode::Listen,
                Role::Lead | Role::Rep => Mode::Barge,
                Role::Coach => *reach,
            };
            *spoken == leg && self.is_present(leg) && reach == heard
        })
    }

    fn who_says(&self, heard: Mode) -> u32 {
        (0..LEGS)
            .filter(|leg| self.says(*leg, heard))
            .map(|leg| 1 << leg)
            .sum()
    }

    /// Who is heard in public: one bit for each leg.
    pub fn public(&self) -> u32 {
        self.who_says(Mode::Barge)
    }

    /// Who is heard by this leg by the table of the product; `None` when the leg may hear nothing.
    pub fn audible_to(&self, leg: u32) -> Option<Voices> {
        let others = self.public() & !(1 << leg);
        match role(leg) {
            _ if !self.is_present(leg) => None,
            Role::Lead if self.held => None,
            Role::Rep => Some((others, self.who_says(Mode::Whisper))),
            Role::Lead | Role::Coach => Some((others, 0)),
        }
    }
}

pub fn spoken<'a>(said: &'a [(u32, Mode, Frame)]) -> Vec<Spoken<'a>> {
    said.iter()
        .map(|(leg, reach, frame)| Spoken {
            leg: LegNumber(*leg),
            reach: *reach,
            frame,
        })
        .collect()
}

pub fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Listen), Just(Mode::Whisper), Just(Mode::Barge)]
}

pub fn any_stretch() -> impl Strategy<Value = Stretch> {
    let bits = 0..1_u32 << LEGS;
    (
        prop_oneof![1..3_usize, 20..32_usize],
        (bits.clone(), bits.clone()).prop_map(|(one, other)| one | other),
        (bits.clone(), bits.clone(), bits).prop_map(|(one, other, third)| one & other & third),
        prop::bool::weighted(0.25),
        prop::collection::vec((0..=STRANGER, any_mode(), any::<u32>()), 0..10),
    )
        .prop_map(|(ticks, present, muted, held, spoken)| Stretch {
            ticks,
            present,
            muted,
            held,
            spoken,
        })
}

pub fn any_call() -> impl Strategy<Value = Vec<Stretch>> {
    prop::collection::vec(any_stretch(), 1..8)
}
