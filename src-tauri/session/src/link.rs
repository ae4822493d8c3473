//! The WebSocket: connecting, heartbeats, going on where it broke off.

use std::time::Duration;

use wire::HEARTBEAT_INTERVAL_S;

use crate::output::Resume;
use crate::retry::Retry;
use crate::view::Connection;

/// How long a connection may take until the service says `welcome`.
const WELCOME_WAIT: Duration = Duration::from_secs(10);
/// A connection on which nothing was heard for so long after a heartbeat is dead: a call that lost it
/// has 30 s to come back, and TCP would take longer to notice.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(HEARTBEAT_INTERVAL_S);

/// What the shell is to do with the WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkAction {
    Connect(Option<Resume>),
    /// Get a new access token first.
    Refresh,
    Heartbeat,
    /// It is dead.
    Dead,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Down,
    /// A new access token is being asked for.
    Refreshing,
    Connecting {
        until: Duration,
    },
    Online {
        heartbeat_at: Duration,
        /// When the service must have said something since the last heartbeat.
        answer_by: Option<Duration>,
    },
    /// For the next try.
    Waiting,
}

/// How an event's number compares with the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    Next,
    /// Dealt with before.
    Old,
    /// Some are missing.
    Gap,
}

#[derive(Debug, Default)]
pub(crate) struct Link {
    state: State,
    resume: Option<Resume>,
    retry: Retry,
    was_online: bool,
    token_refused: bool,
}

impl Link {
    pub(crate) fn connection(&self) -> Connection {
        match self.state {
            State::Down => Connection::SignedOut,
            State::Online { .. } => Connection::Online,
            State::Waiting => Connection::Offline,
            State::Connecting { .. } | State::Refreshing if self.was_online => Connection::Resuming,
            State::Connecting { .. } | State::Refreshing => Connection::Connecting,
        }
    }

    pub(crate) fn is_online(&self) -> bool {
        matches!(self.state, State::Online { .. })
    }

    pub(crate) fn connect(&mut self, now: Duration) -> LinkAction {
        self.state = State::Connecting {
            until: now.saturating_add(WELCOME_WAIT),
        };
        LinkAction::Connect(self.resume.clone())
    }

    /// The service took the `hello`.
    pub(crate) fn welcomed(&mut self, now: Duration, stream_id: String, seq: u64, resumed: bool) {
        let after_seq = match &self.resume {
            Some(resume) if resumed => resume.after_seq,
            _ => seq,
        };
        self.resume = Some(Resume {
            stream_id,
            after_seq,
        });
        self.retry.worked();
        self.was_online = true;
        self.token_refused = false;
        self.state = State::Online {
            heartbeat_at: now.saturating_add(HEARTBEAT),
            answer_by: None,
        };
    }

    /// Something was heard.
    pub(crate) fn heard(&mut self) {
        if let State::Online { answer_by, .. } = &mut self.state {
            *answer_by = None;
        }
    }

    /// Takes in an event's number.
    pub(crate) fn numbered(&mut self, seq: u64) -> Sequence {
        let Some(resume) = &mut self.resume else {
            return Sequence::Gap;
        };
        if seq <= resume.after_seq {
            return Sequence::Old;
        }
        let gap = seq - resume.after_seq > 1;
        resume.after_seq = seq;
        if gap { Sequence::Gap } else { Sequence::Next }
    }

    /// The service does not take the access token.
    pub(crate) fn token_refused(&mut self) {
        self.token_refused = true;
    }

    /// The connection is gone; says when there is something to do at once.
    pub(crate) fn closed(&mut self, now: Duration, jitter: f32) -> Option<LinkAction> {
        if matches!(self.state, State::Down | State::Refreshing) {
            return None;
        }
        if std::mem::take(&mut self.token_refused) {
            self.state = State::Refreshing;
            return Some(LinkAction::Refresh);
        }
        self.wait(now, jitter);
        None
    }

    /// No new access token could be had just now.
    pub(crate) fn wait(&mut self, now: Duration, jitter: f32) {
        self.retry.failed(now, jitter);
        self.state = State::Waiting;
    }

    /// Nobody is signed in any more.
    pub(crate) fn down(&mut self) {
        *self = Self::default();
    }

    /// What is due, if anything.
    pub(crate) fn due(&mut self, now: Duration) -> Option<LinkAction> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match &mut self.state {
            State::Waiting => Some(self.connect(now)),
            State::Connecting { .. } => Some(LinkAction::Dead),
            State::Online {
                heartbeat_at,
                answer_by,
            } => {
                if answer_by.is_some_and(|at| at <= now) {
                    return Some(LinkAction::Dead);
                }
                *heartbeat_at = now.saturating_add(HEARTBEAT);
                *answer_by = Some(now.saturating_add(ANSWER_WAIT));
                Some(LinkAction::Heartbeat)
            }
            State::Down | State::Refreshing => None,
        }
    }

    /// When something is due next.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Down | State::Refreshing => None,
            State::Connecting { until } => Some(until),
            State::Waiting => self.retry.deadline(),
            State::Online {
                heartbeat_at,
                answer_by,
            } => Some(answer_by.map_or(heartbeat_at, |at| at.min(heartbeat_at))),
        }
    }
}
