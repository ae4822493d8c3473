//! The loop of one leg: it takes what happens, asks the course what follows, and does that.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use media::{Dial, LeadEvent, LeadSignal};
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{self, Response, StatusCode, StatusCodeKind};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::change::{Early, respond};
use super::course::{Course, Input, Limits, Output, SessionTimer};
use super::session::Session;
use super::{Command, Waiting, headers};
use crate::endpoint::Trunk;
use crate::phone::PhoneControl;

/// How often the phone's media is asked how it does.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// Results of requests that wait for the loop.
const DONE_MAX: usize = 16;

/// Servers of one trunk that are tried for one call.
const SERVERS_TRIED_MAX: usize = 3;

/// Everything that may happen.
enum Event {
    Command(Command),
    HangUp,
    State(Box<DialogState>),
    Done(Done),
    Report,
    Timer,
}

/// What came of a request of ours.
pub(super) enum Done {
    Invited {
        attempt: u32,
        response: Option<Box<Response>>,
    },
    Reoffered(Option<Box<Response>>),
    Probed(bool),
    Renewed(bool),
}

pub(super) struct Task {
    pub(super) dial: Dial,
    pub(super) trunks: Vec<Arc<Trunk>>,
    pub(super) trunk: Arc<Trunk>,
    pub(super) advertised: Option<IpAddr>,
    events: mpsc::Sender<LeadEvent>,
    pub(super) session: Session,
    course: Course,
    started: Instant,
    pub(super) dialog: Option<InviteDialog>,
    pub(super) states: Option<DialogStateReceiver>,
    pub(super) attempt: u32,
    pub(super) early: Early,
    /// The server that is tried.
    pub(super) server: Option<SocketAddr>,
    /// Where the trunk redirected the call to.
    pub(super) redirection: Option<sip::Uri>,
    pub(super) session_s: u32,
    pub(super) timer: Option<SessionTimer>,
    pub(super) done: mpsc::Sender<Done>,
    results: mpsc::Receiver<Done>,
    over: bool,
}

impl Task {
    /// A call over the first of these trunks that takes it. `None` when there is no trunk, or no
    /// random number.
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

    /// A call that came in.
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
            tracing::debug!(%error, "a call that came in is gone already");
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
            .inspect_err(|error| tracing::error!(%error, "no session for a leg"))
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
                Event::Done(done) => self.done(done),
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
            // What was said before an answer is told before it.
            biased;
            () = ending.cancelled() => Event::HangUp,
            Some(state) = state => Event::State(Box::new(state)),
            Some(done) = self.results.recv() => Event::Done(done),
            Some(command) = commands.recv() => Event::Command(command),
            _ = report.tick() => Event::Report,
            () = wait => Event::Timer,
        }
    }

    pub(super) fn give(&mut self, input: Input) {
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
        // Nobody may wait for it any more.
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
        self.give(Input::LeadMix { ms_ago });
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Invited { attempt, response } if attempt == self.attempt => match response {
                Some(response) => self.invited(&response),
                None => self.give(Input::Unreached),
            },
            // Of a trunk that was given up.
            Done::Invited { .. } => {}
            Done::Probed(alive) => self.give(Input::Probed { alive }),
            Done::Renewed(done) => self.give(Input::Renewed { done }),
            Done::Reoffered(Some(response)) => {
                let is_answer = response.status_code.kind() == StatusCodeKind::Successful;
                if is_answer && let Err(error) = self.session.answered(&response.body) {
                    tracing::info!(%error, "the answer to our change of the call is of no use");
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
            // Who sent the answer with a provisional response may leave it out of the last one.
            let usable = answered.is_ok() || (response.body.is_empty() && self.session.is_agreed());
            if usable {
                self.timer = headers::timer_of_answer(response);
                self.give(Input::Answered(self.timer));
                // Who hangs up in the moment of the answer may be heard of before it.
                let dialog = self.dialog.as_ref();
                if dialog.is_some_and(|dialog| dialog.state().is_terminated()) {
                    self.give(Input::Ended);
                }
                return;
            }
            tracing::info!("the phone answered with no sound that we speak");
            self.bye();
            return self.give(Input::refused(488));
        }
        tracing::info!(
            trunk = self.trunk.settings.name,
            code,
            "the trunk refused the call"
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
            // Our own ringing, of a call that came in.
            DialogState::Early(..) if self.trunks.is_empty() => {}
            DialogState::Early(_, response) => {
                let media = !response.body.is_empty()
                    && self
                        .session
                        .answered(&response.body)
                        .inspect_err(|error| tracing::debug!(%error, "no early media"))
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
                // Nobody but the organization moves its calls.
                respond(&handle, StatusCode::Decline, Vec::new(), None).await;
            }
            DialogState::Terminated(..) => self.give(Input::Ended),
            _ => {}
        }
    }

    /// The trunk acknowledged our answer; when that was an offer, its own answer is with it.
    fn acknowledged(&mut self) {
        if !self.session.is_agreed() {
            let body = self.dialog.as_ref().and_then(InviteDialog::last_remote_ack);
            let body = body.map(|request| request.body).unwrap_or_default();
            if let Err(error) = self.session.answered(&body) {
                tracing::info!(%error, "a call that came in offers no sound that we speak");
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
