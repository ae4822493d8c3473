//! What is owed to a phone if the service dies: the BYE that ends its call (RFC 3261 §15.1.1). It is kept as
//! text while the call is up, and sent at the next start.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rsipstack::dialog::authenticate::{AuthRetry, Credential, handle_client_authenticate};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{self, Header, Method, Request, SipMessage, Version};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::SipAddr;
use tokio::sync::mpsc;
use wire::CallId;

/// Notes waiting to be written.
const NOTES_MAX: usize = 4_096;
/// More than all requests that a call sends after its BYE was kept. The number only has to grow
/// (RFC 3261 §12.2.2).
const CSEQ_AHEAD: u32 = 1_000_000;
/// How long the answer to a BYE may take.
const ANSWER_MAX: Duration = Duration::from_secs(8);

/// The BYE of a call that is up.
#[derive(Clone, PartialEq, Eq)]
pub struct Farewell {
    pub call: CallId,
    /// The trunk's name in the settings.
    pub trunk: String,
    /// The request, as it is sent but for its Via.
    pub bye: String,
}

/// What to remember for the time after a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FarewellNote {
    /// Keep this one, in place of an earlier one of the same call.
    Owed(Farewell),
    /// The call is over: forget its BYE.
    Said(CallId),
}

impl std::fmt::Debug for Farewell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The request names both phones.
        f.debug_struct("Farewell")
            .field("call", &self.call)
            .field("trunk", &self.trunk)
            .finish_non_exhaustive()
    }
}

/// Where the notes go, once someone wants them.
#[derive(Clone, Default)]
pub(crate) struct Farewells(Arc<OnceLock<mpsc::Sender<FarewellNote>>>);

impl Farewells {
    /// The notes from now on. Only the first one who asks gets any.
    pub(crate) fn notes(&self) -> mpsc::Receiver<FarewellNote> {
        let (notes, taken) = mpsc::channel(NOTES_MAX);
        // Whoever comes later has a channel that is closed.
        let _ = self.0.set(notes);
        taken
    }

    pub(crate) fn owe(&self, call: &CallId, trunk: &str, dialog: &InviteDialog) {
        self.note(|| {
            FarewellNote::Owed(Farewell {
                call: call.clone(),
                trunk: trunk.to_owned(),
                bye: bye(dialog),
            })
        });
    }

    pub(crate) fn said(&self, call: &CallId) {
        self.note(|| FarewellNote::Said(call.clone()));
    }

    fn note(&self, note: impl FnOnce() -> FarewellNote) {
        if let Some(notes) = self.0.get()
            && notes.try_send(note()).is_err()
        {
            tracing::warn!("could not note how to end a call after a crash");
        }
    }
}

/// The BYE of a call as it is now.
fn bye(dialog: &InviteDialog) -> String {
    let call = dialog.snapshot();
    let (caller, callee) = (call.from.to_string(), call.to.to_string());
    let (from, to) = match call.role {
        TransactionRole::Client => (caller, callee),
        TransactionRole::Server => (callee, caller),
    };
    let cseq = sip::typed::CSeq {
        seq: call.local_cseq.saturating_add(CSEQ_AHEAD),
        method: Method::Bye,
    };
    let mut headers = vec![
        Header::CallId(call.id.call_id.into()),
        Header::From(from.into()),
        Header::To(to.into()),
        Header::CSeq(cseq.into()),
        Header::MaxForwards(70.into()),
    ];
    headers.extend(call.route_set.into_iter().map(Header::Route));
    let request = Request {
        method: Method::Bye,
        uri: call.remote_uri,
        headers: headers.into(),
        body: Vec::new(),
        version: Version::V2,
    };
    request.to_string()
}

/// The way to a trunk.
pub(crate) struct Way<'a> {
    pub(crate) endpoint: &'a EndpointInnerRef,
    pub(crate) transport: sip::Transport,
    pub(crate) credential: Option<&'a Credential>,
}

/// Sends a BYE that is owed; the status of its answer, or none when no one answered.
pub(crate) async fn say(way: &Way<'_>, farewell: &Farewell) -> Option<u16> {
    let said = tokio::time::timeout(ANSWER_MAX, send(way, &farewell.bye));
    match said.await {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            tracing::info!(call_id = %farewell.call, %error, "could not end a call that was left from before");
            None
        }
        Err(_) => None,
    }
}

async fn send(way: &Way<'_>, bye: &str) -> rsipstack::Result<Option<u16>> {
    let kept = Request::try_from(bye.as_bytes())?;
    let via = way.endpoint.get_via(None, None)?;
    let mut headers = vec![Header::Via(via.into())];
    headers.extend(kept.headers.iter().cloned());
    let request = Request {
        headers: headers.into(),
        ..kept
    };
    let mut cseq = request.cseq_header()?.seq()?;
    let mut target = SipAddr::try_from(&request.destination())?;
    // The connection that the call used is gone.
    target.r#type.get_or_insert(way.transport);
    let key = TransactionKey::from_request(&request, TransactionRole::Client)?;
    let mut transaction = Transaction::new_client(key, request, way.endpoint.clone(), None);
    transaction.destination = Some(target);
    transaction.send().await?;
    let mut retry = AuthRetry::new();
    while let Some(message) = transaction.receive().await {
        let SipMessage::Response(response) = message else {
            continue;
        };
        let code = response.status_code.code();
        match (code, way.credential) {
            (100..=199, _) => {}
            (401 | 407, Some(credential)) if retry.should_answer(&response) => {
                cseq += 1;
                transaction =
                    handle_client_authenticate(cseq, &transaction, response, credential).await?;
                transaction.send().await?;
            }
            _ => return Ok(Some(code)),
        }
    }
    Ok(None)
}
