//! Resuming the sign-in that an earlier run kept.

use std::time::Duration;

use wire::Code;

use crate::backoff::Backoff;
use crate::{CommandId, Connection, Failure, Notice, Reply, Request};

use super::{Purpose, Session, refuse};

/// A kept sign-in that is being resumed.
#[derive(Debug)]
pub(super) struct Resuming {
    command: CommandId,
    backoff: Backoff,
    /// When it is tried again; `None` while a try is under way.
    pub(super) retry_at: Option<Duration>,
}

impl Session {
    pub(super) fn resume(&mut self, id: CommandId) -> Result<(), Failure> {
        if self.view.user_id.is_some() {
            return refuse("somebody is signed in already");
        }
        if self.is_signing_in() {
            return refuse("somebody is being signed in already");
        }
        self.resuming = Some(Resuming {
            command: id,
            backoff: Backoff::default(),
            retry_at: None,
        });
        self.request(Request::Resume, Purpose::Resume);
        Ok(())
    }

    /// An answer that still comes is passed over.
    pub(super) fn stop_resuming(&mut self) {
        self.purposes
            .retain(|_, purpose| *purpose != Purpose::Resume);
        self.finish_resuming(refuse("resuming was given up"));
    }

    pub(super) fn finish_resuming(&mut self, result: Result<Reply, Failure>) {
        if let Some(resuming) = self.resuming.take() {
            self.finish(resuming.command, result);
        }
    }

    pub(super) fn resume_again(&mut self) {
        if let Some(resuming) = &mut self.resuming {
            resuming.retry_at = None;
            self.request(Request::Resume, Purpose::Resume);
        }
    }

    pub(super) fn resume_answered(&mut self, now: Duration, result: Result<Reply, Failure>) {
        let Some(resuming) = &mut self.resuming else {
            return;
        };
        if let Err(failure) = &result
            && may_pass(failure.code)
        {
            let wait = resuming.backoff.next(1.0);
            resuming.retry_at = Some(now.saturating_add(wait));
            return;
        }
        let command = resuming.command;
        self.resuming = None;
        self.signed_in(now, command, result);
    }

    pub(super) fn is_signing_in(&self) -> bool {
        self.resuming.is_some()
            || self
                .purposes
                .values()
                .any(|purpose| matches!(purpose, Purpose::SignIn(_)))
    }

    /// The connection as it is shown: to resume is to connect.
    pub(super) fn connection(&self) -> Connection {
        match &self.resuming {
            Some(resuming) if resuming.retry_at.is_some() => Connection::Offline,
            Some(_) => Connection::Connecting,
            None => self.link.connection(),
        }
    }

    pub(super) fn settle_kept(&mut self) {
        let kept = self.kept && self.view.user_id.is_some();
        if self.view.sign_in_kept != kept {
            self.view.sign_in_kept = kept;
            self.notify(Notice::SignInKept(kept));
        }
    }
}

/// Whether it may work later: the service could not be asked, or cannot answer just now.
pub(super) fn may_pass(code: Option<Code>) -> bool {
    matches!(
        code,
        None | Some(Code::Unavailable | Code::RateLimited | Code::Internal)
    )
}
