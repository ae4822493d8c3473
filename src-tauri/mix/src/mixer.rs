//! One tick of a call: frames in, the distinct mixes with their listeners out.

use crate::frame::{FRAME_SAMPLES, Frame, SILENCE};
use crate::limiter::{Limiter, Sum};
use crate::mode::Mode;
use crate::routes::{LegNumber, MAX_PARTIES, Role, Routes};

/// How many ticks a coach who was heard in public keeps their own mix after falling silent: 500 ms, so
/// that a pause between words does not move them to another mix and back.
pub const HANGOVER_TICKS: u16 = 25;

/// The most mixes of one tick: one for each party, the public one, and that of a held call.
pub const MAX_MIXES: usize = MAX_PARTIES + 2;

/// What one party said in this tick, and how far it may reach.
#[derive(Debug, Clone, Copy)]
pub struct Spoken<'a> {
    /// Who said it. A leg that is not in the routes is ignored. A leg may say one public frame and one
    /// whisper in a tick, while a coach who has a track for each switches; any more are ignored.
    pub leg: LegNumber,
    /// How far a coach's frame reaches: what [`Gate::reach`](crate::Gate::reach) answered for it.
    /// Ignored for rep and lead, who are always public.
    pub reach: Mode,
    /// The frame itself.
    pub frame: &'a Frame,
}

/// Which of a call's mixes this is, the same from tick to tick: keep one encoder for each.
///
/// The order is the order in which [`Mixer::mix`] gives them. An encoder that serves the lead or the
/// recording never sees a sample that they may not hear, not even to remember it: that is why a held
/// call has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MixKey {
    /// `P`: rep, lead and every barging coach. For the recording, and every coach who is not heard
    /// in it. Silence while the lead is on hold.
    Public,
    /// Rep and every barging coach while the lead is on hold, for the coaches. Never recorded.
    Held,
    /// `P` less the lead, for the lead.
    Lead,
    /// `P` less the rep, plus every whispering coach, for the rep.
    Rep,
    /// `P` less this coach, for this coach, who is being heard in it or was a moment ago.
    Coach(LegNumber),
}

/// One mix of one tick.
#[derive(Debug, Clone, Copy)]
pub struct Mix<'a> {
    /// Which mix this is.
    pub key: MixKey,
    /// What its listeners hear.
    pub frame: &'a Frame,
    /// Who hears it, in leg order. No one stands in two mixes of one tick.
    pub listeners: &'a [LegNumber],
    /// Whether this is what is recorded; true of exactly one mix of each tick, [`MixKey::Public`].
    pub recorded: bool,
}

/// The mixes of one tick, in the order of their keys.
#[derive(Debug, Clone, Copy)]
pub struct Mixes<'a> {
    slots: &'a [Slot],
    frames: &'a [Frame],
    listeners: &'a [LegNumber],
}

impl<'a> Mixes<'a> {
    /// How many there are: at least one, and [`MAX_MIXES`] at most.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "the public mix is always there"
    )]
    pub const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Each of them, in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Mix<'a>> + use<'a> {
        let listeners = self.listeners;
        self.slots
            .iter()
            .zip(self.frames)
            .map(move |(slot, frame)| Mix {
                key: slot.key,
                frame,
                listeners: &listeners[slot.from..slot.to],
                recorded: slot.key == MixKey::Public,
            })
    }
}

/// Mixes one call, tick by tick. It owns its scratch space and allocates only in [`Mixer::new`].
#[derive(Debug)]
pub struct Mixer {
    public: Limiter,
    held: Limiter,
    lead: Limiter,
    rep: Limiter,
    coaches: Vec<Apart>,
    scratch: Scratch,
    out: Out,
}

/// A coach who has a mix of their own.
#[derive(Debug, Clone, Copy)]
struct Apart {
    leg: LegNumber,
    ticks_left: u16,
    limiter: Limiter,
}

#[derive(Debug)]
struct Scratch {
    public: Box<Sum>,
    whispers: Box<Sum>,
    less: Box<Sum>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: MixKey,
    from: usize,
    to: usize,
}

#[derive(Debug)]
struct Out {
    slots: Vec<Slot>,
    frames: Box<[Frame]>,
    listeners: Vec<LegNumber>,
}

impl Default for Mixer {
    fn default() -> Self {
        Self::new()
    }
}

impl Mixer {
    /// A mixer for one call. Its space is that of the largest call, and is touched as it is used.
    #[must_use]
    pub fn new() -> Self {
        let sum = || Box::new([0; FRAME_SAMPLES]);
        Self {
            public: Limiter::default(),
            held: Limiter::default(),
            lead: Limiter::default(),
            rep: Limiter::default(),
            coaches: Vec::with_capacity(MAX_PARTIES),
            scratch: Scratch {
                public: sum(),
                whispers: sum(),
                less: sum(),
            },
            out: Out {
                slots: Vec::with_capacity(MAX_MIXES),
                frames: vec![SILENCE; MAX_MIXES].into_boxed_slice(),
                listeners: Vec::with_capacity(MAX_PARTIES),
            },
        }
    }

    /// Mixes one tick; to be called once for each 20 ms, with nothing spoken too.
    ///
    /// Rep and lead have a mix of their own while they are in, spoken or not, so that their encoder
    /// is never swapped under them. While the lead is on hold there is no mix for the lead, the
    /// public mix is silence without listeners, and the coaches hear [`MixKey::Held`].
    pub fn mix(&mut self, routes: &Routes, spoken: &[Spoken<'_>]) -> Mixes<'_> {
        let heard = Voices::sort(routes, spoken);
        self.keep_apart(routes, &heard);

        let Self {
            scratch:
                Scratch {
                    public,
                    whispers,
                    less,
                },
            out,
            ..
        } = self;
        let parties = || routes.in_order().iter().zip(&heard.0);
        public.fill(0);
        whispers.fill(0);
        for (_, heard) in parties() {
            if let Some(frame) = heard.public {
                add(public, frame);
            }
            if let Some(frame) = heard.whisper {
                add(whispers, frame);
            }
        }

        out.clear();
        let apart = &mut self.coaches;
        let is_apart = |leg| apart.binary_search_by_key(&leg, |apart| apart.leg).is_ok();
        out.listeners.extend(
            parties()
                .filter(|(party, _)| party.role == Role::Coach && !is_apart(party.leg))
                .map(|(party, _)| party.leg),
        );
        let together = out.listeners.len();
        if routes.held() {
            out.push(MixKey::Public, &mut self.public, &[0; FRAME_SAMPLES], 0..0);
        } else {
            out.push(MixKey::Public, &mut self.public, public, 0..together);
        }
        // Here and below: a mix that pauses starts again from unity.
        if routes.held() && together > 0 {
            out.push(MixKey::Held, &mut self.held, public, 0..together);
        } else {
            self.held = Limiter::default();
        }
        let lead = parties().find(|(party, _)| party.role == Role::Lead);
        if let Some((party, heard)) = lead.filter(|_| !routes.held()) {
            subtract(less, public, heard.public);
            out.push_for(party.leg, MixKey::Lead, &mut self.lead, less);
        } else {
            self.lead = Limiter::default();
        }
        if let Some((party, heard)) = parties().find(|(party, _)| party.role == Role::Rep) {
            subtract(less, public, heard.public);
            for (less, whisper) in less.iter_mut().zip(whispers.iter()) {
                *less += whisper;
            }
            out.push_for(party.leg, MixKey::Rep, &mut self.rep, less);
        } else {
            self.rep = Limiter::default();
        }
        for apart in apart {
            let own = routes
                .search(apart.leg)
                .ok()
                .and_then(|at| heard.0[at].public);
            subtract(less, public, own);
            out.push_for(
                apart.leg,
                MixKey::Coach(apart.leg),
                &mut apart.limiter,
                less,
            );
        }

        Mixes {
            slots: &out.slots,
            frames: &out.frames,
            listeners: &out.listeners,
        }
    }

    /// Decides which coaches have a mix of their own in this tick.
    fn keep_apart(&mut self, routes: &Routes, heard: &Voices<'_>) {
        self.coaches
            .retain(|apart| routes.role(apart.leg) == Some(Role::Coach));
        for (party, heard) in routes.in_order().iter().zip(&heard.0) {
            if party.role != Role::Coach {
                continue;
            }
            let place = self
                .coaches
                .binary_search_by_key(&party.leg, |apart| apart.leg);
            match (place, heard.public) {
                (Ok(at), Some(_)) => self.coaches[at].ticks_left = HANGOVER_TICKS,
                (Ok(at), _) if self.coaches[at].ticks_left > 0 => self.coaches[at].ticks_left -= 1,
                (Ok(at), _) => {
                    self.coaches.remove(at);
                }
                (Err(at), Some(_)) => self.coaches.insert(
                    at,
                    Apart {
                        leg: party.leg,
                        ticks_left: HANGOVER_TICKS,
                        limiter: Limiter::default(),
                    },
                ),
                (Err(_), None) => {}
            }
        }
    }
}

/// What one party says in this tick, and who may hear it.
#[derive(Clone, Copy, Default)]
struct Said<'a> {
    public: Option<&'a Frame>,
    whisper: Option<&'a Frame>,
}

/// What each party of the routes says in this tick, in leg order.
struct Voices<'a>([Said<'a>; MAX_PARTIES]);

impl<'a> Voices<'a> {
    fn sort(routes: &Routes, spoken: &[Spoken<'a>]) -> Self {
        let mut said = [Said::default(); MAX_PARTIES];
        for spoken in spoken {
            let Ok(at) = routes.search(spoken.leg) else {
                continue;
            };
            let party = routes.in_order()[at];
            let reach = match party.role {
                _ if party.muted => Mode::Listen,
                Role::Lead if routes.held() => Mode::Listen,
                Role::Rep | Role::Lead => Mode::Barge,
                Role::Coach => spoken.reach,
            };
            let place = match reach {
                Mode::Barge => &mut said[at].public,
                Mode::Whisper => &mut said[at].whisper,
                Mode::Listen => continue,
            };
            place.get_or_insert(spoken.frame);
        }
        Self(said)
    }
}

impl Out {
    fn clear(&mut self) {
        self.slots.clear();
        self.listeners.clear();
    }

    fn push(
        &mut self,
        key: MixKey,
        limiter: &mut Limiter,
        sum: &Sum,
        listeners: std::ops::Range<usize>,
    ) {
        limiter.narrow(sum, &mut self.frames[self.slots.len()]);
        self.slots.push(Slot {
            key,
            from: listeners.start,
            to: listeners.end,
        });
    }

    fn push_for(&mut self, leg: LegNumber, key: MixKey, limiter: &mut Limiter, sum: &Sum) {
        let at = self.listeners.len();
        self.listeners.push(leg);
        self.push(key, limiter, sum, at..at + 1);
    }
}

fn add(sum: &mut Sum, frame: &Frame) {
    for (sum, sample) in sum.iter_mut().zip(frame) {
        *sum += i32::from(*sample);
    }
}

/// The public sum less what one party added to it.
fn subtract(less: &mut Sum, public: &Sum, own: Option<&Frame>) {
    let Some(frame) = own else {
        less.copy_from_slice(public);
        return;
    };
    for ((less, public), sample) in less.iter_mut().zip(public).zip(frame) {
        *less = public - i32::from(*sample);
    }
}
