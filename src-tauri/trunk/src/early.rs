//! Requests within a call that is not answered yet (RFC 3311). The stack knows a call from its answer
//! on, and says nothing to them before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsipstack::dialog::dialog::{
    Dialog, DialogState, DialogStateSender, TransactionCommand, TransactionHandle,
};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, StatusCode, StatusCodeKind};
use rsipstack::transaction::transaction::Transaction;

use crate::endpoint::Trunk;
use crate::leg::renewed;

/// How long a leg may take to answer a request.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// What is understood before an answer.
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE";
/// When an offer may come again that crossed one of the caller's own, in seconds (RFC 3311 §5.2).
const RETRY_S: &str = "2";

/// Calls of ours that are not answered yet, by Call-ID.
#[derive(Clone, Default)]
pub(crate) struct EarlyCalls(Arc<Mutex<HashMap<String, (InviteDialog, DialogStateSender)>>>);

/// One of them, until it is dropped.
pub(crate) struct EarlyCall {
    calls: EarlyCalls,
    call_id: String,
}

impl EarlyCalls {
    /// From now on, requests within this call reach its leg by these states.
    pub(crate) fn enter(&self, dialog: InviteDialog, states: DialogStateSender) -> EarlyCall {
        let call_id = dialog.id().call_id;
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.insert(call_id.clone(), (dialog, states));
        EarlyCall {
            calls: self.clone(),
            call_id,
        }
    }

    /// The call that a request is within, if it is early.
    fn of(&self, request: &Request) -> Option<(InviteDialog, DialogStateSender)> {
        let call_id = request.call_id_header().ok()?;
        let tag = request.to_header().ok()?.tag().ok()??;
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (dialog, states) = calls.get(call_id.value())?;
        let is_own = dialog.id().local_tag == tag.value() && dialog.state().can_cancel();
        is_own.then(|| (dialog.clone(), states.clone()))
    }
}

impl Drop for EarlyCall {
    fn drop(&mut self) {
        let mut calls = self.calls.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.remove(&self.call_id);
    }
}

/// Whether this is a request within a call that came in, and that we have not answered, or whose answer
/// was not acknowledged.
pub(crate) fn is_before_answer(dialog: &Dialog, method: Method) -> bool {
    let Dialog::Invite(dialog) = dialog else {
        return false;
    };
    let state = dialog.state();
    is_of_a_session(method) && (state.can_cancel() || state.waiting_ack())
}

/// Those that neither begin nor end anything.
const fn is_of_a_session(method: Method) -> bool {
    matches!(
        method,
        Method::Update
            | Method::Info
            | Method::Options
            | Method::Notify
            | Method::Message
            | Method::Refer
    )
}

/// Answers a request within a call that came in. Who calls made an offer, which we have not answered.
pub(crate) async fn answer(trunk: &Trunk, request: &mut Transaction) {
    let (status, lines) = match request.original.method {
        Method::Update if request.original.body.is_empty() => {
            (StatusCode::OK, renewed(&request.original))
        }
        Method::Update => (
            StatusCode::ServerInternalError,
            vec![Header::RetryAfter(RETRY_S.into())],
        ),
        method => of_no_session(method),
    };
    reply(trunk, request, status, lines, None).await;
}

/// Answers a request within a call of ours, if that is early; whether it is.
pub(crate) async fn ask(trunk: &Trunk, request: &mut Transaction) -> bool {
    let method = request.original.method;
    let Some((dialog, states)) = trunk
        .early
        .of(&request.original)
        .filter(|_| is_of_a_session(method))
    else {
        return false;
    };
    if method != Method::Update {
        let (status, lines) = of_no_session(method);
        reply(trunk, request, status, lines, None).await;
        return true;
    }
    let (handle, mut answers) = TransactionHandle::new();
    let updated = DialogState::Updated(dialog.id(), request.original.clone(), handle);
    // Whose leg is over drops the handle with its states.
    let _ = states.send(updated);
    match tokio::time::timeout(ANSWER_MAX, answers.recv()).await {
        Ok(Some(TransactionCommand::Respond {
            status,
            headers,
            body,
        })) => reply(trunk, request, status, headers.unwrap_or_default(), body).await,
        _ => {
            let status = StatusCode::CallTransactionDoesNotExist;
            reply(trunk, request, status, Vec::new(), None).await;
        }
    }
    true
}

/// What is said to a request that changes no session.
fn of_no_session(method: Method) -> (StatusCode, Vec<Header>) {
    match method {
        Method::Options => (StatusCode::OK, Vec::new()),
        _ => (
            StatusCode::MethodNotAllowed,
            vec![Header::Allow(ALLOW.into())],
        ),
    }
}

async fn reply(
    trunk: &Trunk,
    request: &mut Transaction,
    status: StatusCode,
    mut lines: Vec<Header>,
    body: Option<Vec<u8>>,
) {
    // UPDATE says anew where either side is reached (RFC 3311 §5.2).
    let is_refresh = request.original.method == Method::Update;
    if is_refresh
        && status.kind() == StatusCodeKind::Successful
        && let Some(contact) = trunk.contact(&trunk.settings.name)
    {
        lines.push(Header::Contact(format!("<{contact}>").into()));
    }
    if let Err(error) = request.reply_with(status, lines, body).await {
        tracing::debug!(%error, "who asked is gone");
    }
}
