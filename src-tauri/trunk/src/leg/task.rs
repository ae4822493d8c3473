//! The loop of one leg: it takes events, asks the course what follows, and does it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use media::{Dial, LeadEvent, LeadSignal};
use rsipstack::dialog::dialog::{Dialog, DialogState, DialogStateReceiver, TransactionHandle};
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{self, HasHeaders, Method, Request, Response, StatusCode, StatusCodeKind};
use rsipstack::transaction::key::TransactionRole;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::course::{Course, Input, Limits, Output, PROBE_MS, SILENCE_MAX_MS};
use super::exchange::{Exchange, crossed_wait_ms};
use super::headers;
use super::info::{self, Info};
use super::session::Session;
use super::timer::{Reaction, Terms, reaction};
use crate::early::EarlyCall;
use crate::endpoint::Trunk;
use crate::phone::PhoneControl;
use crate::settings::Identity;

/// How often the phone's media is asked for a report.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// Results of requests waiting for the loop.
const DONE_MAX: usize = 16;

/// How many of a trunk's servers are tried for one call.
const SERVERS_TRIED_MAX: usize = 3;
/// How long a request within the call may take, unless it is a re-INVITE: the stack ends that one.
const REQUEST_MAX: Duration = Duration::from_secs(8);

/// One leg: its dialog, its course and the controls of its media.
pub(super) struct Task {
    dial: Dial,
    trunks: Vec<Arc<Trunk>>,
    trunk: Arc<Trunk>,
    advertised: Option<IpAddr>,
    events: mpsc::Sender<LeadEvent>,
    session: Session,
    course: Course,
    started: Instant,
    dialog: Option<InviteDialog>,
    states: Option<DialogStateReceiver>,
    attempt: u32,
    early: Early,
    server: Option<SocketAddr>,
    /// Where the trunk redirected the call.
    redirection: Option<sip::Uri>,
    terms: Terms,
    exchange: Exchange,
    /// Whether our next re-INVITE renews the session, if it changes nothing else.
    renewing: bool,
    /// Whether the other side takes UPDATE, as far as it said.
    takes_update: Option<bool>,
    /// Whether the BYE of this call is kept for the time after a crash.
    is_owed: bool,
    done: mpsc::Sender<Done>,
    results: mpsc::Receiver<Done>,
    over: bool,
    /// When the phone last answered that it is there.
    probed: Option<Instant>,
    /// Whether it was told that the phone is not heard.
    is_unheard: bool,
}

impl Task {
    /// A call over the first of these trunks that accepts it. `None` without a trunk or a random
    /// number.
    pub(super) fn dial(
        dial: Dial,
        trunks: Vec<Arc<Trunk>>,
        control: PhoneControl,
        advertised: Option<IpAddr>,
        events: mpsc::Sender<LeadEvent>,
    ) -> Option<Self> {
        let limits = trunks.iter().map(|trunk| Limits {
            response_ms: trunk.settings.response_timeout_ms,
            ringing_ms: trunk.settings.ringing_timeout_ms,
            servers: trunk.servers.count().clamp(1, SERVERS_TRIED_MAX),
        });
        let course = Course::dial(0, limits.collect());
        let trunk = trunks.first()?.clone();
        Self::new(dial, trunks, trunk, control, advertised, events, course)
    }

    /// An inbound call.
    pub(super) fn receive(
        dial: Dial,
        waiting: Waiting,
        control: PhoneControl,
        advertised: Option<IpAddr>,
        events: mpsc::Sender<LeadEvent>,
    ) -> Option<Self> {
        let course = Course::receive();
        let Waiting {
            trunk,
            dialog,
            states,
        } = waiting;
        let mut task = Self::new(dial, Vec::new(), trunk, control, advertised, events, course)?;
        if let Err(error) = dialog.ringing(None, None) {
            tracing::debug!(%error, "an inbound call has already ended");
        }
        task.dialog = Some(dialog);
        task.states = Some(states);
        Some(task)
    }

    fn new(
        dial: Dial,
        trunks: Vec<Arc<Trunk>>,
        trunk: Arc<Trunk>,
        control: PhoneControl,
        advertised: Option<IpAddr>,
        events: mpsc::Sender<LeadEvent>,
        course: Course,
    ) -> Option<Self> {
        let (done, results) = mpsc::channel(DONE_MAX);
        let session = Session::new(control)
            .inspect_err(|error| tracing::error!(%error, "could not create a session for a leg"))
            .ok()?;
        Some(Self {
            dial,
            trunks,
            terms: Terms::new(trunk.settings.session_s),
            exchange: Exchange::default(),
            renewing: false,
            takes_update: None,
            is_owed: false,
            trunk,
            advertised,
            events,
            session,
            course,
            started: Instant::now(),
            dialog: None,
            states: None,
            attempt: 0,
            early: Early::default(),
            server: None,
            redirection: None,
            done,
            results,
            over: false,
            probed: None,
            is_unheard: false,
        })
    }

    /// Runs until the leg is over.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        ending: CancellationToken,
    ) {
        self.trunk.legs.fetch_add(1, Ordering::Relaxed);
        let counted = self.trunk.clone();
        let mut report = tokio::time::interval(REPORT_EVERY);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.settle().await;
        while !self.over {
            let event = self.next(&mut commands, &ending, &mut report).await;
            match event {
                Event::Command(command) => self.command(command),
                Event::HangUp => self.give(Input::HangUp),
                Event::State(state) => self.state(*state).await,
                Event::Done(done) => self.done(done).await,
                Event::Report => self.report().await,
                Event::Timer => self.give(Input::Timer),
            }
            self.settle().await;
        }
        self.session.control().end();
        counted.legs.fetch_sub(1, Ordering::Relaxed);
    }

    async fn next(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        ending: &CancellationToken,
        report: &mut tokio::time::Interval,
    ) -> Event {
        let turn = self.exchange.wake_at().filter(|_| self.course.is_up());
        let wake = self.course.wake_at().into_iter().chain(turn).min();
        let wake = wake.map(Duration::from_millis);
        let wait = async {
            match wake {
                Some(at) => tokio::time::sleep_until((self.started + at).into()).await,
                None => std::future::pending().await,
            }
        };
        let state = async {
            match &mut self.states {
                Some(states) => states.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What came before an answer is reported before it.
            biased;
            () = ending.cancelled() => Event::HangUp,
            Some(state) = state => Event::State(Box::new(state)),
            Some(done) = self.results.recv() => Event::Done(done),
            Some(command) = commands.recv() => Event::Command(command),
            _ = report.tick() => Event::Report,
            () = wait => Event::Timer,
        }
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn give(&mut self, input: Input) {
        self.course.handle(self.now_ms(), input);
    }

    /// Does what the course put out.
    async fn settle(&mut self) {
        while let Some(output) = self.course.poll() {
            match output {
                Output::Invite { trunk, redirected } => self.invite(trunk, redirected),
                Output::Cancel => self.cancel(),
                Output::Shun => self.shun(),
                Output::Accept => self.accept(),
                Output::Reject(code) => self.reject(code),
                Output::Probe => self.probe(),
                Output::Renew => self.renew(),
                Output::Bye => self.bye(),
                Output::Signal(signal) => self.tell(signal).await,
                Output::Over => self.end(),
            }
        }
        self.take_turn();
    }

    async fn tell(&mut self, signal: LeadSignal) {
        if signal == LeadSignal::Answered {
            self.session.control().answered();
        }
        let call = self.dial.call.clone();
        // No one may be waiting for it any more.
        let _ = self.events.send(LeadEvent { call, signal }).await;
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::PickUp => self.give(Input::PickUp),
            Command::Keys(keys) => self.session.control().send_dtmf(&keys),
            Command::Held(held) => {
                self.session.hold(held);
                self.exchange.want(self.now_ms());
            }
        }
    }

    async fn report(&mut self) {
        let report = self.session.control().report();
        for key in report.keys.chars() {
            self.tell(LeadSignal::Key(key)).await;
        }
        if let Some(quality) = report.quality {
            self.tell(LeadSignal::Quality(quality)).await;
        }
        let ms_ago = report.heard_ms_ago;
        // A phone that is silent and answers when it is asked is there as well.
        let probed_ms_ago = self
            .probed
            .map_or(u64::MAX, |at| at.elapsed().as_millis() as u64);
        self.heard(ms_ago.min(probed_ms_ago)).await;
        self.give(Input::Heard { ms_ago });
    }

    /// Tells when the phone is heard no more, and when it is again.
    async fn heard(&mut self, ms_ago: u64) {
        let is_unheard = ms_ago >= SILENCE_MAX_MS;
        if std::mem::replace(&mut self.is_unheard, is_unheard) != is_unheard {
            let signal = if is_unheard {
                LeadSignal::Unheard { ms_ago }
            } else {
                LeadSignal::Heard
            };
            self.tell(signal).await;
        }
    }

    async fn done(&mut self, done: Done) {
        if let Done::Probed(true) = done {
            self.probed = Some(Instant::now());
            self.heard(0).await;
        }
        match done {
            Done::Invited { attempt, response } if attempt == self.attempt => match response {
                Some(response) => self.invited(&response),
                None => self.give(Input::Unreached),
            },
            // From an attempt that was given up.
            Done::Invited { .. } => {}
            Done::Probed(alive) => self.give(Input::Probed { alive }),
            Done::Renewed(response) => match response {
                Some(response) if is_taken(&response) => self.refreshed(&response),
                response => self.not_refreshed(response.as_deref(), true),
            },
            Done::Reoffered(response) => {
                self.exchange.ended();
                match response {
                    Some(response) if is_taken(&response) => {
                        if let Err(error) = self.session.answered(&response.body) {
                            tracing::info!(%error, "the answer to our re-INVITE is unusable");
                        }
                        self.refreshed(&response);
                    }
                    response => self.not_refreshed(response.as_deref(), false),
                }
            }
        }
    }

    fn invited(&mut self, response: &Response) {
        let code = response.status_code.code();
        if response.status_code.kind() == StatusCodeKind::Successful {
            let answered = if self.early.is_outdated(response) {
                Ok(())
            } else {
                self.session.answered(&response.body)
            };
            // A trunk that sent the answer in a provisional response may leave it out of the last one.
            let usable = answered.is_ok() || (response.body.is_empty() && self.session.is_agreed());
            if usable {
                let timer = self.terms.answered(headers::said(response));
                self.takes_update = headers::takes_update(response);
                self.give(Input::Answered(timer));
                self.owe();
                // A lead who hangs up while answering may be reported before the answer.
                let dialog = self.dialog.as_ref();
                if dialog.is_some_and(|dialog| dialog.state().is_terminated()) {
                    self.give(Input::Ended);
                }
                return;
            }
            tracing::info!("the phone answered without a codec in common");
            self.bye();
            return self.give(Input::refused(488));
        }
        tracing::info!(
            trunk = self.trunk.settings.name,
            code,
            "the trunk rejected the call"
        );
        self.redirection = headers::redirection(&self.trunk, response);
        let longer = code == 422 && self.terms.too_short(headers::said(response));
        self.give(Input::Refused {
            code,
            redirect: self.redirection.is_some(),
            longer,
        });
    }

    async fn state(&mut self, state: DialogState) {
        match state {
            DialogState::Trying(_) => self.give(Input::Provisional {
                code: 100,
                media: false,
            }),
            // Our own ringing, on an inbound call.
            DialogState::Early(..) if self.trunks.is_empty() => {}
            DialogState::Early(_, response) => {
                let media = !response.body.is_empty()
                    && self
                        .session
                        .answered(&response.body)
                        .inspect_err(|error| tracing::debug!(%error, "could not use early media"))
                        .is_ok();
                if media {
                    self.early.taken(&response);
                }
                let code = response.status_code.code();
                self.give(Input::Provisional { code, media });
            }
            DialogState::Confirmed(..) => self.acknowledged(),
            DialogState::Updated(_, request, handle) => self.updated(request, handle).await,
            DialogState::Info(_, request, handle) => self.informed(&request, &handle).await,
            DialogState::Options(_, _, handle)
            | DialogState::Notify(_, _, handle)
            | DialogState::Message(_, _, handle) => {
                respond(&handle, StatusCode::OK, Vec::new(), None).await;
            }
            DialogState::Refer(_, _, handle) => {
                // No one but the organization transfers its calls.
                respond(&handle, StatusCode::Decline, Vec::new(), None).await;
            }
            DialogState::Terminated(..) => self.give(Input::Ended),
            _ => {}
        }
    }

    /// The other side acknowledged an answer of ours. If that was an offer, its answer comes with the ACK
    /// (RFC 3261 §13.2.1).
    fn acknowledged(&mut self) {
        let ack = self.dialog.as_ref().and_then(InviteDialog::last_remote_ack);
        let is_first = self.trunks.is_empty() && !self.course.is_up();
        if is_first {
            let body = ack.map(|request| request.body).unwrap_or_default();
            if !self.session.is_agreed()
                && let Err(error) = self.session.answered(&body)
            {
                tracing::info!(%error, "an inbound call offers no codec in common");
                self.bye();
                return self.give(Input::Unreached);
            }
            self.give(Input::Answered(self.terms.agreed()));
            return self.owe();
        }
        if let Some(ack) = ack
            && headers::cseq(&ack).is_some_and(|cseq| self.exchange.acknowledged(cseq))
            && let Err(error) = self.session.answered(&ack.body)
        {
            tracing::info!(%error, "the answer in an ACK is unusable");
        }
    }

    /// Keeps the BYE of this call as it is now, for the time after a crash.
    fn owe(&mut self) {
        if let Some(dialog) = self.dialog.as_ref().filter(|_| self.course.is_up()) {
            self.is_owed = true;
            let name = &self.trunk.settings.name;
            self.trunk.owed.owe(&self.dial.call, name, dialog);
        }
    }

    fn end(&mut self) {
        self.over = true;
        if self.is_owed {
            self.trunk.owed.said(&self.dial.call);
        }
        if let Some(dialog) = &self.dialog
            && dialog.state().is_terminated()
        {
            self.trunk.layer.remove_dialog(&dialog.id());
        }
    }
}

/// What the leg asks of the other side.
impl Task {
    fn invite(&mut self, at: usize, redirected: bool) {
        let Some(trunk) = self.trunks.get(at).cloned() else {
            return self.give(Input::Unreached);
        };
        if !redirected && !Arc::ptr_eq(&self.trunk, &trunk) {
            self.terms = Terms::new(trunk.settings.session_s);
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
                            tracing::info!(trunk = trunk.settings.name, %error, "could not reach the trunk");
                            None
                        }
                        Err(_) => None,
                    };
                    // The leg may be over.
                    let _ = done.send(Done::Invited { attempt, response }).await;
                });
            }
            Err(error) => {
                tracing::warn!(trunk = trunk.settings.name, %error, "could not place a call over this trunk");
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
            contact: contact.ok_or("no local address")?,
            credential: trunk.credential.clone(),
            headers: Some(headers::invite_headers(trunk, local, &self.terms)),
            support_prack: true,
            call_id: Some(rsipstack::transaction::make_uuid_v4()),
            ..InviteOption::default()
        })
    }

    fn cancel(&mut self) {
        self.states = None;
        self.early = Early::default();
        self.attempt += 1;
        if let Some(dialog) = self.dialog.take() {
            self.trunk.farewells.spawn(async move {
                if let Err(error) = dialog.cancel().await {
                    tracing::debug!(%error, "could not cancel the call; it will time out");
                }
            });
        }
    }

    /// Sends the next attempt, and other calls, to another server.
    fn shun(&self) {
        if let Some(server) = self.server {
            tracing::info!(trunk = self.trunk.settings.name, %server, "one of the trunk's servers is not answering");
            self.trunk.servers.shun(server, Instant::now());
        }
    }

    fn accept(&mut self) {
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
                tracing::info!(why, "an inbound call offers no codec in common");
                self.reject(488);
                return self.give(Input::refused(488));
            }
        };
        self.takes_update = headers::takes_update(&request);
        // A session that is too short was refused before it came this far.
        let says = self
            .terms
            .asked(headers::said(&request))
            .unwrap_or_default();
        let mut lines = vec![headers::description(), headers::allow()];
        lines.extend(headers::timer(says));
        self.session.control().answered();
        if let Err(error) = dialog.accept(Some(lines), Some(body)) {
            tracing::info!(%error, "could not answer an inbound call");
            self.give(Input::Unreached);
        }
    }

    fn reject(&mut self, code: u16) {
        if let Some(dialog) = &self.dialog
            && let Err(error) = dialog.reject(Some(StatusCode::from(code)), None)
        {
            tracing::debug!(%error, "the call ended before we rejected it");
        }
    }

    fn bye(&mut self) {
        let Some(dialog) = self.dialog.clone() else {
            return;
        };
        let layer = self.trunk.layer.clone();
        self.trunk.farewells.spawn(async move {
            let id = dialog.id();
            let bye = dialog.bye_with_headers(Some(headers::timer(None)));
            if !matches!(tokio::time::timeout(REQUEST_MAX, bye).await, Ok(Ok(()))) {
                tracing::debug!("no one acknowledged our BYE");
            }
            layer.remove_dialog(&id);
        });
    }

    /// Asks whether the phone is still there.
    fn probe(&self) {
        let limit = Duration::from_millis(PROBE_MS);
        let lines = headers::timer(None);
        self.ask(limit, Method::Options, lines, None, |response| {
            Done::Probed(knows_the_call(response))
        });
    }

    /// Renews the session: with UPDATE, unless the other side does not take it (RFC 4028 §7.4).
    fn renew(&mut self) {
        if self.takes_update == Some(false) {
            self.renewing = true;
            return self.exchange.want(self.now_ms());
        }
        let lines = headers::timer(self.terms.refresh());
        self.ask(REQUEST_MAX, Method::Update, lines, None, |response| {
            Done::Renewed(response.map(Box::new))
        });
    }

    /// Sends our re-INVITE, if one is due and still of use.
    fn take_turn(&mut self) {
        if !self.course.is_up() || !self.exchange.is_due(self.now_ms()) {
            return;
        }
        if !self.renewing && !self.session.has_news() {
            return self.exchange.forget();
        }
        self.exchange.begin();
        let offer = self.session.offer();
        let mut lines = headers::timer(self.terms.refresh());
        lines.extend([headers::description(), headers::allow()]);
        // If it were dropped before its last response, no one would acknowledge that.
        self.ask(
            Duration::MAX,
            Method::Invite,
            lines,
            Some(offer),
            |response| Done::Reoffered(response.map(Box::new)),
        );
    }

    /// Sends a request within the call; its result is an event.
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
            let asked = dialog.request(method, Some(lines), body);
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

    /// A request of ours that renews the session was answered with 2xx.
    fn refreshed(&mut self, response: &Response) {
        self.renewing = false;
        self.retarget(response);
        self.takes_update = headers::takes_update(response).or(self.takes_update);
        let timer = self.terms.answered(headers::said(response));
        self.give(Input::Refreshed(timer));
    }

    /// It was not; the session is as it was.
    fn not_refreshed(&mut self, response: Option<&Response>, is_update: bool) {
        let now = self.now_ms();
        let code = response.map(|response| response.status_code.code());
        let retry_after_s = response.and_then(headers::retry_after_s);
        let after_ms = match reaction(code, is_update, retry_after_s) {
            Reaction::Gone => return self.give(Input::Gone),
            Reaction::Crossed => Some(self.crossed_wait_ms()),
            Reaction::Later { after_ms } => Some(after_ms),
            Reaction::TooShort => response
                .is_some_and(|response| self.terms.too_short(headers::said(response)))
                .then_some(0),
            Reaction::ByInvite => {
                self.takes_update = Some(false);
                self.renewing = true;
                return self.exchange.want(now);
            }
            Reaction::Refused => None,
        };
        match after_ms {
            Some(after_ms) if is_update => self.give(Input::RenewLater { after_ms }),
            Some(after_ms) if self.exchange.again(now + after_ms) => {}
            _ => {
                self.renewing = false;
                tracing::info!(?code, "the other side refused a change of the session");
            }
        }
    }

    fn crossed_wait_ms(&self) -> u64 {
        let dialog = self.dialog.as_ref();
        let is_owner = dialog.is_some_and(|dialog| dialog.role() == TransactionRole::Client);
        // Without random numbers both may cross again, and then wait again.
        crossed_wait_ms(is_owner, getrandom::u32().unwrap_or_default())
    }

    /// Later requests go where this message says (RFC 3261 §12.2): the stack sees to that at the call's
    /// answer only.
    fn retarget<M: HeadersExt>(&mut self, message: &M) {
        if let (Some(dialog), Some((uri, contact))) = (&self.dialog, headers::target(message)) {
            let has_moved = dialog.snapshot().remote_uri != uri;
            Dialog::Invite(dialog.clone()).set_remote_target(uri, Some(contact));
            if has_moved {
                self.owe();
            }
        }
    }
}

/// What the other side changes of a call, before its answer and after.
impl Task {
    /// The other side tells us something within the call: a key, or what is not for us.
    async fn informed(&mut self, request: &Request, handle: &TransactionHandle) {
        let read = info::read(&headers::content_type(request), &request.body);
        let (status, lines) = match read {
            Info::Key(_) | Info::Nothing => (StatusCode::OK, Vec::new()),
            Info::Malformed => (StatusCode::BadRequest, Vec::new()),
            Info::Unknown => (
                StatusCode::UnsupportedMediaType,
                vec![sip::Header::Accept(info::ACCEPT.into())],
            ),
        };
        respond(handle, status, lines, None).await;
        if let Info::Key(key) = read {
            self.tell(LeadSignal::Key(key)).await;
        }
    }

    /// The other side changes the call, or renews it.
    async fn updated(&mut self, request: Request, handle: TransactionHandle) {
        let is_invite = request.method == Method::Invite;
        let has_offer = !request.body.is_empty();
        let dialog = self.dialog.as_ref();
        let is_early = dialog.is_some_and(|dialog| dialog.state().can_cancel());
        let is_crossed = if is_early {
            // Our own offer is still open (RFC 3311 §5.2).
            has_offer && self.early.answer.is_none()
        } else {
            self.exchange
                .is_crossed(self.now_ms(), is_invite, has_offer)
        };
        if is_crossed {
            return respond(&handle, StatusCode::RequestPending, Vec::new(), None).await;
        }
        let mut terms = self.terms;
        let mut lines = Vec::new();
        // Before the answer there is no session yet.
        if !is_early {
            match terms.asked(headers::said(&request)) {
                Ok(says) => lines = headers::timer(says),
                Err(too_short) => {
                    let lines = vec![headers::least(too_short.least_s)];
                    let status = StatusCode::SessionIntervalTooSmall;
                    return respond(&handle, status, lines, None).await;
                }
            }
        }
        let body = match (is_invite, has_offer) {
            (false, false) => None,
            (true, false) => Some(Ok(self.session.offer())),
            (_, true) => Some(self.session.offered(&request.body)),
        };
        let body = match body.transpose() {
            Ok(body) => body,
            Err(error) => {
                tracing::info!(%error, "cannot follow a change of the session");
                return respond(&handle, StatusCode::NotAcceptableHere, Vec::new(), None).await;
            }
        };
        self.early.is_changed |= is_early && has_offer;
        lines.extend(body.is_some().then(headers::description));
        if is_invite {
            lines.push(headers::allow());
            let cseq = headers::cseq(&request).unwrap_or_default();
            self.exchange.answered(self.now_ms(), cseq, !has_offer);
        }
        respond(&handle, StatusCode::OK, lines, body).await;
        self.retarget(&request);
        self.takes_update = headers::takes_update(&request).or(self.takes_update);
        self.terms = terms;
        // Theirs renewed it as well.
        self.renewing = false;
        self.give(Input::Refreshed(terms.agreed()));
    }
}

/// What the service asks of a leg. Hanging up goes another way, so that it never waits.
#[derive(Debug)]
pub(super) enum Command {
    PickUp,
    Held(bool),
    Keys(String),
}

/// An inbound call that is waiting.
pub(crate) struct Waiting {
    pub(crate) trunk: Arc<Trunk>,
    pub(crate) dialog: InviteDialog,
    pub(crate) states: DialogStateReceiver,
}

/// Everything that can happen.
enum Event {
    Command(Command),
    HangUp,
    State(Box<DialogState>),
    Done(Done),
    Report,
    Timer,
}

/// The result of one of our requests.
enum Done {
    Invited {
        attempt: u32,
        response: Option<Box<Response>>,
    },
    Reoffered(Option<Box<Response>>),
    Probed(bool),
    Renewed(Option<Box<Response>>),
}

/// An outbound call before its answer.
#[derive(Default)]
struct Early {
    /// Routes requests within it to this leg.
    _call: Option<EarlyCall>,
    /// The answer to our offer that came in a reliable response, which makes it final
    /// (RFC 3262 §5).
    answer: Option<Vec<u8>>,
    /// Whether something else has been agreed on since.
    is_changed: bool,
}

impl Early {
    fn of(call: EarlyCall) -> Self {
        Self {
            _call: Some(call),
            ..Self::default()
        }
    }

    /// Notes a response whose description was taken.
    fn taken(&mut self, response: &Response) {
        let mut required = response.headers().iter();
        if required.any(
            |header| matches!(header, sip::Header::Require(value) if is_reliable(value.value())),
        ) {
            self.answer = Some(response.body.clone());
        }
    }

    /// Whether the description in the final response merely repeats the early one (RFC 3261
    /// §13.2.1), and something else applies by now.
    fn is_outdated(&self, response: &Response) -> bool {
        self.is_changed && self.answer.as_ref() == Some(&response.body)
    }
}

fn is_taken(response: &Response) -> bool {
    response.status_code.kind() == StatusCodeKind::Successful
}

fn is_reliable(required: &str) -> bool {
    let mut options = required.split(',');
    options.any(|option| option.trim().eq_ignore_ascii_case("100rel"))
}

/// Whether the other side knows the call: it answered with anything but "no such call", or the stack's
/// own code for no answer at all.
fn knows_the_call(response: Option<Response>) -> bool {
    response.is_some_and(|response| !matches!(response.status_code.code(), 408 | 481))
}

async fn respond(
    handle: &TransactionHandle,
    status: StatusCode,
    lines: Vec<sip::Header>,
    body: Option<Vec<u8>>,
) {
    let lines = Some(lines).filter(|lines| !lines.is_empty());
    if handle.respond(status, lines, body).await.is_err() {
        tracing::debug!("the sender of a request is gone");
    }
}
