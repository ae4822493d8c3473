//! Requests from a trunk: those within a call go to its dialog, an INVITE is an inbound call, and
//! everything else is answered and forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rsipstack::dialog::dialog::{Dialog, DialogState, TransactionCommand, TransactionHandle};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, StatusCode, StatusCodeKind, Version};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::{Semaphore, mpsc};
use wire::CallId;

use crate::endpoint::Trunk;
use crate::leg::{Waiting, callee, caller};
use crate::screening;

/// Requests of one trunk that are handled at once. Most of the time each call has one.
const REQUESTS_MAX: usize = 4_096;
/// Inbound calls waiting for the service to say whose they are.
pub(crate) const INCOMING_MAX: usize = 64;
/// Inbound calls whose leg was not requested yet, and how long they wait for that.
const WAITING_MAX: usize = 256;
const WAITING_TIME: Duration = Duration::from_secs(10);

/// How often, and at what interval, a request's call is looked up.
const LOOKS_MAX: u32 = 6;
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How long a leg may take to answer a request.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// What is understood before an answer.
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE";
/// When to retry an offer that crossed the caller's own, in seconds (RFC 3311 §5.2).
const RETRY_S: &str = "2";

/// An inbound call. Dropped without [`Incoming::wait_as`], it is answered with 480.
pub struct Incoming {
    /// The organization whose trunk it came over; `None` if the trunk is shared by all.
    pub organization: Option<String>,
    /// The number that was called, in E.164.
    pub local_phone: String,
    /// The caller's number, in E.164; `None` if it is withheld.
    pub remote_phone: Option<String>,
    waiting: Option<Waiting>,
    room: WaitingRoom,
}

impl Incoming {
    /// Lets it wait until [`media::LeadLine::receive`] is called for this call.
    pub fn wait_as(mut self, call: CallId) {
        if let Some(waiting) = self.waiting.take() {
            self.room.enter(call, waiting);
        }
    }

    /// Rejects it with a SIP status: 404 for an unknown number, 480 when no one is available.
    pub fn refuse(mut self, code: u16) {
        self.reject(code);
    }

    fn reject(&mut self, code: u16) {
        if let Some(waiting) = self.waiting.take() {
            reject(&waiting, code);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.reject(480);
    }
}

/// Inbound calls, by the call that they become.
#[derive(Clone, Default)]
pub(crate) struct WaitingRoom(Arc<Mutex<HashMap<CallId, (Instant, Waiting)>>>);

impl WaitingRoom {
    fn enter(&self, call: CallId, waiting: Waiting) {
        let mut room = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let late = room.extract_if(|_, (since, _)| now.duration_since(*since) > WAITING_TIME);
        for (_, (_, waiting)) in late {
            reject(&waiting, 480);
        }
        if room.len() >= WAITING_MAX {
            reject(&waiting, 503);
        } else {
            room.insert(call, (now, waiting));
        }
    }

    pub(crate) fn take(&self, call: &CallId) -> Option<Waiting> {
        let mut room = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        room.remove(call).map(|(_, waiting)| waiting)
    }

    /// Rejects one that the service gave up before requesting its leg.
    pub(crate) fn forget(&self, call: &CallId, code: u16) {
        if let Some(waiting) = self.take(call) {
            reject(&waiting, code);
        }
    }
}

pub(crate) fn reject(waiting: &Waiting, code: u16) {
    if let Err(error) = waiting.dialog.reject(Some(StatusCode::from(code)), None) {
        tracing::debug!(%error, "the caller hung up before we rejected the call");
    }
    waiting.trunk.layer.remove_dialog(&waiting.dialog.id());
}

/// Takes the requests of a trunk until it ends.
pub(crate) async fn serve(
    trunk: Arc<Trunk>,
    mut requests: TransactionReceiver,
    calls: mpsc::Sender<Incoming>,
    room: WaitingRoom,
) {
    let permits = Arc::new(Semaphore::new(REQUESTS_MAX));
    loop {
        let request = tokio::select! {
            () = trunk.cancelled().cancelled() => return,
            request = requests.recv() => request,
        };
        let Some(mut request) = request else {
            return;
        };
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            reply(&mut request, StatusCode::ServiceUnavailable).await;
            continue;
        };
        let (trunk, calls, room) = (trunk.clone(), calls.clone(), room.clone());
        tokio::spawn(async move {
            take(&trunk, request, &calls, &room).await;
            drop(permit);
        });
    }
}

async fn take(
    trunk: &Arc<Trunk>,
    mut request: Transaction,
    calls: &mpsc::Sender<Incoming>,
    room: &WaitingRoom,
) {
    let within = request.original.to_header().ok();
    let within = within.and_then(|to| to.tag().ok().flatten()).is_some();
    if let Some(mut dialog) = dialog_of(trunk, &request, within).await {
        if is_before_answer(&dialog, request.original.method) {
            return answer_early(trunk, &mut request).await;
        }
        if let Err(error) = dialog.handle(&mut request).await {
            tracing::debug!(trunk = trunk.settings.name, %error, "could not handle a request within a call");
        }
        return;
    }
    if request.original.method != Method::Ack
        && let Some(rejection) = screening::rejection(&request.original)
    {
        // Answer in the version that we speak.
        request.original.version = Version::V2;
        return reply_with(&mut request, rejection.status, rejection.headers).await;
    }
    if within && ask_early(trunk, &mut request).await {
        return;
    }
    match request.original.method {
        Method::Invite if !within => invited(trunk, request, calls, room).await,
        Method::Options if !within => reply(&mut request, StatusCode::OK).await,
        Method::Ack => {}
        _ if within => reply(&mut request, StatusCode::CallTransactionDoesNotExist).await,
        _ => reply(&mut request, StatusCode::MethodNotAllowed).await,
    }
}

/// The call that a request is within. The stack knows an outbound call only a moment after its answer,
/// and the lead may have hung up by then.
async fn dialog_of(trunk: &Trunk, request: &Transaction, within: bool) -> Option<Dialog> {
    let mut found = trunk.layer.match_dialog(request);
    let mut looks = 0;
    while found.is_none() && within && looks < LOOKS_MAX {
        looks += 1;
        tokio::time::sleep(LOOK_EVERY).await;
        found = trunk.layer.match_dialog(request);
    }
    found
}

async fn invited(
    trunk: &Arc<Trunk>,
    mut request: Transaction,
    calls: &mpsc::Sender<Incoming>,
    room: &WaitingRoom,
) {
    let Some(local_phone) = callee(&request.original) else {
        return reply(&mut request, StatusCode::NotFound).await;
    };
    let own = &trunk.settings.numbers;
    if !own.is_empty() && !own.contains(&local_phone) {
        return reply(&mut request, StatusCode::NotFound).await;
    }
    let remote_phone = caller(&request.original);
    let (sender, states) = trunk.layer.new_dialog_state_channel();
    let contact = trunk.contact(&local_phone);
    let begun = trunk
        .layer
        .get_or_create_server_invite(&request, sender, None, contact);
    let mut dialog = match begun {
        Ok(dialog) => dialog,
        Err(error) => {
            tracing::info!(trunk = trunk.settings.name, %error, "not a valid INVITE");
            return reply(&mut request, StatusCode::BadRequest).await;
        }
    };
    let incoming = Incoming {
        organization: trunk.settings.organization.clone(),
        local_phone,
        remote_phone,
        waiting: Some(Waiting {
            trunk: trunk.clone(),
            dialog: dialog.clone(),
            states,
        }),
        room: room.clone(),
    };
    if let Err(full) = calls.try_send(incoming) {
        full.into_inner().refuse(503);
    }
    if let Err(error) = dialog.handle(&mut request).await {
        tracing::debug!(trunk = trunk.settings.name, %error, "an inbound call broke off");
    }
}

async fn reply(request: &mut Transaction, status: StatusCode) {
    reply_with(request, status, Vec::new()).await;
}

async fn reply_with(request: &mut Transaction, status: StatusCode, headers: Vec<Header>) {
    if let Err(error) = request.reply_with(status, headers, None).await {
        tracing::debug!(%error, "the sender of a request is gone");
    }
}

/// Whether this is a request within an inbound call that we have not answered, or whose answer was not
/// acknowledged.
fn is_before_answer(dialog: &Dialog, method: Method) -> bool {
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

/// Answers a request within an inbound call whose offer we have not answered yet.
async fn answer_early(trunk: &Trunk, request: &mut Transaction) {
    let (status, lines) = match request.original.method {
        Method::Update if request.original.body.is_empty() => (StatusCode::OK, Vec::new()),
        Method::Update => (
            StatusCode::ServerInternalError,
            vec![Header::RetryAfter(RETRY_S.into())],
        ),
        method => of_no_session(method),
    };
    reply_early(trunk, request, status, lines, None).await;
}

/// Answers a request within an outbound call that is not answered yet. False if there is none.
async fn ask_early(trunk: &Trunk, request: &mut Transaction) -> bool {
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
        reply_early(trunk, request, status, lines, None).await;
        return true;
    }
    let (handle, mut answers) = TransactionHandle::new();
    let updated = DialogState::Updated(dialog.id(), request.original.clone(), handle);
    // A leg that is over drops the handle with its states.
    let _ = states.send(updated);
    match tokio::time::timeout(ANSWER_MAX, answers.recv()).await {
        Ok(Some(TransactionCommand::Respond {
            status,
            headers,
            body,
        })) => reply_early(trunk, request, status, headers.unwrap_or_default(), body).await,
        _ => {
            let status = StatusCode::CallTransactionDoesNotExist;
            reply_early(trunk, request, status, Vec::new(), None).await;
        }
    }
    true
}

/// The response to a request that changes no session.
fn of_no_session(method: Method) -> (StatusCode, Vec<Header>) {
    match method {
        Method::Options => (StatusCode::OK, Vec::new()),
        _ => (
            StatusCode::MethodNotAllowed,
            vec![Header::Allow(ALLOW.into())],
        ),
    }
}

async fn reply_early(
    trunk: &Trunk,
    request: &mut Transaction,
    status: StatusCode,
    mut lines: Vec<Header>,
    body: Option<Vec<u8>>,
) {
    // UPDATE also refreshes the contact of either side (RFC 3311 §5.2).
    let is_refresh = request.original.method == Method::Update;
    if is_refresh
        && status.kind() == StatusCodeKind::Successful
        && let Some(contact) = trunk.contact(&trunk.settings.name)
    {
        lines.push(Header::Contact(format!("<{contact}>").into()));
    }
    if let Err(error) = request.reply_with(status, lines, body).await {
        tracing::debug!(%error, "the sender of a request is gone");
    }
}
