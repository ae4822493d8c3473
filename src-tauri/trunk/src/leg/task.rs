//! The loop of one leg: it takes events, asks the course what follows, and does it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use media::{Dial, LeadEvent, LeadSignal};
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver, TransactionHandle};
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{self, HasHeaders, Method, Request, Response, StatusCode, StatusCodeKind};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::course::{Course, Input, Limits, Output, PROBE_MS, SILENCE_MAX_MS, SessionTimer};
use super::headers;
use super::session::Session;
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
/// How long a request within the call may take.
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
    session_s: u32,
    timer: Option<SessionTimer>,
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
            session_s: trunk.settings.session_s,
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
            timer: None,
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
        let wake = self.course.wake_at().map(Duration::from_millis);
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

    fn give(&mut self, input: Input) {
        let now = self.started.elapsed().as_millis() as u64;
        self.course.handle(now, input);
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
                let offer = self.session.hold(held);
                self.reoffer(offer);
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
            Done::Renewed(done) => self.give(Input::Renewed { done }),
            Done::Reoffered(Some(response)) => {
                let is_answer = response.status_code.kind() == StatusCodeKind::Successful;
                if is_answer && let Err(error) = self.session.answered(&response.body) {
                    tracing::info!(%error, "the answer to our re-INVITE is unusable");
                }
            }
            Done::Reoffered(None) => {}
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
                self.timer = headers::timer_of_answer(response);
                self.give(Input::Answered(self.timer));
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
        let least_s = headers::least_session_s(response);
        let longer = least_s.is_some_and(|least_s| least_s > self.session_s);
        if let Some(least_s) = least_s.filter(|_| longer) {
            self.session_s = least_s;
        }
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
            DialogState::Confirmed(..) if self.trunks.is_empty() => self.acknowledged(),
            DialogState::Updated(_, request, handle) => self.updated(request, handle).await,
            DialogState::Options(_, _, handle)
            | DialogState::Info(_, _, handle)
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

    /// The trunk acknowledged our answer. If that was an offer, its answer comes with it.
    fn acknowledged(&mut self) {
        if !self.session.is_agreed() {
            let body = self.dialog.as_ref().and_then(InviteDialog::last_remote_ack);
            let body = body.map(|request| request.body).unwrap_or_default();
            if let Err(error) = self.session.answered(&body) {
                tracing::info!(%error, "an inbound call offers no codec in common");
                self.bye();
                return self.give(Input::Unreached);
            }
        }
        self.give(Input::Answered(self.timer));
    }

    fn end(&mut self) {
        self.over = true;
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
            headers: Some(headers::invite_headers(trunk, local, self.session_s)),
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
        let mut lines = vec![headers::description()];
        if let Some((timer, more)) = headers::timer_of_offer(&request) {
            self.timer = Some(timer);
            lines.extend(more);
        }
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
            if !matches!(
                tokio::time::timeout(REQUEST_MAX, dialog.bye()).await,
                Ok(Ok(()))
            ) {
                tracing::debug!("no one acknowledged our BYE");
            }
            layer.remove_dialog(&id);
        });
    }

    /// Asks whether the phone is still there.
    fn probe(&self) {
        let limit = Duration::from_millis(PROBE_MS);
        self.ask(limit, Method::Options, Vec::new(), None, |response| {
            Done::Probed(knows_the_call(response))
        });
    }

    fn renew(&self) {
        let lines = self.timer.map(headers::renewal).unwrap_or_default();
        self.ask(REQUEST_MAX, Method::Update, lines, None, |response| {
            Done::Renewed(knows_the_call(response))
        });
    }

    fn reoffer(&self, offer: Vec<u8>) {
        let lines = vec![headers::description()];
        self.ask(
            REQUEST_MAX,
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
            let asked = async {
                match method {
                    // If both sides change the call at once, one waits (RFC 3261 §14.1).
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

/// What the other side changes of a call, before its answer and after.
impl Task {
    /// The other side changes the call, or renews it.
    async fn updated(&mut self, request: Request, handle: TransactionHandle) {
        self.give(Input::Refreshed);
        let mut lines = headers::renewed(&request);
        if request.body.is_empty() && request.method == Method::Update {
            return respond(&handle, StatusCode::OK, lines, None).await;
        }
        let dialog = self.dialog.as_ref();
        let is_early = dialog.is_some_and(|dialog| dialog.state().can_cancel());
        if is_early && self.early.answer.is_none() {
            // Our own offer is still open (RFC 3311 §5.2).
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
                tracing::info!(%error, "cannot follow a change of the session");
                respond(&handle, StatusCode::NotAcceptableHere, Vec::new(), None).await;
            }
        }
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
    Renewed(bool),
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
