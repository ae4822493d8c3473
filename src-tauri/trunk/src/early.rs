//! Calls of ours that are not answered yet. The stack knows a call from its answer on, so until then a
//! request within it (RFC 3311) finds its leg here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rsipstack::dialog::dialog::DialogStateSender;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::Request;
use rsipstack::sip::prelude::HeadersExt;

/// Calls of ours that are not answered yet, by Call-ID.
#[derive(Clone, Default)]
pub(crate) struct EarlyCalls(Arc<Mutex<HashMap<String, (InviteDialog, DialogStateSender)>>>);

/// One of them, until it is dropped.
pub(crate) struct EarlyCall {
    calls: EarlyCalls,
    call_id: String,
}

impl EarlyCalls {
    /// From now on, requests within this call reach its leg as these states.
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
    pub(crate) fn of(&self, request: &Request) -> Option<(InviteDialog, DialogStateSender)> {
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
