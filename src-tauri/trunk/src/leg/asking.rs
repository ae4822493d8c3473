//! What a leg asks of the other side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rsipstack::dialog::invitation::InviteOption;
use rsipstack::sip::{self, Method, Response, StatusCode};

use super::change::Early;
use super::course::{Input, PROBE_MS};
use super::headers;
use super::task::{Done, Task};
use crate::endpoint::Trunk;
use crate::settings::Identity;

/// How long a request within the call may take.
const REQUEST_MAX: Duration = Duration::from_secs(8);

impl Task {
    pub(super) fn invite(&mut self, at: usize, redirected: bool) {
        let Some(trunk) = self.trunks.get(at).cloned() else {
            return self.give(Input::Unreached);
        };
        if !redirected && !Arc::ptr_eq(&self.trunk, &trunk) {
            self.session_s = trunk.settings.session_s;
        }
        self.attempt += 1;
        self.trunk = trunk.clone();
        self.server = trunk.server();
        let option = self.invite_option(&trunk, redirected);
        let (sender, states) = trunk.layer.new_dialog_state_channel();
        let begun = option.and_then(|option| {
            let begun = trunk.layer.do_invite_async(option, sender.clone());
            begun.map_err(|error| error.to_string())
        });
        match begun {
            Ok((dialog, result)) => {
                self.early = Early::of(trunk.early.enter(dialog.clone(), sender));
                self.dialog = Some(dialog);
                self.states = Some(states);
                let (attempt, done) = (self.attempt, self.done.clone());
                tokio::spawn(async move {
                    let response = match result.await {
                        Ok(Ok((_, response))) => response.map(Box::new),
                        Ok(Err(error)) => {
                            tracing::info!(trunk = trunk.settings.name, %error, "the trunk is not reached");
                            None
                        }
                        Err(_) => None,
                    };
                    // The leg may be over.
                    let _ = done.send(Done::Invited { attempt, response }).await;
                });
            }
            Err(error) => {
                tracing::warn!(trunk = trunk.settings.name, %error, "no call can be made over it");
                self.give(Input::Unreached);
            }
        }
    }

    fn invite_option(&mut self, trunk: &Trunk, redirected: bool) -> Result<InviteOption, String> {
        let failed = |error: sip::Error| error.to_string();
        let address = trunk.media_address(self.advertised);
        self.session
            .begin(&trunk.settings, address)
            .map_err(|error| error.to_string())?;
        let local = &self.dial.local_phone;
        let account = trunk.credential.as_ref().map(|own| own.username.as_str());
        let user = match (trunk.settings.identity, account) {
            (Identity::Asserted, Some(account)) => account,
            _ => local,
        };
        let callee = match self.redirection.take().filter(|_| redirected) {
            Some(uri) => uri,
            None => trunk.uri(&self.dial.remote_phone).map_err(failed)?,
        };
        let contact = trunk.contact(account.unwrap_or(local));
        Ok(InviteOption {
            caller: trunk.caller_uri(user).map_err(failed)?,
            callee,
            destination: trunk.destination(),
            offer: Some(self.session.offer()),
            contact: contact.ok_or("no address of our own")?,
            credential: trunk.credential.clone(),
            headers: Some(headers::invite_headers(trunk, local, self.session_s)),
            support_prack: true,
            call_id: Some(rsipstack::transaction::make_uuid_v4()),
            ..InviteOption::default()
        })
    }

    pub(super) fn cancel(&mut self) {
        self.states = None;
        self.early = Early::default();
        self.attempt += 1;
        if let Some(dialog) = self.dialog.take() {
            self.trunk.farewells.spawn(async move {
                if let Err(error) = dialog.cancel().await {
                    tracing::debug!(%error, "the call could not be cancelled, and ends by itself");
                }
            });
        }
    }

    /// Lets others, and the next attempt, go to another server.
    pub(super) fn shun(&self) {
        if let Some(server) = self.server {
            tracing::info!(trunk = self.trunk.settings.name, %server, "a server of it does not answer");
            self.trunk.servers.shun(server, Instant::now());
        }
    }

    pub(super) fn accept(&mut self) {
        let Some(dialog) = self.dialog.clone() else {
            return self.give(Input::Unreached);
        };
        let request = dialog.initial_request();
        let address = self.trunk.media_address(self.advertised);
        let begun = self.session.begin(&self.trunk.settings, address);
        let body = match begun {
            Err(error) => Err(error.to_string()),
            // An INVITE without an offer is answered with ours (RFC 3261 §13.2.1).
            Ok(()) if request.body.is_empty() => Ok(self.session.offer()),
            Ok(()) => self
                .session
                .offered(&request.body)
                .map_err(|error| error.to_string()),
        };
        let body = match body {
            Ok(body) => body,
            Err(why) => {
                tracing::info!(why, "a call that came in offers no sound that we speak");
                self.reject(488);
                return self.give(Input::refused(488));
            }
        };
        let mut lines = vec![headers::description()];
        if let Some((timer, more)) = headers::timer_of_offer(&request) {
            self.timer = Some(timer);
            lines.extend(more);
        }
        self.session.control().answered();
        if let Err(error) = dialog.accept(Some(lines), Some(body)) {
            tracing::info!(%error, "a call that came in could not be taken");
            self.give(Input::Unreached);
        }
    }

    pub(super) fn reject(&mut self, code: u16) {
        if let Some(dialog) = &self.dialog
            && let Err(error) = dialog.reject(Some(StatusCode::from(code)), None)
        {
            tracing::debug!(%error, "the call was gone before it was refused");
        }
    }

    pub(super) fn bye(&mut self) {
        let Some(dialog) = self.dialog.clone() else {
            return;
        };
        let layer = self.trunk.layer.clone();
        self.trunk.farewells.spawn(async move {
            let id = dialog.id();
            if !matches!(
                tokio::time::timeout(REQUEST_MAX, dialog.bye()).await,
                Ok(Ok(()))
            ) {
                tracing::debug!("nobody acknowledged the end of a call");
            }
            layer.remove_dialog(&id);
        });
    }

    /// Asks whether the phone is still there.
    pub(super) fn probe(&self) {
        let limit = Duration::from_millis(PROBE_MS);
        self.ask(limit, Method::Options, Vec::new(), None, |response| {
            Done::Probed(knows_the_call(response))
        });
    }

    pub(super) fn renew(&self) {
        let lines = self.timer.map(headers::renewal).unwrap_or_default();
        self.ask(REQUEST_MAX, Method::Update, lines, None, |response| {
            Done::Renewed(knows_the_call(response))
        });
    }

    pub(super) fn reoffer(&self, offer: Vec<u8>) {
        let lines = vec![headers::description()];
        self.ask(
            REQUEST_MAX,
            Method::Invite,
            lines,
            Some(offer),
            |response| Done::Reoffered(response.map(Box::new)),
        );
    }

    /// Sends a request within the call; what comes of it is an event.
    fn ask(
        &self,
        limit: Duration,
        method: Method,
        lines: Vec<sip::Header>,
        body: Option<Vec<u8>>,
        done: impl FnOnce(Option<Response>) -> Done + Send + 'static,
    ) {
        let Some(dialog) = self.dialog.clone() else {
            return;
        };
        let results = self.done.clone();
        tokio::spawn(async move {
            let asked = async {
                match method {
                    // Both sides may change the call at once; one then waits (RFC 3261 §14.1).
                    Method::Invite => dialog.reinvite_with_glare_retry(Some(lines), body, 3).await,
                    method => dialog.request(method, Some(lines), body).await,
                }
            };
            let response = match tokio::time::timeout(limit, asked).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a request within a call failed");
                    None
                }
                Err(_) => None,
            };
            // The leg may be over.
            let _ = results.send(done(response)).await;
        });
    }
}

/// Whether a request within the call was answered as one: with anything but "there is no such call", or
/// the stack's own word for nothing at all.
fn knows_the_call(response: Option<Response>) -> bool {
    response.is_some_and(|response| !matches!(response.status_code.code(), 408 | 481))
}
