//! What the other side changes of a call, before its answer and after.

use rsipstack::dialog::dialog::TransactionHandle;
use rsipstack::sip::{self, HasHeaders, Method, Request, Response, StatusCode};

use super::course::Input;
use super::headers;
use super::task::Task;
use crate::early::EarlyCall;

/// What is known of a call of ours before its answer.
#[derive(Default)]
pub(super) struct Early {
    /// Lets requests within it come here.
    _call: Option<EarlyCall>,
    /// The answer to our offer that came with a reliable response, and is the last word on it
    /// (RFC 3262 §5).
    answer: Option<Vec<u8>>,
    /// Whether something else was agreed on since.
    is_changed: bool,
}

impl Early {
    /// A call that begins.
    pub(super) fn of(call: EarlyCall) -> Self {
        Self {
            _call: Some(call),
            ..Self::default()
        }
    }

    /// Notes a response whose description was taken.
    pub(super) fn taken(&mut self, response: &Response) {
        let mut required = response.headers().iter();
        if required.any(
            |header| matches!(header, sip::Header::Require(value) if is_reliable(value.value())),
        ) {
            self.answer = Some(response.body.clone());
        }
    }

    /// Whether the description of the last response is the one of long ago said again (RFC 3261
    /// §13.2.1), and something else holds by now.
    pub(super) fn is_outdated(&self, response: &Response) -> bool {
        self.is_changed && self.answer.as_ref() == Some(&response.body)
    }
}

fn is_reliable(required: &str) -> bool {
    let mut options = required.split(',');
    options.any(|option| option.trim().eq_ignore_ascii_case("100rel"))
}

impl Task {
    /// The other side changes the call, or renews it.
    pub(super) async fn updated(&mut self, request: Request, handle: TransactionHandle) {
        self.give(Input::Refreshed);
        let mut lines = headers::renewed(&request);
        if request.body.is_empty() && request.method == Method::Update {
            return respond(&handle, StatusCode::OK, lines, None).await;
        }
        let dialog = self.dialog.as_ref();
        let is_early = dialog.is_some_and(|dialog| dialog.state().can_cancel());
        if is_early && self.early.answer.is_none() {
            // Our own offer stands (RFC 3311 §5.2).
            return respond(&handle, StatusCode::RequestPending, Vec::new(), None).await;
        }
        let body = if request.body.is_empty() {
            Ok(self.session.offer())
        } else {
            self.session.offered(&request.body)
        };
        match body {
            Ok(body) => {
                self.early.is_changed |= is_early;
                lines.push(headers::description());
                respond(&handle, StatusCode::OK, lines, Some(body)).await;
            }
            Err(error) => {
                tracing::info!(%error, "a change of the call that we cannot follow");
                respond(&handle, StatusCode::NotAcceptableHere, Vec::new(), None).await;
            }
        }
    }
}

pub(super) async fn respond(
    handle: &TransactionHandle,
    status: StatusCode,
    lines: Vec<sip::Header>,
    body: Option<Vec<u8>>,
) {
    let lines = Some(lines).filter(|lines| !lines.is_empty());
    if handle.respond(status, lines, body).await.is_err() {
        tracing::debug!("who asked is gone");
    }
}
