//! The one owner of a client's state.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use mix::Mode;
use wire::{
    Call, CallId, CallStatus, ClientMessage, ClientType, CoachLeg, CoachLegStatus, CoachMode, Code,
    DtmfRequest, Event, HangupCause, Invitation, InvitationId, InvitationRequest, InvitationStatus,
    JoinRequest, LegEndReason, Me, MicroDollars, ServerMessage, Timestamp,
};

use crate::coaching::Coaching;
use crate::input::{Command, CommandId, Failure, Input, MediaId, MediaInput, Reply, RequestId};
use crate::invitations::{Expiries, ServiceClock};
use crate::link::{Link, LinkAction, Sequence};
use crate::microphone::Told;
use crate::output::{MediaRole, Notice, Output, Request, SignedOutReason};
use crate::owed::{Outcome, Owed};
use crate::retry::{RETRY_MIN, Retry};
use crate::view::{Audience, Connection, EndReason, MediaStatus, MyCall, View};

/// How long after a failed attempt to read the coach's leg the next one is made.
const REREAD_WAIT: Duration = Duration::from_secs(1);
/// How long after the state could not be read all of it is read again.
const RELOAD_WAIT: Duration = Duration::from_secs(2);
/// The longest wait before sound that was lost is tried again: the leg is held for 30 s.
const MEDIA_RETRY_MAX: Duration = Duration::from_secs(2);
/// How long a call that was hung up is shown as ending while the service doesn't confirm it.
const HANG_UP_WAIT: Duration = Duration::from_secs(5);
/// Events of calls that are remembered while the list of calls is read.
const TOUCHED_MAX: usize = 10_000;

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Purpose {
    /// Its outcome is the command's.
    Command(CommandId),
    SignIn(CommandId),
    Resume,
    PlaceCall(CommandId),
    Join(CommandId, CallId),
    /// What the user did to a call, asked until it is answered.
    Owed,
    /// Tells the service of the user's microphone.
    MicrophoneTrouble,
    /// A switch of the coach's mode.
    Mode,
    /// Reads the coach's leg anew.
    Reread,
    Media(MediaId),
    Refresh,
    /// Fills the view.
    Load,
    /// Reads the balance; whoever may not see it has none.
    Balance,
    /// Invites teammates to the user's own call.
    Invite(CommandId),
    /// Reads the user's own call anew.
    MyCall,
    /// The call is left first; then the user is signed out.
    LeaveToSignOut(CommandId),
    SignOut(CommandId),
}

/// What is tried again until it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Making the connection of the sound.
    Media,
    /// Resuming the sign-in that was kept.
    Resume,
    /// Reading all of the state.
    Reload,
    /// Reading the coach's leg.
    Reread,
    /// Asking what the service has not answered.
    Owed,
    /// Telling the service of the user's microphone.
    Microphone,
}

/// A client's state machine. Drain [`Session::poll`] after each [`Session::handle`].
#[derive(Debug)]
pub struct Session {
    client_type: ClientType,
    view: View,
    link: Link,
    clock: ServiceClock,
    expiries: Expiries,
    sound: Option<Sound>,
    /// The key for whispering is down: Whisper while it is, Listen as soon as it is up.
    hold: bool,
    resuming: Option<Resuming>,
    /// Whether what was signed in last can be resumed.
    kept: bool,
    /// What this machine's calendar showed at the newest `welcome`.
    wall: Option<Timestamp>,
    /// A call is being placed or joined.
    entering: bool,
    owed: Owed,
    /// When the user's own call, which was hung up, is over here though the service has not said so.
    hung_up_at: Option<Duration>,
    /// How long the service waits for sound that was lost.
    reconnect: Duration,
    reread: Retry,
    reload: Retry,
    /// When the coaching costs more next.
    cost_at: Option<Duration>,
    /// Not all of the state could be read before the connection was lost.
    stale: bool,
    purposes: BTreeMap<RequestId, Purpose>,
    /// Calls that an event told of since the list was asked for: the list may be older.
    touched: BTreeSet<CallId>,
    next_request: u64,
    next_media: u64,
    last_stamp: Mode,
    last_open: bool,
    last_wake: Option<Duration>,
    last_connection: Connection,
    outputs: VecDeque<Output>,
}

impl Session {
    /// Nobody is signed in.
    #[must_use]
    pub fn new(client_type: ClientType) -> Self {
        Self {
            client_type,
            view: View::default(),
            link: Link::default(),
            clock: ServiceClock::default(),
            expiries: Expiries::default(),
            sound: None,
            hold: false,
            resuming: None,
            kept: false,
            wall: None,
            entering: false,
            owed: Owed::default(),
            hung_up_at: None,
            reconnect: Duration::MAX,
            reread: Retry::every(REREAD_WAIT),
            reload: Retry::every(RELOAD_WAIT),
            cost_at: None,
            stale: false,
            purposes: BTreeMap::new(),
            touched: BTreeSet::new(),
            next_request: 0,
            next_media: 0,
            last_stamp: Mode::Listen,
            last_open: false,
            last_wake: None,
            last_connection: Connection::SignedOut,
            outputs: VecDeque::new(),
        }
    }

    /// The whole state, as it is now.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// What kind of client this is.
    #[must_use]
    pub const fn client_type(&self) -> ClientType {
        self.client_type
    }

    /// What is to be done next, until there is nothing.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Takes in what happened. `now` is any clock that never runs backwards.
    pub fn handle(&mut self, now: Duration, input: Input) {
        match input {
            Input::Command(id, command) => self.command(now, id, command),
            Input::Answer(id, result) => {
                if let Some(purpose) = self.purposes.remove(&id) {
                    self.answer(now, id, purpose, result);
                }
            }
            Input::Socket(message) => self.heard(now, *message),
            Input::SocketClosed { jitter } => self.socket_closed(now, jitter),
            Input::Media(id, media) => self.media(now, id, media),
            Input::SignInKept(kept) => self.kept = kept,
            Input::Microphone(trouble) => self.microphone(trouble),
            Input::WallClock(wall) => self.wall = Some(wall),
            Input::Wake => {}
        }
        self.due(now);
        self.settle(now);
    }

    // What the user wants.

    fn command(&mut self, now: Duration, id: CommandId, command: Command) {
        if self.view.sign_in_lost {
            self.command_without_sign_in(id, &command);
            return;
        }
        let outcome = match command {
            Command::SignIn(request) => self.sign_in(id, Request::SignIn(request)),
            Command::AcceptInvite(request) => self.sign_in(id, Request::AcceptInvite(request)),
            Command::Resume => self.resume(id),
            Command::StopResuming => {
                self.stop_resuming();
                self.finish(id, Ok(Reply::Done));
                Ok(())
            }
            Command::SignOut => self.sign_out(id),
            Command::HoldToWhisper(held) => self.hold_to_whisper(id, held),
            _ if self.view.user_id.is_none() => refuse("You're signed out. Sign in first."),
            Command::PlaceCall(request) => {
                self.enter(Request::PlaceCall(request), Purpose::PlaceCall(id))
            }
            Command::Answer(call) => self.enter(Request::Answer(call), Purpose::PlaceCall(id)),
            Command::Join {
                call_id,
                invitation_id,
            } => self.enter(
                Request::Join(call_id.clone(), JoinRequest { invitation_id }),
                Purpose::Join(id, call_id),
            ),
            Command::Decline(invitation) => {
                self.decline(now, id, invitation);
                Ok(())
            }
            Command::DeclineCall(call) => {
                self.owe(now, id, Request::HangUp(call));
                Ok(())
            }
            Command::Mute(muted) => self.mute(now, id, muted),
            Command::SetMode(mode) => self.set_mode(id, mode.into()),
            Command::Leave => self.leave(now, id),
            Command::HangUp => self.hang_up(now, id),
            Command::Hold(held) => self.of_my_call(|session, call| {
                session.owe(now, id, Request::Hold(call, held));
            }),
            Command::PauseRecording(paused) => self.of_my_call(|session, call| {
                session.owe(now, id, Request::PauseRecording(call, paused));
            }),
            Command::Dtmf(digits) => self.of_my_call(|session, call| {
                let request = Request::Dtmf(call, DtmfRequest { digits });
                session.request(request, Purpose::Command(id));
            }),
            Command::Invite(user_ids) => self.of_my_call(|session, call| {
                let request = Request::Invite(call, InvitationRequest { user_ids });
                session.request(request, Purpose::Invite(id));
            }),
        };
        if let Err(failure) = outcome {
            self.finish(id, Err(failure));
        }
    }

    /// What can be done on a call that goes on without a sign-in needs no service: to mute oneself, and to
    /// end it.
    fn command_without_sign_in(&mut self, id: CommandId, command: &Command) {
        match command {
            Command::HangUp | Command::Leave | Command::SignOut => {
                self.end_without_sign_in();
            }
            Command::Mute(muted) => {
                if let Some(sound) = &mut self.sound {
                    sound.muted = *muted;
                }
                self.apply_muted();
                self.restamp();
            }
            Command::HoldToWhisper(false) => self.hold = false,
            Command::StopResuming => {}
            _ => {
                let why = "Your session has expired. Sign in again when this call ends.";
                self.finish(id, refuse(why));
                return;
            }
        }
        self.finish(id, Ok(Reply::Done));
    }

    fn sign_in(&mut self, id: CommandId, request: Request) -> Result<(), Failure> {
        if self.view.user_id.is_some() {
            return refuse("Someone is already signed in.");
        }
        self.stop_resuming();
        self.request(request, Purpose::SignIn(id));
        Ok(())
    }

    fn sign_out(&mut self, id: CommandId) -> Result<(), Failure> {
        if self.view.user_id.is_none() {
            return refuse("You're signed out. Sign in first.");
        }
        let leaving = self.sound.as_ref().map(|sound| match sound.role {
            MediaRole::Rep => Request::HangUp(sound.call_id.clone()),
            MediaRole::Coach => Request::Leave(sound.call_id.clone()),
        });
        if self.view.coaching.is_some() {
            self.end_coaching(EndReason::SignedOut);
        }
        self.end_sound();
        if let Some((command, request, asked)) = self.owed.take_leaving() {
            // The service must take that in before the tokens end.
            let purpose = Purpose::LeaveToSignOut(id);
            if let Some(asked) = asked {
                self.purposes.insert(asked, purpose);
            } else {
                self.request(request, purpose);
            }
            self.finish(command, Ok(Reply::Done));
            return Ok(());
        }
        match leaving {
            Some(request) => {
                self.request(request, Purpose::LeaveToSignOut(id));
            }
            None => {
                self.request(Request::SignOut, Purpose::SignOut(id));
                self.forget(SignedOutReason::Asked);
            }
        }
        Ok(())
    }

    /// Places or joins a call. There is one at a time.
    fn enter(&mut self, request: Request, purpose: Purpose) -> Result<(), Failure> {
        if self.entering || self.sound.is_some() {
            return refuse("You're already on a call.");
        }
        if self.owed.is_leaving() {
            // The service would take what comes later for what was said before.
            return refuse("Your last call is still being ended. Try again in a moment.");
        }
        self.entering = true;
        self.request(request, purpose);
        Ok(())
    }

    fn of_my_call(&mut self, act: impl FnOnce(&mut Self, CallId)) -> Result<(), Failure> {
        match &self.view.my_call {
            Some(my_call) if !my_call.ending => {
                let call_id = my_call.call.id.clone();
                act(self, call_id);
                Ok(())
            }
            _ => refuse("You're not on a call of your own."),
        }
    }

    fn mute(&mut self, now: Duration, id: CommandId, muted: bool) -> Result<(), Failure> {
        let Some(sound) = &mut self.sound else {
            return refuse("You're not on a call.");
        };
        if muted {
            // At once here, then told; the other way round it waits to be confirmed.
            sound.muted = true;
        }
        let call_id = sound.call_id.clone();
        self.apply_muted();
        self.restamp();
        self.owe(now, id, Request::Mute(call_id, muted));
        Ok(())
    }

    fn set_mode(&mut self, id: CommandId, mode: Mode) -> Result<(), Failure> {
        if self.view.coaching.is_none() {
            return refuse("You're not coaching a call.");
        }
        self.want(Some(id), mode);
        Ok(())
    }

    fn leave(&mut self, now: Duration, id: CommandId) -> Result<(), Failure> {
        let Some(coaching) = &self.view.coaching else {
            return refuse("You're not coaching a call.");
        };
        let call_id = coaching.call_id.clone();
        self.end_coaching(EndReason::Leg(LegEndReason::Left));
        self.owe(now, id, Request::Leave(call_id));
        Ok(())
    }

    /// The sound ends at once; the call itself when the service says so, or has not for a while. It can be
    /// hung up again meanwhile.
    fn hang_up(&mut self, now: Duration, id: CommandId) -> Result<(), Failure> {
        let Some(my_call) = &mut self.view.my_call else {
            return refuse("You're not on a call of your own.");
        };
        let call_id = my_call.call.id.clone();
        if !my_call.ending {
            my_call.ending = true;
            let notice = Notice::MyCall(Box::new(my_call.clone()));
            self.hung_up_at = now.checked_add(HANG_UP_WAIT);
            self.end_sound();
            self.notify(notice);
        }
        self.owe(now, id, Request::HangUp(call_id));
        Ok(())
    }

    /// The call is over for the user, and the service is told when it can be reached.
    fn end_my_call_here(&mut self) {
        self.hung_up_at = None;
        if let Some(MyCall { mut call, .. }) = self.view.my_call.take_if(|my_call| my_call.ending) {
            self.view.sent_invitations.clear();
            self.view.calls.remove(&call.id);
            call.status = CallStatus::Completed;
            call.hangup_cause = Some(HangupCause::Rep);
            self.notify(Notice::MyCallEnded(Box::new(call)));
        }
    }

    /// The card goes at once.
    fn decline(&mut self, now: Duration, id: CommandId, invitation: InvitationId) {
        self.expiries.remove(&invitation);
        if let Some(mut declined) = self.view.invitations.remove(&invitation) {
            declined.status = InvitationStatus::Declined;
            self.notify(Notice::InvitationEnded(Box::new(declined)));
        }
        self.owe(now, id, Request::Decline(invitation));
    }

    /// The service is asked for this now, and again until it answers.
    fn owe(&mut self, now: Duration, id: CommandId, request: Request) {
        if let Some(replaced) = self.owed.owe(now, id, request) {
            self.finish(replaced, Ok(Reply::Done));
        }
        self.ask_owed();
    }

    fn ask_owed(&mut self) {
        for request in self.owed.unasked() {
            let id = self.request(request.clone(), Purpose::Owed);
            self.owed.asked(&request, id);
        }
    }

    fn owed_answered(&mut self, now: Duration, id: RequestId, result: Result<Reply, Failure>) {
        match self.owed.answered(now, id, result) {
            Outcome::Passed => {}
            Outcome::Postponed(request) => self.notify(Notice::Postponed(request)),
            Outcome::Settled {
                command,
                request,
                result,
            } => {
                match request {
                    Request::HangUp(call) if self.is_my_call(&call) => {
                        self.request(Request::Call(call), Purpose::Load);
                    }
                    Request::Mute(call, muted) => {
                        if let Some(sound) = self.sound.as_mut().filter(|s| s.call_id == call) {
                            sound.muted = muted || result.is_err() && sound.muted;
                            self.apply_muted();
                        }
                    }
                    _ => {}
                }
                self.finish(command, result);
            }
        }
    }

    // What the service answers.

    fn answer(
        &mut self,
        now: Duration,
        id: RequestId,
        purpose: Purpose,
        result: Result<Reply, Failure>,
    ) {
        if let Err(failure) = &result
            && failure.code == Some(Code::Unauthenticated)
            && !matches!(purpose, Purpose::SignIn(_) | Purpose::SignOut(_))
        {
            // The shell has already tried a new access token.
            self.finish_purpose(&purpose, Err(failure.clone()));
            self.sign_in_refused(&purpose);
            return;
        }
        match purpose {
            Purpose::Command(command) | Purpose::SignOut(command) => self.finish(command, result),
            Purpose::Owed => self.owed_answered(now, id, result),
            Purpose::SignIn(command) => self.signed_in(now, command, result),
            Purpose::Resume => self.resume_answered(now, result),
            Purpose::PlaceCall(command) => {
                self.entering = false;
                if let Ok(Reply::Call(call)) = &result {
                    self.placed(call);
                }
                self.finish(command, result);
            }
            Purpose::Join(command, call_id) => {
                self.entering = false;
                if let Ok(Reply::CoachLeg(leg)) = &result {
                    self.joined(call_id, leg);
                }
                self.finish(command, result);
            }
            Purpose::MicrophoneTrouble => {
                let got_through = !matches!(&result, Err(failure) if failure.may_pass());
                if let Some(sound) = &mut self.sound {
                    sound.microphone.answered(now, id, got_through);
                }
            }
            Purpose::Mode => self.mode_answered(now, id, result),
            Purpose::Reread => self.reread_answered(now, id, result),
            Purpose::Media(media) => self.media_answered(now, id, media, result),
            Purpose::Refresh => match result {
                Ok(_) => self.connect(now),
                Err(_) => self.link.wait(now, 1.0),
            },
            Purpose::Load => match result {
                Ok(reply) => self.load(now, reply),
                Err(failure) => self.load_failed(now, failure),
            },
            Purpose::MyCall => match result {
                Err(failure) if failure.code == Some(Code::NotFound) => self.my_call_gone(),
                Ok(reply) => self.load(now, reply),
                Err(failure) => self.load_failed(now, failure),
            },
            Purpose::Balance => {
                if let Ok(Reply::Balance(balance)) = result {
                    self.view.balance.get_or_insert(balance);
                }
            }
            Purpose::Invite(command) => {
                if let Ok(Reply::Invitations(sent)) = &result {
                    for invitation in sent {
                        self.invitation_sent(invitation);
                    }
                }
                self.finish(command, result);
            }
            Purpose::LeaveToSignOut(command) => {
                self.request(Request::SignOut, Purpose::SignOut(command));
                self.forget(SignedOutReason::Asked);
            }
        }
    }

    fn signed_in(&mut self, now: Duration, command: CommandId, result: Result<Reply, Failure>) {
        if let Ok(Reply::SignedIn { user_id, device_id }) = &result {
            self.view.user_id = Some(user_id.clone());
            self.view.device_id = Some(device_id.clone());
            self.notify(Notice::SignedIn);
            self.connect(now);
        }
        self.finish(command, result);
    }

    fn placed(&mut self, call: &Call) {
        self.view.calls.insert(call.id.clone(), call.clone());
        if call.status.is_over() {
            self.notify(Notice::MyCallEnded(Box::new(call.clone())));
            return;
        }
        let my_call = MyCall {
            call: call.clone(),
            muted: false,
            ending: false,
        };
        self.view.my_call = Some(my_call.clone());
        self.view.sent_invitations.clear();
        self.notify(Notice::MyCall(Box::new(my_call)));
        self.start_sound(Sound::new(call.id.clone(), MediaRole::Rep));
    }

    fn joined(&mut self, call_id: CallId, leg: &CoachLeg) {
        self.view.coaching = Some(Coaching::new(call_id.clone(), leg.clone()));
        self.notify_coaching();
        self.start_sound(Sound::new(call_id, MediaRole::Coach));
    }

    fn mode_answered(&mut self, now: Duration, id: RequestId, result: Result<Reply, Failure>) {
        let next_request = RequestId(self.next_request);
        let Some(coaching) = &mut self.view.coaching else {
            return;
        };
        let leg = coaching.leg.clone();
        let settled = match &result {
            Ok(Reply::CoachLeg(leg)) => coaching.granted(id, (**leg).clone()),
            Err(failure) if failure.may_pass() => coaching.unanswered(id, next_request),
            _ => coaching.refused(id, next_request),
        };
        if coaching.in_doubt() {
            let wait = if result.is_ok() {
                Duration::ZERO
            } else {
                REREAD_WAIT
            };
            self.reread.try_at(now.saturating_add(wait));
        }
        self.restamp();
        if let Some(command) = settled.and_then(|settled| settled.command) {
            // What the service couldn't answer is asked again, unless a newer switch took its place.
            let is_replaced = result.as_ref().is_err_and(Failure::may_pass);
            self.finish(command, if is_replaced { replaced(leg) } else { result });
        }
        self.notify_coaching();
    }

    fn reread_answered(&mut self, now: Duration, id: RequestId, result: Result<Reply, Failure>) {
        let Some(coaching) = &mut self.view.coaching else {
            return;
        };
        match result {
            Ok(Reply::Call(call)) if call.id == coaching.call_id => {
                let leg_id = &coaching.leg.id;
                let leg = call
                    .coach_legs
                    .iter()
                    .find(|leg| leg.id == *leg_id)
                    .cloned();
                match leg {
                    Some(leg) => {
                        coaching.reread(id, leg.clone());
                        if coaching.in_doubt() {
                            self.reread.try_at(now);
                        }
                        self.leg_seen(&leg);
                    }
                    None => self.end_coaching(EndReason::Gone),
                }
                self.call_seen(&call);
            }
            Err(failure) if failure.code == Some(Code::NotFound) => {
                self.end_coaching(EndReason::Gone);
            }
            _ => {
                self.reread.failed(now, 1.0);
            }
        }
    }

    /// What is shown may be old: it is read anew, after the next `welcome` when there is no
    /// connection.
    fn load_failed(&mut self, now: Duration, failure: Failure) {
        if failure.may_pass() {
            if self.link.is_online() {
                if self.reload.deadline().is_none() {
                    self.reload.failed(now, 1.0);
                }
            } else {
                self.stale = true;
            }
        }
        self.trouble(failure);
    }

    /// Says what the service could not do. That it can't be reached is shown all the time anyway.
    fn trouble(&mut self, failure: Failure) {
        if !failure.unreachable {
            self.notify(Notice::Trouble(failure));
        }
    }

    fn my_call_gone(&mut self) {
        if let Some(my_call) = self.view.my_call.take() {
            self.view.sent_invitations.clear();
            self.view.calls.remove(&my_call.call.id);
            self.end_sound_of(MediaRole::Rep);
            self.notify(Notice::MyCallEnded(Box::new(my_call.call)));
        }
    }

    fn load(&mut self, now: Duration, reply: Reply) {
        match reply {
            Reply::Me(me) => self.me_seen(*me),
            Reply::Users(users) => {
                self.view.users = users
                    .into_iter()
                    .map(|user| (user.id.clone(), user))
                    .collect();
                self.notify(Notice::Refreshed);
            }
            Reply::Availability(users) => {
                self.view.availability = users
                    .into_iter()
                    .map(|user| (user.user_id.clone(), user))
                    .collect();
                self.notify(Notice::Refreshed);
            }
            Reply::ActiveCalls(calls) => {
                let touched = std::mem::take(&mut self.touched);
                self.view.calls.retain(|id, _| touched.contains(id));
                for call in calls {
                    if !touched.contains(&call.id) {
                        self.view.calls.insert(call.id.clone(), call);
                    }
                }
                self.notify(Notice::Refreshed);
            }
            Reply::Invitations(invitations) => {
                self.view.invitations.clear();
                self.expiries.clear();
                for invitation in invitations {
                    self.invitation_seen(now, invitation);
                }
                self.notify(Notice::Refreshed);
            }
            Reply::Call(call) => self.call_seen(&call),
            Reply::Done
            | Reply::SignedIn { .. }
            | Reply::NothingKept
            | Reply::Balance(_)
            | Reply::CoachLeg(_)
            | Reply::MediaAnswer(..) => {}
        }
    }

    // What the WebSocket says.

    fn connect(&mut self, now: Duration) {
        let action = self.link.connect(now);
        self.link_action(now, action);
    }

    fn link_action(&mut self, now: Duration, action: LinkAction) {
        match action {
            LinkAction::Connect(resume) => self.outputs.push_back(Output::SocketConnect(resume)),
            LinkAction::Refresh => {
                self.request(Request::Refresh, Purpose::Refresh);
            }
            LinkAction::Heartbeat => self
                .outputs
                .push_back(Output::SocketSend(ClientMessage::Heartbeat {})),
            LinkAction::Dead => {
                self.outputs.push_back(Output::SocketClose);
                self.socket_closed(now, 1.0);
            }
        }
    }

    fn heard(&mut self, now: Duration, message: ServerMessage) {
        self.link.heard();
        match message {
            ServerMessage::Welcome {
                stream_id,
                seq,
                resumed,
                now: service_now,
                reconnect_ms,
            } => {
                self.reconnect = Duration::from_millis(reconnect_ms);
                self.clock.set(now, service_now);
                self.link.welcomed(now, stream_id, seq, resumed);
                if let Some(wall) = self.wall {
                    self.view.clock_offset_ms = service_now.0.saturating_sub(wall.0);
                }
                if !resumed || self.stale {
                    self.reload();
                }
                self.owed.ask_again(now);
                if self.view.coaching.as_ref().is_some_and(Coaching::in_doubt) {
                    self.reread.try_at(now);
                }
            }
            ServerMessage::Event { seq, event } => match self.link.numbered(seq) {
                Sequence::Old => {}
                Sequence::Next => self.event(now, *event),
                Sequence::Gap => {
                    self.event(now, *event);
                    self.reload();
                }
            },
            ServerMessage::Levels { call_id, levels } => {
                self.notify(Notice::Levels(call_id, levels));
            }
            // The service tells each device of the rep; only the one that is on the call shows it.
            ServerMessage::LeadKey { call_id, key } => {
                if self.is_my_call(&call_id) {
                    self.notify(Notice::LeadKey(call_id, key));
                }
            }
            ServerMessage::LeadQuality { call_id, quality } => {
                if self.is_my_call(&call_id) {
                    self.notify(Notice::LeadQuality(call_id, quality));
                }
            }
            ServerMessage::HeartbeatAck {} | ServerMessage::GoingAway {} => {}
            ServerMessage::Error { code, message } => {
                if code == Code::Unauthenticated {
                    self.link.token_refused();
                } else {
                    self.notify(Notice::Trouble(Failure::refused(code, message)));
                }
            }
        }
    }

    /// Whether it is the call that this device is on as its rep.
    fn is_my_call(&self, call_id: &CallId) -> bool {
        let my_call = self.view.my_call.as_ref();
        my_call.is_some_and(|my| my.call.id == *call_id)
    }

    fn event(&mut self, now: Duration, event: Event) {
        match event {
            Event::AvailabilityChanged { user } => {
                self.view
                    .availability
                    .insert(user.user_id.clone(), user.clone());
                self.notify(Notice::Availability(user));
            }
            Event::CallChanged { call } => self.call_seen(&call),
            Event::CoachLegChanged { call_id, coach_leg } => {
                self.other_leg_seen(&call_id, &coach_leg);
                let mine = |coaching: &&mut Coaching| coaching.leg.id == coach_leg.id;
                if let Some(coaching) = self.view.coaching.as_mut().filter(mine) {
                    coaching.seen((*coach_leg).clone());
                    self.leg_seen(&coach_leg);
                }
            }
            Event::InvitationChanged { invitation } => self.invitation_seen(now, *invitation),
            Event::DtmfSent { .. } => {}
            Event::MeChanged { me } => self.me_seen(*me),
            Event::DirectoryChanged {} => {
                self.view.directory_version = self.view.directory_version.wrapping_add(1);
                self.request(Request::Users, Purpose::Load);
                self.notify(Notice::Refreshed);
            }
            Event::BalanceChanged { balance } => self.view.balance = Some(balance),
        }
    }

    fn me_seen(&mut self, me: Me) {
        self.view.me = Some(me);
        if !self.view.manages() {
            self.view.balance = None;
        } else if self.view.balance.is_none() {
            self.request(Request::Balance, Purpose::Balance);
        }
        self.notify(Notice::MeChanged);
    }

    fn call_seen(&mut self, call: &Call) {
        if self.touched.len() < TOUCHED_MAX {
            self.touched.insert(call.id.clone());
        }
        if call.status.is_over() {
            self.view.calls.remove(&call.id);
            for command in self.owed.call_over(&call.id) {
                self.finish(command, Ok(Reply::Done));
            }
        } else {
            self.view.calls.insert(call.id.clone(), call.clone());
        }
        self.notify(Notice::Call(Box::new(call.clone())));
        if let Some(my_call) = self
            .view
            .my_call
            .as_mut()
            .filter(|my| my.call.id == call.id)
        {
            my_call.call = call.clone();
            if call.status.is_over() {
                self.view.my_call = None;
                self.view.sent_invitations.clear();
                self.end_sound_of(MediaRole::Rep);
                self.notify(Notice::MyCallEnded(Box::new(call.clone())));
            } else {
                let notice = Notice::MyCall(Box::new(my_call.clone()));
                self.notify(notice);
            }
        }
        let coached = self.view.coaching.as_ref().map(|c| &c.call_id) == Some(&call.id);
        if coached && call.status.is_over() {
            self.end_coaching(EndReason::Call(call.hangup_cause));
        }
    }

    /// Any coach's leg, for those who are shown the call.
    fn other_leg_seen(&mut self, call_id: &CallId, leg: &CoachLeg) {
        let put =
            |call: &mut Call| match call.coach_legs.iter_mut().find(|known| known.id == leg.id) {
                Some(known) => *known = leg.clone(),
                None => call.coach_legs.push(leg.clone()),
            };
        if let Some(call) = self.view.calls.get_mut(call_id) {
            put(call);
            let notice = Notice::Call(Box::new(call.clone()));
            self.notify(notice);
        }
        if let Some(my_call) = self
            .view
            .my_call
            .as_mut()
            .filter(|my| my.call.id == *call_id)
        {
            put(&mut my_call.call);
            let notice = Notice::MyCall(Box::new(my_call.clone()));
            self.notify(notice);
        }
    }

    /// The user's own leg, after `coaching` has taken it in.
    fn leg_seen(&mut self, leg: &CoachLeg) {
        self.restamp();
        if self.view.device_id.as_ref() != Some(&leg.device_id) {
            self.end_coaching(EndReason::MovedDevice);
        } else if leg.status == CoachLegStatus::Done {
            let reason = match leg.end_reason {
                Some(LegEndReason::CallEnded) => EndReason::Call(None),
                Some(reason) => EndReason::Leg(reason),
                None => EndReason::Gone,
            };
            self.end_coaching(reason);
        } else {
            self.notify_coaching();
        }
    }

    fn invitation_seen(&mut self, now: Duration, invitation: Invitation) {
        if Some(&invitation.invitee_id) != self.view.user_id.as_ref() {
            self.invitation_sent(&invitation);
            self.notify(Notice::InvitationSent(Box::new(invitation)));
            return;
        }
        if invitation.status == InvitationStatus::Open {
            self.expiries.add(now, self.clock, &invitation);
            self.view
                .invitations
                .insert(invitation.id.clone(), invitation.clone());
            self.notify(Notice::Invited(Box::new(invitation)));
        } else {
            self.expiries.remove(&invitation.id);
            self.view.invitations.remove(&invitation.id);
            self.notify(Notice::InvitationEnded(Box::new(invitation)));
        }
    }

    fn invitation_sent(&mut self, invitation: &Invitation) {
        if self.is_my_call(&invitation.call_id) {
            let invitee = invitation.invitee_id.clone();
            self.view
                .sent_invitations
                .insert(invitee, invitation.clone());
        }
    }

    fn socket_closed(&mut self, now: Duration, jitter: f32) {
        let action = self.link.closed(now, jitter);
        self.stale |= self.reload.stop();
        self.doubt();
        if let Some(action) = action {
            self.link_action(now, action);
        }
    }

    fn reload(&mut self) {
        self.touched.clear();
        self.reload.stop();
        self.stale = false;
        for request in [
            Request::Me,
            Request::Users,
            Request::Availability,
            Request::ActiveCalls,
            Request::Invitations,
        ] {
            self.request(request, Purpose::Load);
        }
        self.reread_call(Duration::ZERO);
    }

    // The sound of the call that the user is on.

    fn start_sound(&mut self, sound: Sound) {
        self.sound = Some(sound);
        self.start_media();
    }

    fn start_media(&mut self) {
        if let Some(sound) = &mut self.sound {
            self.next_media += 1;
            let media = MediaId(self.next_media);
            sound.media = Some(media);
            sound.retry.stop();
            let role = sound.role;
            self.outputs.push_back(Output::MediaStart(media, role));
        }
    }

    fn media(&mut self, now: Duration, id: MediaId, media: MediaInput) {
        let Some(sound) = self.sound.as_mut().filter(|s| s.media == Some(id)) else {
            return;
        };
        match media {
            MediaInput::Offered(sdp) => {
                let call_id = sound.call_id.clone();
                self.request(Request::Media(call_id, sdp), Purpose::Media(id));
            }
            MediaInput::Connected => {
                sound.status = MediaStatus::Connected;
                sound.lost_at = None;
                sound.retry.worked();
                if self.view.coaching.as_ref().is_some_and(Coaching::in_doubt) {
                    self.reread.try_at(now);
                }
            }
            MediaInput::Lost { jitter } => self.media_lost(now, id, jitter),
        }
    }

    fn media_lost(&mut self, now: Duration, id: MediaId, jitter: f32) {
        if self.view.sign_in_lost {
            // Nobody can ask for another connection. The call is over, for this side at least.
            self.end_without_sign_in();
            return;
        }
        if let Some(sound) = self.sound.as_mut().filter(|s| s.media == Some(id)) {
            sound.media = None;
            if sound.status == MediaStatus::Connected {
                sound.status = MediaStatus::Reconnecting;
                sound.lost_at = Some(now);
            }
            sound.retry.failed(now, jitter);
            self.doubt();
            self.outputs.push_back(Output::MediaClose(id));
        }
    }

    fn media_answered(
        &mut self,
        now: Duration,
        request: RequestId,
        id: MediaId,
        result: Result<Reply, Failure>,
    ) {
        if let Ok(Reply::MediaAnswer(_, Some(leg))) = &result {
            self.leg_came_back(request, leg);
        }
        if self.sound.as_ref().and_then(|sound| sound.media) != Some(id) {
            return;
        }
        match result {
            Ok(Reply::MediaAnswer(sdp, _)) => self.outputs.push_back(Output::MediaAnswer(id, sdp)),
            Ok(_) => self.media_lost(now, id, 1.0),
            Err(failure) => {
                self.media_lost(now, id, 1.0);
                if failure.may_pass() {
                    self.trouble(failure);
                } else {
                    // The leg or the call may be over: that is told once it is known, and why.
                    self.reread_call(now);
                }
            }
        }
    }

    fn reread_call(&mut self, now: Duration) {
        if let Some(my_call) = &self.view.my_call {
            let call_id = my_call.call.id.clone();
            self.request(Request::Call(call_id), Purpose::MyCall);
        }
        if self.view.coaching.is_some() {
            self.reread.try_at(now);
        }
    }

    /// The answer to an offer tells in which mode the leg came back; no event needs to be waited for.
    fn leg_came_back(&mut self, request: RequestId, leg: &CoachLeg) {
        let mine = |coaching: &&mut Coaching| coaching.leg.id == leg.id;
        if let Some(coaching) = self.view.coaching.as_mut().filter(mine) {
            coaching.reread(request, leg.clone());
            self.leg_seen(leg);
        }
    }

    fn end_sound_of(&mut self, role: MediaRole) {
        if self.sound.as_ref().is_some_and(|sound| sound.role == role) {
            self.end_sound();
        }
    }

    fn end_sound(&mut self) {
        if let Some(sound) = self.sound.take() {
            self.restamp();
            self.microphone(None);
            if let Some(media) = sound.media {
                self.outputs.push_back(Output::MediaClose(media));
            }
            self.outputs.push_back(Output::MediaEnd);
        }
    }

    fn end_coaching(&mut self, reason: EndReason) {
        if let Some(mut coaching) = self.view.coaching.take() {
            self.reread.stop();
            self.hold = false;
            self.end_sound_of(MediaRole::Coach);
            for command in coaching.waiting() {
                self.finish(command, refuse("You're no longer coaching this call."));
            }
            self.notify(Notice::CoachingEnded(coaching.call_id, reason));
        }
    }

    /// The grant is not known for sure any more: Listen until it is read anew.
    fn doubt(&mut self) {
        let next_request = RequestId(self.next_request);
        if let Some(coaching) = &mut self.view.coaching {
            coaching.doubt(next_request);
            self.restamp();
        }
    }

    /// The microphone of a call that is over troubles nobody.
    fn microphone(&mut self, trouble: Option<String>) {
        let trouble = trouble.filter(|_| self.sound.is_some());
        if self.view.microphone_trouble != trouble {
            self.view.microphone_trouble.clone_from(&trouble);
            self.notify(Notice::Microphone(trouble));
        }
    }

    fn apply_muted(&mut self) {
        let Some(sound) = &self.sound else {
            return;
        };
        let muted = sound.muted;
        if let Some(my_call) = &mut self.view.my_call {
            my_call.muted = muted;
            let notice = Notice::MyCall(Box::new(my_call.clone()));
            self.notify(notice);
        }
        if let Some(coaching) = &mut self.view.coaching {
            coaching.muted = muted;
            self.notify_coaching();
        }
    }

    // The key for whispering.

    fn hold_to_whisper(&mut self, id: CommandId, held: bool) -> Result<(), Failure> {
        if held {
            return self.pressed(id);
        }
        if self.hold {
            self.hold = false;
            // Nothing waits here: the stamp is Listen before the service is told, and what it grants
            // later for the key that was down is given up already.
            self.want(None, Mode::Listen);
        }
        self.finish(id, Ok(Reply::Done));
        Ok(())
    }

    fn pressed(&mut self, id: CommandId) -> Result<(), Failure> {
        let Some(coaching) = &self.view.coaching else {
            return refuse("You're not coaching a call.");
        };
        // A key that is held repeats itself.
        if self.hold {
            self.finish(id, Ok(Reply::Done));
            return Ok(());
        }
        let wanted = coaching.mode_under_way().unwrap_or(coaching.mode());
        self.hold = true;
        if wanted == CoachMode::Whisper {
            self.finish(id, Ok(Reply::Done));
            return Ok(());
        }
        self.set_mode(id, Mode::Whisper)
    }

    /// The user wants a mode: any earlier switch that the service wasn't asked for yet is over.
    fn want(&mut self, command: Option<CommandId>, mode: Mode) {
        let Some(coaching) = &mut self.view.coaching else {
            return;
        };
        let leg = coaching.leg.clone();
        let earlier = coaching.want(command, mode);
        // A narrowing holds before anybody is told of it (M3).
        self.restamp();
        if let Some(earlier) = earlier {
            self.finish(earlier, replaced(leg));
        }
        self.notify_coaching();
    }

    // Resuming the sign-in that an earlier run kept.

    fn resume(&mut self, id: CommandId) -> Result<(), Failure> {
        if self.view.user_id.is_some() {
            return refuse("Someone is already signed in.");
        }
        if self.is_signing_in() {
            return refuse("Someone is already being signed in.");
        }
        self.resuming = Some(Resuming {
            command: id,
            retry: Retry::default(),
        });
        self.request(Request::Resume, Purpose::Resume);
        Ok(())
    }

    /// An answer that still comes is passed over.
    fn stop_resuming(&mut self) {
        self.purposes
            .retain(|_, purpose| *purpose != Purpose::Resume);
        self.finish_resuming(refuse("Signing in again was cancelled."));
    }

    fn finish_resuming(&mut self, result: Result<Reply, Failure>) {
        if let Some(resuming) = self.resuming.take() {
            self.finish(resuming.command, result);
        }
    }

    fn resume_answered(&mut self, now: Duration, result: Result<Reply, Failure>) {
        let Some(resuming) = &mut self.resuming else {
            return;
        };
        if let Err(failure) = &result
            && failure.may_pass()
        {
            resuming.retry.failed(now, 1.0);
            return;
        }
        let command = resuming.command;
        self.resuming = None;
        self.signed_in(now, command, result);
    }

    fn is_signing_in(&self) -> bool {
        self.resuming.is_some()
            || self
                .purposes
                .values()
                .any(|purpose| matches!(purpose, Purpose::SignIn(_)))
    }

    /// The connection as it is shown: to resume is to connect.
    fn connection(&self) -> Connection {
        match &self.resuming {
            _ if self.view.sign_in_lost => Connection::Offline,
            Some(resuming) if resuming.retry.deadline().is_some() => Connection::Offline,
            Some(_) => Connection::Connecting,
            None => self.link.connection(),
        }
    }

    fn settle_kept(&mut self) {
        let kept = self.kept && self.view.user_id.is_some();
        if self.view.sign_in_kept != kept {
            self.view.sign_in_kept = kept;
            self.notify(Notice::SignInKept(kept));
        }
    }

    // What is always so.

    /// Says the stamp and whether the microphone is open, where they changed: the microphone closes
    /// before and opens after the stamp changes.
    fn restamp(&mut self) {
        let media_up = self
            .sound
            .as_ref()
            .is_some_and(|sound| sound.status == MediaStatus::Connected);
        let events_up = self.link.is_online();
        if let Some(coaching) = &mut self.view.coaching {
            coaching.connected = media_up && events_up;
        }
        let stamp = match (&self.sound, &self.view.coaching) {
            (Some(sound), Some(coaching)) if sound.role == MediaRole::Coach => coaching.stamp(),
            (Some(sound), _) if sound.role == MediaRole::Rep => Mode::Barge,
            _ => Mode::Listen,
        };
        let muted = self.sound.as_ref().is_none_or(|sound| sound.muted);
        let open = media_up && !muted && stamp > Mode::Listen;
        if self.last_open && !open {
            self.outputs.push_back(Output::Microphone { open });
        }
        if self.last_stamp != stamp {
            self.outputs.push_back(Output::Stamp(stamp));
        }
        if open && !self.last_open {
            self.outputs.push_back(Output::Microphone { open });
        }
        self.last_stamp = stamp;
        self.last_open = open;
        self.view.audience = match &self.sound {
            None => None,
            Some(_) if !open => Some(Audience::Nobody),
            Some(_) => Some(Audience::of(stamp)),
        };
    }

    /// Does what is due.
    fn due(&mut self, now: Duration) {
        if let Some(action) = self.link.due(now) {
            self.link_action(now, action);
        }
        while let Some(id) = self.expiries.ended(now) {
            if let Some(mut invitation) = self.view.invitations.remove(&id) {
                invitation.status = InvitationStatus::Expired;
                self.notify(Notice::InvitationEnded(Box::new(invitation)));
            }
        }
        if self.hung_up_at.is_some_and(|at| at <= now) {
            self.end_my_call_here();
        }
        // One by one: to read all of the state is also to read the leg.
        while let Some(task) = self.take_due(now) {
            self.again(task);
        }
    }

    fn retries(&mut self) -> impl Iterator<Item = (Task, &mut Retry)> {
        let sound = self.sound.as_mut();
        let resuming = self.resuming.as_mut();
        let (media, microphone) = sound
            .map(|sound| (&mut sound.retry, &mut sound.microphone.retry))
            .unzip();
        [
            media.map(|retry| (Task::Media, retry)),
            microphone.map(|retry| (Task::Microphone, retry)),
            resuming.map(|resuming| (Task::Resume, &mut resuming.retry)),
            Some((Task::Reload, &mut self.reload)),
            Some((Task::Reread, &mut self.reread)),
            Some((Task::Owed, &mut self.owed.retry)),
        ]
        .into_iter()
        .flatten()
    }

    fn take_due(&mut self, now: Duration) -> Option<Task> {
        let mut retries = self.retries();
        retries.find_map(|(task, retry)| retry.take_due(now).then_some(task))
    }

    fn again(&mut self, task: Task) {
        match task {
            Task::Media => self.start_media(),
            Task::Resume => {
                self.request(Request::Resume, Purpose::Resume);
            }
            Task::Reload => self.reload(),
            Task::Owed => self.ask_owed(),
            // Once nothing waits, it is said if it is still so.
            Task::Microphone => {}
            Task::Reread => {
                if let Some(coaching) = &self.view.coaching {
                    let call_id = coaching.call_id.clone();
                    self.request(Request::Call(call_id), Purpose::Reread);
                }
            }
        }
    }

    /// What the coaching has cost by now, and when that changes. The service charges by the same
    /// function, on the same clock.
    fn settle_cost(&mut self, now: Duration) {
        self.cost_at = None;
        let Some(coaching) = &mut self.view.coaching else {
            return;
        };
        let organization = self.view.me.as_ref().map(|me| &me.organization);
        let rate = organization.map_or(0, |organization| {
            organization.coach_rate_micro_dollars_per_minute
        });
        let Some((connected, service_now)) = coaching.leg.date_connected.zip(self.clock.now(now))
        else {
            return;
        };
        let minutes = usage::minutes_started(connected, service_now, usage::MINUTE_MS);
        let cost = MicroDollars(i64::from(minutes).saturating_mul(rate.into()));
        let next = usage::minute_charged(connected, minutes, usage::MINUTE_MS);
        self.cost_at = self.clock.at(next);
        if coaching.cost != cost {
            coaching.cost = cost;
            self.notify_coaching();
        }
    }

    fn media_status(&self, now: Duration) -> MediaStatus {
        let Some(sound) = &self.sound else {
            return MediaStatus::Idle;
        };
        if self.given_up_at().is_some_and(|at| at <= now) {
            MediaStatus::Lost
        } else {
            sound.status
        }
    }

    /// When the service has waited long enough for the sound that was lost, as far as is known here: a
    /// service that can be reached says itself what it does.
    fn given_up_at(&self) -> Option<Duration> {
        let lost_at = self.sound.as_ref()?.lost_at?;
        if self.link.is_online() {
            return None;
        }
        lost_at.checked_add(self.reconnect)
    }

    /// Lets the others on the call know whether the user can be heard. Without a connection they see that
    /// instead.
    fn settle_microphone(&mut self) {
        let trouble = self.view.microphone_trouble.is_some();
        let is_online = self.link.is_online();
        let Some(sound) = self.sound.as_ref().filter(|sound| {
            is_online && sound.status == MediaStatus::Connected && sound.microphone.is_due(trouble)
        }) else {
            return;
        };
        let request = Request::MicrophoneTrouble(sound.call_id.clone(), trouble);
        let id = self.request(request, Purpose::MicrophoneTrouble);
        if let Some(sound) = &mut self.sound {
            sound.microphone.asked(id, trouble);
        }
    }

    /// Asks and says what follows from the state.
    fn settle(&mut self, now: Duration) {
        self.restamp();
        self.settle_cost(now);
        self.settle_microphone();
        if let Some(coaching) = &self.view.coaching
            && let Some(mode) = coaching.question()
        {
            let request = Request::Mode(coaching.call_id.clone(), mode.into());
            let id = self.request(request, Purpose::Mode);
            if let Some(coaching) = &mut self.view.coaching {
                coaching.asked(id, mode);
            }
        }
        let media = self.media_status(now);
        if self.view.media != media {
            self.view.media = media;
            self.notify(Notice::Media(media));
            self.notify_coaching();
        }
        self.view.signing_in = self.is_signing_in();
        self.settle_kept();
        let connection = self.connection();
        if self.last_connection != connection {
            self.last_connection = connection;
            self.view.connection = connection;
            self.notify(Notice::Connection(connection));
            self.notify_coaching();
        }
        let others = [
            self.link.deadline(),
            self.expiries.deadline(),
            self.cost_at,
            self.hung_up_at,
            self.given_up_at().filter(|at| *at > now),
        ];
        let retries = self.retries().map(|(_, retry)| retry.deadline());
        let wake = retries.chain(others).flatten().min();
        if wake != self.last_wake {
            self.last_wake = wake;
            if let Some(at) = wake {
                self.outputs.push_back(Output::WakeAt(at));
            }
        }
    }

    /// The service takes the sign-in no longer. A call whose sound flows does without one: nobody hangs up
    /// on a lead because of a token.
    fn sign_in_refused(&mut self, purpose: &Purpose) {
        let media = self.sound.as_ref().and_then(|sound| sound.media);
        let is_for_sound = media.is_some_and(|media| *purpose == Purpose::Media(media));
        if media.is_none() || is_for_sound {
            self.forget(SignedOutReason::Expired);
        } else if !self.view.sign_in_lost {
            self.lose_sign_in();
        }
    }

    /// From now on there is the call, and nothing else: no events come, and nothing is asked. A coach is in
    /// Listen, since nobody can say what is granted.
    fn lose_sign_in(&mut self) {
        self.view.sign_in_lost = true;
        self.outputs.push_back(Output::SocketClose);
        self.link.down();
        self.expiries.clear();
        self.touched.clear();
        self.view.invitations.clear();
        self.entering = false;
        self.reread.stop();
        self.reload.stop();
        self.stale = false;
        let why = "Your session has expired. Sign in again when this call ends.";
        for command in self.owed.clear() {
            self.finish(command, refuse(why));
        }
        for (id, purpose) in std::mem::take(&mut self.purposes) {
            if matches!(purpose, Purpose::Media(_)) {
                self.purposes.insert(id, purpose);
            } else {
                self.finish_purpose(&purpose, refuse(why));
            }
        }
        self.doubt();
        self.reread.stop();
        self.notify(Notice::SignInLost);
    }

    /// The call that went on without a sign-in is over: now there is neither.
    fn end_without_sign_in(&mut self) {
        if let Some(MyCall { call, .. }) = self.view.my_call.take() {
            self.notify(Notice::MyCallEnded(Box::new(call)));
        }
        self.forget(SignedOutReason::Expired);
    }

    /// Nobody is signed in any more.
    fn forget(&mut self, reason: SignedOutReason) {
        self.end_coaching(EndReason::SignedOut);
        self.end_sound();
        self.outputs.push_back(Output::SocketClose);
        self.link.down();
        self.expiries.clear();
        self.touched.clear();
        self.entering = false;
        self.reread.stop();
        self.reload.stop();
        self.stale = false;
        self.hung_up_at = None;
        for command in self.owed.clear() {
            self.finish(command, refuse("You signed out."));
        }
        self.stop_resuming();
        self.view = View::default();
        // Only the sign-out itself is still waited for.
        for (id, purpose) in std::mem::take(&mut self.purposes) {
            match purpose {
                Purpose::SignOut(_) => {
                    self.purposes.insert(id, purpose);
                }
                other => self.finish_purpose(&other, refuse("You signed out.")),
            }
        }
        self.notify(Notice::SignedOut(reason));
    }

    fn finish_purpose(&mut self, purpose: &Purpose, result: Result<Reply, Failure>) {
        match purpose {
            Purpose::Command(id)
            | Purpose::SignIn(id)
            | Purpose::PlaceCall(id)
            | Purpose::Join(id, _)
            | Purpose::LeaveToSignOut(id)
            | Purpose::Invite(id)
            | Purpose::SignOut(id) => self.finish(*id, result),
            Purpose::Resume => self.finish_resuming(result),
            Purpose::Owed
            | Purpose::Mode
            | Purpose::MicrophoneTrouble
            | Purpose::Reread
            | Purpose::Media(_)
            | Purpose::Refresh
            | Purpose::Load
            | Purpose::Balance
            | Purpose::MyCall => {}
        }
    }

    fn request(&mut self, request: Request, purpose: Purpose) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.purposes.insert(id, purpose);
        self.outputs.push_back(Output::Http(id, request));
        id
    }

    fn finish(&mut self, id: CommandId, result: Result<Reply, Failure>) {
        self.outputs.push_back(Output::Finished(id, result));
    }

    fn notify(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Notify(notice));
    }

    fn notify_coaching(&mut self) {
        if let Some(coaching) = &self.view.coaching {
            let notice = Notice::Coaching(Box::new(coaching.clone()));
            self.notify(notice);
        }
    }
}

/// The sound of the call that the user is on, as rep or coach: there is one at a time.
#[derive(Debug)]
struct Sound {
    call_id: CallId,
    role: MediaRole,
    media: Option<MediaId>,
    status: MediaStatus,
    muted: bool,
    /// Since when it has been lost.
    lost_at: Option<Duration>,
    microphone: Told,
    retry: Retry,
}

impl Sound {
    fn new(call_id: CallId, role: MediaRole) -> Self {
        Self {
            call_id,
            role,
            media: None,
            status: MediaStatus::Connecting,
            muted: false,
            lost_at: None,
            microphone: Told::default(),
            retry: Retry::within(RETRY_MIN, MEDIA_RETRY_MAX),
        }
    }
}

/// A kept sign-in that is being resumed.
#[derive(Debug)]
struct Resuming {
    command: CommandId,
    /// Nothing waits while a try is under way.
    retry: Retry,
}

/// What a switch comes to whose place a newer one of the same person took. They changed their mind, so
/// it's no failure.
fn replaced(leg: CoachLeg) -> Result<Reply, Failure> {
    Ok(Reply::CoachLeg(Box::new(leg)))
}

fn refuse<T>(why: &str) -> Result<T, Failure> {
    Err(Failure::local(why))
}

#[cfg(test)]
mod tests;
