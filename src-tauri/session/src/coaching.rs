//! One coach's mode: what is confirmed, what is wanted, and what may be stamped.

use mix::Mode;
use serde::{Serialize, Serializer};
use specta::Type;
use wire::{CallId, CoachLeg, CoachLegStatus, CoachMode, MicroDollars, Timestamp};

use crate::input::{CommandId, RequestId};
use crate::view::Audience;

/// The call that the user coaches.
///
/// Three modes are kept apart: the *grant* that the service confirmed last, unknown while in doubt;
/// the *ceiling* that the user lets the voice reach at most; and the *stamp*, which is the narrower
/// of the two. A narrowing lowers the ceiling at once and is told afterwards; a widening raises the
/// ceiling at once, and the stamp follows when the grant does.
#[derive(Debug, Clone, PartialEq)]
pub struct Coaching {
    /// The call.
    pub call_id: CallId,
    /// The user's leg, as the service last told of it.
    pub leg: CoachLeg,
    /// Whether the microphone is muted.
    pub muted: bool,
    /// Whether sound and events flow; while not, the stamp is Listen.
    pub connected: bool,
    /// What it has cost so far (B1, B2).
    pub cost: MicroDollars,
    grant: Option<Mode>,
    ceiling: Mode,
    asked: Option<Ask>,
    next: Option<Want>,
    /// The service could not answer the last question: the next waits until the leg is known again.
    deferred: bool,
    /// Answers to earlier requests do not end a doubt.
    doubt_ends_with: RequestId,
}

/// The call that the user coaches, as the user interface is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
pub struct CoachingView {
    /// The call.
    pub call_id: CallId,
    /// The user's leg, as the service last told of it.
    pub leg: CoachLeg,
    /// The mode that is confirmed, or narrower.
    pub mode: CoachMode,
    /// The mode that was asked for and is not confirmed yet.
    pub mode_under_way: Option<CoachMode>,
    /// Who hears the coach now.
    pub audience: Audience,
    /// Whether the microphone is muted.
    pub muted: bool,
    /// Whether sound and events flow.
    pub connected: bool,
    /// What it has cost so far (B1, B2); it comes anew with each minute that is charged.
    pub cost_micro_dollars: MicroDollars,
}

impl From<&Coaching> for CoachingView {
    fn from(coaching: &Coaching) -> Self {
        Self {
            call_id: coaching.call_id.clone(),
            leg: coaching.leg.clone(),
            mode: coaching.mode(),
            mode_under_way: coaching.mode_under_way(),
            audience: coaching.audience(),
            muted: coaching.muted,
            connected: coaching.connected,
            cost_micro_dollars: coaching.cost,
        }
    }
}

/// What is confirmed, wanted and in doubt stays on this side.
pub(crate) fn shown<S: Serializer>(
    coaching: &Option<Coaching>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    coaching
        .as_ref()
        .map(CoachingView::from)
        .serialize(serializer)
}

/// A switch that the user wants and the service was not asked for yet.
#[derive(Debug, Clone, PartialEq)]
struct Want {
    /// `None` when nobody waits for it.
    command: Option<CommandId>,
    mode: Mode,
    /// The stamp before: what stays when it fails.
    before: Mode,
}

/// A switch that the service was asked for and has not answered.
#[derive(Debug, Clone, PartialEq)]
struct Ask {
    request: RequestId,
    /// `None` when the session itself tells the service again of a narrowing.
    command: Option<CommandId>,
    mode: Mode,
    before: Mode,
}

/// What came of a switch.
#[derive(Debug, PartialEq)]
pub(crate) struct Settled {
    pub(crate) command: Option<CommandId>,
}

impl Coaching {
    /// A leg that was just let in: always in Listen, whatever else is said (M1).
    pub(crate) fn new(call_id: CallId, leg: CoachLeg) -> Self {
        Self {
            call_id,
            muted: false,
            connected: false,
            cost: MicroDollars(0),
            grant: Some(leg.mode.into()),
            ceiling: Mode::Listen,
            asked: None,
            next: None,
            deferred: false,
            doubt_ends_with: RequestId(0),
            leg,
        }
    }

    /// The mode that is shown: never wider than what the service confirmed, and Listen in doubt.
    #[must_use]
    pub fn mode(&self) -> CoachMode {
        self.stamp().into()
    }

    /// The mode that was asked for and is not confirmed yet.
    #[must_use]
    pub fn mode_under_way(&self) -> Option<CoachMode> {
        let next = self.next.as_ref().map(|want| want.mode);
        next.or(self.asked.as_ref().map(|ask| ask.mode))
            .map(CoachMode::from)
    }

    /// Who hears the coach now.
    #[must_use]
    pub fn audience(&self) -> Audience {
        if self.muted {
            Audience::Nobody
        } else {
            Audience::of(self.stamp())
        }
    }

    /// What the microphone's frames are to be stamped with now.
    #[must_use]
    pub fn stamp(&self) -> Mode {
        match self.grant {
            Some(grant) if self.connected => grant.narrower(self.ceiling),
            _ => Mode::Listen,
        }
    }

    /// Whether the grant is not known for sure.
    pub(crate) fn in_doubt(&self) -> bool {
        self.grant.is_none()
    }

    /// The user wants a mode. A command whose place is taken by it is handed back.
    pub(crate) fn want(&mut self, command: Option<CommandId>, mode: Mode) -> Option<CommandId> {
        let before = self.stamp();
        self.ceiling = mode;
        // What was given up needs to be granted again.
        self.grant = self.grant.map(|grant| grant.narrower(mode));
        let want = Want {
            command,
            mode,
            before,
        };
        self.next.replace(want)?.command
    }

    /// The mode to ask the service for now, if any. One question at a time: two under way could be
    /// answered in either order.
    pub(crate) fn question(&self) -> Option<Mode> {
        let is_back =
            self.connected && self.grant.is_some() && self.leg.status == CoachLegStatus::Connected;
        if self.asked.is_some() || self.deferred && !is_back {
            return None;
        }
        match &self.next {
            Some(want) => Some(want.mode),
            // A narrowing that the service has not taken in yet is told again.
            None => (self.grant? > self.ceiling).then_some(self.ceiling),
        }
    }

    /// The question was sent.
    pub(crate) fn asked(&mut self, request: RequestId, mode: Mode) {
        let want = self.next.take();
        self.deferred = false;
        self.asked = Some(Ask {
            request,
            mode,
            before: want.as_ref().map_or(mode, |want| want.before),
            command: want.and_then(|want| want.command),
        });
    }

    /// The service answered a question with the leg as it is.
    pub(crate) fn granted(&mut self, request: RequestId, leg: CoachLeg) -> Option<Settled> {
        let ask = self.asked.take_if(|ask| ask.request == request)?;
        // An answer from before a doubt does not end it, but may narrow.
        self.learn(leg, request >= self.doubt_ends_with);
        self.fall_back();
        Some(Settled {
            command: ask.command,
        })
    }

    /// The service could not answer a question: it is asked again once the connection is back, unless the
    /// user wants something else by then. Until it is answered, nothing wider is stamped.
    pub(crate) fn unanswered(
        &mut self,
        request: RequestId,
        next_request: RequestId,
    ) -> Option<Settled> {
        let ask = self.asked.take_if(|ask| ask.request == request)?;
        self.deferred = true;
        self.doubt(next_request);
        if self.next.is_some() {
            return Some(Settled {
                command: ask.command,
            });
        }
        self.next = Some(Want {
            command: ask.command,
            mode: ask.mode,
            before: ask.before,
        });
        None
    }

    /// The service refused a question. Whether that changed the grant is not known until the leg is read
    /// anew; the user has at most what was there before.
    pub(crate) fn refused(
        &mut self,
        request: RequestId,
        next_request: RequestId,
    ) -> Option<Settled> {
        let ask = self.asked.take_if(|ask| ask.request == request)?;
        if self.next.is_none() {
            self.ceiling = self.ceiling.narrower(ask.before);
        }
        self.doubt(next_request);
        Some(Settled {
            command: ask.command,
        })
    }

    /// An event told of the leg.
    pub(crate) fn seen(&mut self, leg: CoachLeg) {
        self.learn(leg, false);
        self.fall_back();
    }

    /// The connection was lost: until the answer to a request from now on, the grant is not known.
    pub(crate) fn doubt(&mut self, next_request: RequestId) {
        self.grant = None;
        self.doubt_ends_with = next_request;
    }

    /// The leg was read anew.
    pub(crate) fn reread(&mut self, request: RequestId, leg: CoachLeg) {
        let trusted = request >= self.doubt_ends_with;
        self.learn(leg, trusted);
        self.fall_back();
    }

    /// All commands that wait, for when the coaching ends.
    pub(crate) fn waiting(&mut self) -> impl Iterator<Item = CommandId> + use<> {
        let asked = self.asked.take().and_then(|ask| ask.command);
        asked
            .into_iter()
            .chain(self.next.take().and_then(|want| want.command))
    }

    /// Takes in a leg unless a newer one is known. Events and answers overtake each other, so age is
    /// told by the leg's own history. An answer settles the grant; an event only narrows it while a
    /// question is open, for it may tell of what was before.
    fn learn(&mut self, leg: CoachLeg, is_answer: bool) {
        let (old, new) = (age(&self.leg), age(&leg));
        let newer = new > old;
        if new >= old {
            self.leg = leg;
        } else if !is_answer {
            return;
        }
        let mode = Mode::from(self.leg.mode);
        let settles = newer && self.asked.is_none() && self.next.is_none();
        self.grant = match self.grant {
            _ if is_answer => Some(mode.narrower(self.narrowest_asked())),
            Some(_) if settles => Some(mode),
            Some(grant) => Some(grant.narrower(mode)),
            None => None,
        };
    }

    /// The narrowest of what is being asked for: a grant beyond it is given up already.
    fn narrowest_asked(&self) -> Mode {
        let asked = self.asked.as_ref().map_or(Mode::Barge, |ask| ask.mode);
        let next = self.next.as_ref().map_or(Mode::Barge, |want| want.mode);
        asked.narrower(next)
    }

    /// When nothing is under way, what is not granted is not wanted either: a later grant that
    /// nobody asked for here must not open the microphone.
    fn fall_back(&mut self) {
        if let Some(grant) = self.grant
            && self.asked.is_none()
            && self.next.is_none()
        {
            self.ceiling = self.ceiling.narrower(grant);
        }
    }
}

/// How new a leg is: its last line of history, and how many there are.
fn age(leg: &CoachLeg) -> (Timestamp, usize) {
    let history = &leg.participation_history;
    let last = history
        .last()
        .map_or(leg.date_created, |entry| entry.timestamp);
    (last, history.len())
}
