//! What the user did to a call, asked of the service until it answers: an outage loses no hang-up.
//!
//! Each of these requests has the same effect however often it is asked, so that asking again is safe.

use std::time::Duration;

use wire::{CallId, Code};

use crate::input::{CommandId, Failure, Reply, RequestId};
use crate::output::Request;
use crate::retry::{RETRY_MIN, Retry};

/// Requests that wait at most; each is about another call or invitation, or another switch of it.
const DEBTS_MAX: usize = 64;
/// How long a request is asked again: the service ends by itself what it hears nothing of for so long.
const DEBT_KEPT: Duration = Duration::from_secs(120);
/// The longest wait before it is asked again. It is asked at once when the connection is back.
const RETRY_WAIT: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Debt {
    command: CommandId,
    request: Request,
    since: Duration,
    /// The request that is under way.
    asked: Option<RequestId>,
    /// It failed before, and the user was told that it is asked again.
    postponed: bool,
}

/// What came of an answer.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The command is done, or was refused.
    Settled {
        command: CommandId,
        request: Request,
        result: Result<Reply, Failure>,
    },
    /// It is asked again; said the first time only.
    Postponed(Request),
    /// It changes nothing: a newer request took its place, or it is said already.
    Passed,
}

#[derive(Debug)]
pub(crate) struct Owed {
    debts: Vec<Debt>,
    pub(crate) retry: Retry,
}

impl Default for Owed {
    fn default() -> Self {
        Self {
            debts: Vec::new(),
            retry: Retry::within(RETRY_MIN, RETRY_WAIT),
        }
    }
}

impl Owed {
    /// The service owes an answer to this from now on. Gives the command whose place it takes, if any.
    pub(crate) fn owe(
        &mut self,
        now: Duration,
        command: CommandId,
        request: Request,
    ) -> Option<CommandId> {
        let same = |debt: &Debt| same_matter(&debt.request, &request);
        let replaced = match self.debts.iter().position(same) {
            Some(at) => Some(self.debts.remove(at).command),
            None if self.debts.len() >= DEBTS_MAX => Some(self.debts.remove(0).command),
            None => None,
        };
        self.debts.push(Debt {
            command,
            request,
            since: now,
            asked: None,
            postponed: false,
        });
        replaced
    }

    /// What is to be asked now, in the order in which the user did it.
    pub(crate) fn unasked(&self) -> Vec<Request> {
        let waiting = self.debts.iter().filter(|debt| debt.asked.is_none());
        waiting.map(|debt| debt.request.clone()).collect()
    }

    /// It was asked.
    pub(crate) fn asked(&mut self, request: &Request, id: RequestId) {
        if let Some(debt) = self.debts.iter_mut().find(|debt| debt.request == *request) {
            debt.asked = Some(id);
        }
    }

    /// The service can be reached again: whatever is under way may never be answered.
    pub(crate) fn ask_again(&mut self, now: Duration) {
        for debt in &mut self.debts {
            debt.asked = None;
        }
        if !self.debts.is_empty() {
            self.retry.try_at(now);
        }
    }

    pub(crate) fn answered(
        &mut self,
        now: Duration,
        id: RequestId,
        result: Result<Reply, Failure>,
    ) -> Outcome {
        let mut debts = self.debts.iter_mut().enumerate();
        let Some((at, debt)) = debts.find(|(_, debt)| debt.asked == Some(id)) else {
            return Outcome::Passed;
        };
        if let Err(failure) = &result
            && failure.may_pass()
            && now.saturating_sub(debt.since) < DEBT_KEPT
        {
            debt.asked = None;
            let outcome = if debt.postponed {
                Outcome::Passed
            } else {
                debt.postponed = true;
                Outcome::Postponed(debt.request.clone())
            };
            self.retry.failed(now, 1.0);
            return outcome;
        }
        let debt = self.debts.remove(at);
        if self.debts.is_empty() {
            self.retry.worked();
        }
        let result = match result {
            Err(failure) if is_over(failure.code) && (debt.postponed || leaves(&debt.request)) => {
                Ok(Reply::Done)
            }
            result => result,
        };
        Outcome::Settled {
            command: debt.command,
            request: debt.request,
            result,
        }
    }

    /// A call that is left or hung up, and the service doesn't know yet: the command, and the request with
    /// its id if it is under way. It is owed no longer.
    pub(crate) fn take_leaving(&mut self) -> Option<(CommandId, Request, Option<RequestId>)> {
        let at = self.debts.iter().position(|debt| leaves(&debt.request))?;
        let debt = self.debts.remove(at);
        Some((debt.command, debt.request, debt.asked))
    }

    /// Whether a call is left or hung up, and the service doesn't know yet.
    pub(crate) fn is_leaving(&self) -> bool {
        self.debts.iter().any(|debt| leaves(&debt.request))
    }

    /// The call is over: nothing of it has to be asked. Gives the commands that waited.
    pub(crate) fn call_over(&mut self, call: &CallId) -> Vec<CommandId> {
        self.take(|debt| call_of(&debt.request) == Some(call))
    }

    /// Nobody is signed in any more.
    pub(crate) fn clear(&mut self) -> Vec<CommandId> {
        self.take(|_| true)
    }

    fn take(&mut self, is: impl Fn(&Debt) -> bool) -> Vec<CommandId> {
        let gone = self.debts.extract_if(.., |debt| is(debt));
        let commands = gone.map(|debt| debt.command).collect();
        if self.debts.is_empty() {
            self.retry.worked();
        }
        commands
    }
}

/// Whether the newer of two takes the place of the older: it is about the same switch of the same call.
fn same_matter(a: &Request, b: &Request) -> bool {
    match (a, b) {
        (Request::HangUp(a), Request::HangUp(b))
        | (Request::Leave(a), Request::Leave(b))
        | (Request::Hold(a, _), Request::Hold(b, _))
        | (Request::Mute(a, _), Request::Mute(b, _))
        | (Request::PauseRecording(a, _), Request::PauseRecording(b, _)) => a == b,
        (Request::Decline(a), Request::Decline(b)) => a == b,
        _ => false,
    }
}

const fn leaves(request: &Request) -> bool {
    matches!(request, Request::HangUp(_) | Request::Leave(_))
}

const fn call_of(request: &Request) -> Option<&CallId> {
    match request {
        Request::HangUp(call)
        | Request::Leave(call)
        | Request::Hold(call, _)
        | Request::Mute(call, _)
        | Request::PauseRecording(call, _) => Some(call),
        _ => None,
    }
}

/// Whether there is nothing left to be done: the call is over, or the user isn't on it here.
const fn is_over(code: Option<Code>) -> bool {
    matches!(
        code,
        Some(Code::CallEnded | Code::NotFound | Code::InviteExpired | Code::Conflict)
    )
}
