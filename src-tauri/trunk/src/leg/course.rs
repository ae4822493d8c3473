//! The course of one leg, as a pure machine: which trunk is tried, what is reported, when to give up.
//!
//! Time is an argument, in milliseconds from any start. A shell gives inputs, drains
//! [`Course::poll`], and comes again no later than [`Course::wake_at`].

use std::collections::VecDeque;

use media::LeadSignal;

use super::timer::SessionTimer;

/// Redirections followed for one call.
const REDIRECTS_MAX: u32 = 3;
/// After this much silence from the phone, ask whether it is still there.
pub(super) const SILENCE_MAX_MS: u64 = 4_500;
/// How long it may take to answer. With the silence and the shell's half second that is less than the
/// ten seconds after which people should know.
pub(super) const PROBE_MS: u64 = 4_000;

/// How long things may take on one trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Until the trunk responds at all.
    pub(super) response_ms: u64,
    /// Until the phone rings.
    pub(super) ringing_ms: u64,
    /// How many of the trunk's servers may be tried, at least one.
    pub(super) servers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// A provisional response; `media` if it came with early media.
    Provisional {
        code: u16,
        media: bool,
    },
    /// The lead answered, or the trunk acknowledged our answer.
    Answered(Option<SessionTimer>),
    /// The trunk rejected the call. `redirect`: it names another address of its own. `longer`: it wants a
    /// longer session (422).
    Refused {
        code: u16,
        redirect: bool,
        longer: bool,
    },
    /// The trunk cannot be reached.
    Unreached,
    /// The other side ended it: BYE, or CANCEL of an inbound call.
    Ended,
    /// A 2xx, ours or theirs, renewed the session on these terms.
    Refreshed(Option<SessionTimer>),
    /// How long ago the phone was last heard.
    Heard {
        ms_ago: u64,
    },
    /// The result of asking whether it is still there.
    Probed {
        alive: bool,
    },
    /// Our refresh is to be tried again. What becomes of one that is refused for good need not be told: the
    /// session expires.
    RenewLater {
        after_ms: u64,
    },
    /// The other side does not know the call any more.
    Gone,
    HangUp,
    /// The rep answers the call.
    PickUp,
    /// Time passed.
    Timer,
}

impl Input {
    /// A rejection without redirection or another wish.
    pub(super) const fn refused(code: u16) -> Self {
        Self::Refused {
            code,
            redirect: false,
            longer: false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Call over the trunk at this index, at the redirection's address or its own.
    Invite {
        trunk: usize,
        redirected: bool,
    },
    /// Cancel the current attempt.
    Cancel,
    /// The server does not answer: use another one of the trunk from now on.
    Shun,
    /// Answer the inbound call.
    Accept,
    Reject(u16),
    /// Ask whether the phone is still there, within [`PROBE_MS`].
    Probe,
    Renew,
    /// End the answered call.
    Bye,
    Signal(LeadSignal),
    /// The leg is over. The last output.
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Trying a trunk.
    Calling {
        response_due: Option<u64>,
        ringing_due: Option<u64>,
    },
    /// An inbound call is waiting.
    Waiting,
    /// It was answered, and our answer is to be acknowledged.
    Accepting,
    Up,
    Over,
}

/// When a session that expires is refreshed, and when it ends (RFC 4028 §10).
#[derive(Debug, Clone, Copy)]
struct Expiry {
    /// When we refresh it; none while that is under way, and when it is not ours to do.
    renew_at: Option<u64>,
    /// When it ends, unless it is refreshed.
    end_at: u64,
}

impl Expiry {
    /// Half of the interval until we refresh; and in any case all but a third of it, or 32 seconds.
    fn new(now: u64, timer: SessionTimer) -> Self {
        let expires_ms = u64::from(timer.expires_s) * 1_000;
        Self {
            renew_at: timer.ours.then_some(now + expires_ms / 2),
            end_at: now + expires_ms - (expires_ms / 3).min(32_000),
        }
    }

    fn wake_at(self) -> u64 {
        self.renew_at.unwrap_or(self.end_at).min(self.end_at)
    }
}

#[derive(Debug)]
pub(super) struct Course {
    limits: Vec<Limits>,
    state: State,
    trunk: usize,
    /// Servers of this trunk that failed.
    failed_servers: usize,
    redirects: u32,
    lengthened: bool,
    early_media: bool,
    /// Whether the lead's phone rang: over another trunk it would ring twice.
    rang: bool,
    session: Option<Expiry>,
    probed_at: Option<u64>,
    probing: bool,
    outputs: VecDeque<Output>,
}

impl Course {
    /// A call over the first of these trunks that takes it.
    pub(super) fn dial(now: u64, limits: Vec<Limits>) -> Self {
        let mut course = Self::new(State::Over, limits);
        course.call(now, 0, false);
        course
    }

    /// An inbound call.
    pub(super) fn receive() -> Self {
        Self::new(State::Waiting, Vec::new())
    }

    fn new(state: State, limits: Vec<Limits>) -> Self {
        Self {
            limits,
            state,
            trunk: 0,
            failed_servers: 0,
            redirects: 0,
            lengthened: false,
            early_media: false,
            rang: false,
            session: None,
            probed_at: None,
            probing: false,
            outputs: VecDeque::new(),
        }
    }

    /// The next output.
    pub(super) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to wake it.
    pub(super) fn wake_at(&self) -> Option<u64> {
        match self.state {
            State::Calling {
                response_due,
                ringing_due,
            } => response_due.into_iter().chain(ringing_due).min(),
            State::Up => self.session.map(Expiry::wake_at),
            State::Waiting | State::Accepting | State::Over => None,
        }
    }

    /// Whether the call is answered, and not over.
    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Handles an input.
    pub(super) fn handle(&mut self, now: u64, input: Input) {
        match (self.state, input) {
            (State::Over, _) => {}
            (_, Input::HangUp) => self.hang_up(),
            (State::Calling { .. }, Input::Provisional { code, media }) => {
                self.provisional(code, media);
            }
            (State::Calling { .. }, Input::Answered(session)) => {
                self.up(now, session);
                self.put(Output::Signal(LeadSignal::Answered));
            }
            (State::Accepting, Input::Answered(session)) => self.up(now, session),
            (
                State::Calling { .. },
                Input::Refused {
                    code,
                    redirect,
                    longer,
                },
            ) => self.refused(now, code, redirect, longer),
            (State::Calling { .. }, Input::Unreached) => self.next_server(now),
            (State::Calling { .. }, Input::Timer) => self.late(now),
            (State::Waiting | State::Accepting | State::Up, Input::Ended) => {
                self.end(LeadSignal::HungUp);
            }
            (State::Accepting, Input::Unreached | Input::Refused { .. }) => {
                self.end(LeadSignal::Failed);
            }
            (State::Waiting, Input::PickUp) => {
                self.state = State::Accepting;
                self.put(Output::Accept);
            }
            (State::Up, Input::Refreshed(session)) => self.refresh(now, session),
            (State::Up, Input::RenewLater { after_ms }) => {
                if let Some(session) = &mut self.session {
                    session.renew_at = Some(now + after_ms);
                }
            }
            (State::Up, Input::Gone | Input::Probed { alive: false }) => self.lost(),
            (State::Up, Input::Heard { ms_ago }) => self.heard(now, ms_ago),
            (State::Up, Input::Probed { alive: true }) => self.probing = false,
            (State::Up, Input::Timer) => self.session_due(now),
            _ => {}
        }
    }

    fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn call(&mut self, now: u64, trunk: usize, redirected: bool) {
        let Some(limits) = self.limits.get(trunk).copied() else {
            self.end(LeadSignal::Failed);
            return;
        };
        self.trunk = trunk;
        self.state = State::Calling {
            response_due: Some(now + limits.response_ms),
            ringing_due: Some(now + limits.ringing_ms),
        };
        self.put(Output::Invite { trunk, redirected });
    }

    fn provisional(&mut self, code: u16, media: bool) {
        let State::Calling { ringing_due, .. } = self.state else {
            return;
        };
        let rings = code == 180 || media;
        self.state = State::Calling {
            response_due: None,
            ringing_due: ringing_due.filter(|_| !rings && !matches!(code, 181..=183)),
        };
        if rings && !self.rang {
            self.rang = true;
            self.put(Output::Signal(LeadSignal::Ringing));
        }
        if media && !self.early_media {
            self.early_media = true;
            self.put(Output::Signal(LeadSignal::EarlyMedia));
        }
    }

    fn refused(&mut self, now: u64, code: u16, redirect: bool, longer: bool) {
        match meaning(code) {
            Meaning::Final(signal) => self.end(signal),
            Meaning::NotHere if self.rang => self.end(LeadSignal::NoAnswer),
            Meaning::Elsewhere if redirect && self.redirects < REDIRECTS_MAX => {
                self.redirects += 1;
                self.call(now, self.trunk, true);
            }
            Meaning::Longer if longer && !self.lengthened => {
                self.lengthened = true;
                self.call(now, self.trunk, false);
            }
            Meaning::NotThisServer => self.next_server(now),
            _ => self.next(now, LeadSignal::Failed),
        }
    }

    /// Tries another server of the trunk (RFC 3263 §4.3), or else the next trunk.
    fn next_server(&mut self, now: u64) {
        let servers = self
            .limits
            .get(self.trunk)
            .map_or(1, |limits| limits.servers);
        if servers > 1 {
            self.put(Output::Shun);
        }
        self.failed_servers += 1;
        if self.rang || self.failed_servers >= servers {
            self.next(now, LeadSignal::Failed);
        } else {
            self.call(now, self.trunk, false);
        }
    }

    /// Tries the next trunk, unless the phone has rung; reports this if there is none.
    fn next(&mut self, now: u64, otherwise: LeadSignal) {
        let next = self.trunk + 1;
        if self.rang || next >= self.limits.len() {
            self.end(otherwise);
        } else {
            self.failed_servers = 0;
            self.redirects = 0;
            self.lengthened = false;
            self.call(now, next, false);
        }
    }

    fn late(&mut self, now: u64) {
        let State::Calling { response_due, .. } = self.state else {
            return;
        };
        if self.wake_at().is_none_or(|due| due > now) {
            return;
        }
        self.put(Output::Cancel);
        // A trunk that responded is there; it is the phone that does not ring.
        if response_due.is_some() {
            self.next_server(now);
        } else {
            self.next(now, LeadSignal::Failed);
        }
    }

    fn up(&mut self, now: u64, session: Option<SessionTimer>) {
        self.state = State::Up;
        self.refresh(now, session);
    }

    fn refresh(&mut self, now: u64, session: Option<SessionTimer>) {
        self.session = session.map(|timer| Expiry::new(now, timer));
    }

    fn session_due(&mut self, now: u64) {
        let Some(session) = &mut self.session else {
            return;
        };
        if session.end_at <= now {
            return self.lost();
        }
        if session.renew_at.is_some_and(|at| at <= now) {
            session.renew_at = None;
            self.put(Output::Renew);
        }
    }

    /// Ends a call whose other side is not there any more.
    fn lost(&mut self) {
        self.put(Output::Bye);
        self.end(LeadSignal::Lost);
    }

    fn heard(&mut self, now: u64, ms_ago: u64) {
        let lately = self
            .probed_at
            .is_some_and(|at| now.saturating_sub(at) < SILENCE_MAX_MS);
        if ms_ago >= SILENCE_MAX_MS && !self.probing && !lately {
            self.probing = true;
            self.put(Output::Probe);
            self.probed_at = Some(now);
        }
    }

    fn hang_up(&mut self) {
        match self.state {
            State::Calling { .. } => self.put(Output::Cancel),
            State::Waiting => self.put(Output::Reject(603)),
            State::Accepting | State::Up => self.put(Output::Bye),
            State::Over => return,
        }
        self.state = State::Over;
        self.put(Output::Over);
    }

    fn end(&mut self, signal: LeadSignal) {
        self.state = State::Over;
        self.put(Output::Signal(signal));
        self.put(Output::Over);
    }
}

/// What the last response to an INVITE means to a person (RFC 3261 §21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The same for every trunk.
    Final(LeadSignal),
    /// No one answered in time, if it rang; otherwise the trunk reached no one.
    NotHere,
    /// Try another address.
    Elsewhere,
    Longer,
    /// This server is unavailable; another one of the trunk may work.
    NotThisServer,
    /// This trunk rejects it; another one may not.
    NotThisTrunk,
}

/// The meaning of a status code from 300 on.
const fn meaning(code: u16) -> Meaning {
    match code {
        300..=399 => Meaning::Elsewhere,
        486 | 600 => Meaning::Final(LeadSignal::Busy),
        // 607 and 608 are of RFC 8197 and RFC 8688.
        603 | 607 | 608 => Meaning::Final(LeadSignal::Declined),
        404 | 410 | 484 | 485 | 604 => Meaning::Final(LeadSignal::Unreachable),
        480 => Meaning::Final(LeadSignal::NoAnswer),
        408 | 487 => Meaning::NotHere,
        422 => Meaning::Longer,
        503 => Meaning::NotThisServer,
        _ => Meaning::NotThisTrunk,
    }
}

#[cfg(test)]
mod tests;
