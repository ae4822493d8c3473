//! The one owner of a client's state.

mod answer;
mod command;
mod event;
mod hold;
mod resume;
mod sound;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use mix::Mode;
use wire::{CallId, ClientType, InvitationStatus, Timestamp};

use hold::Hold;
use resume::Resuming;

use crate::invitations::{Expiries, ServiceClock};
use crate::link::Link;
use crate::my_call::Sound;
use crate::{
    Audience, CommandId, Connection, EndReason, Failure, Input, MediaId, MediaRole, MediaStatus,
    Notice, Output, Reply, Request, RequestId, SignedOutReason, View,
};

/// How long after a failed attempt to read the coach's leg the next one is made.
const REREAD_WAIT: Duration = Duration::from_secs(1);
/// How long after the state could not be read all of it is read again.
const RELOAD_WAIT: Duration = Duration::from_secs(2);
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
    HangUp(CommandId, CallId),
    Leave(CommandId),
    Mute(CommandId, bool),
    /// A switch of the coach's mode.
    Mode,
    /// Reads the coach's leg anew.
    Reread,
    Media(MediaId),
    Refresh,
    /// Fills the view.
    Load,
    /// Reads the user's own call anew.
    MyCall,
    /// The call is left first; then the user is signed out.
    LeaveToSignOut(CommandId),
    SignOut(CommandId),
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
    /// The key for whispering is down.
    hold: Option<Hold>,
    resuming: Option<Resuming>,
    /// Whether what was signed in last can be resumed.
    kept: bool,
    /// What this machine's calendar showed at the newest `welcome`.
    wall: Option<Timestamp>,
    /// A call is being placed or joined.
    entering: bool,
    reread_at: Option<Duration>,
    reload_at: Option<Duration>,
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
            hold: None,
            resuming: None,
            kept: false,
            wall: None,
            entering: false,
            reread_at: None,
            reload_at: None,
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
            Input::Command(id, command) => self.command(id, command),
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
        self.settle();
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
        if is_due(now, self.sound.as_ref().and_then(|sound| sound.retry_at)) {
            self.start_media();
        }
        if is_due(now, self.resuming.as_ref().and_then(|r| r.retry_at)) {
            self.resume_again();
        }
        if is_due(now, self.reload_at) {
            self.reload();
        }
        if is_due(now, self.reread_at)
            && let Some(coaching) = &self.view.coaching
        {
            let call_id = coaching.call_id.clone();
            self.reread_at = None;
            self.request(Request::Call(call_id), Purpose::Reread);
        }
    }

    /// Asks and says what follows from the state.
    fn settle(&mut self) {
        self.restamp();
        if let Some(coaching) = &self.view.coaching
            && let Some(mode) = coaching.question()
        {
            let request = Request::Mode(coaching.call_id.clone(), mode.into());
            let id = self.request(request, Purpose::Mode);
            if let Some(coaching) = &mut self.view.coaching {
                coaching.asked(id, mode);
            }
        }
        let media = self.sound.as_ref().map_or(MediaStatus::Idle, |s| s.status);
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
        let deadlines = [
            self.link.deadline(),
            self.expiries.deadline(),
            self.sound.as_ref().and_then(|sound| sound.retry_at),
            self.resuming.as_ref().and_then(|r| r.retry_at),
            self.reread_at,
            self.reload_at,
        ];
        let wake = deadlines.into_iter().flatten().min();
        if wake != self.last_wake {
            self.last_wake = wake;
            if let Some(at) = wake {
                self.outputs.push_back(Output::WakeAt(at));
            }
        }
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
        self.reread_at = None;
        self.reload_at = None;
        self.stale = false;
        self.stop_resuming();
        self.view = View::default();
        // Only the sign-out itself is still waited for.
        for (id, purpose) in std::mem::take(&mut self.purposes) {
            match purpose {
                Purpose::SignOut(_) => {
                    self.purposes.insert(id, purpose);
                }
                other => self.finish_purpose(&other, refuse("signed out")),
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
            | Purpose::HangUp(id, _)
            | Purpose::Leave(id)
            | Purpose::Mute(id, _)
            | Purpose::LeaveToSignOut(id)
            | Purpose::SignOut(id) => self.finish(*id, result),
            Purpose::Resume => self.finish_resuming(result),
            Purpose::Mode
            | Purpose::Reread
            | Purpose::Media(_)
            | Purpose::Refresh
            | Purpose::Load
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

fn refuse<T>(why: &str) -> Result<T, Failure> {
    Err(Failure::local(why))
}

fn is_due(now: Duration, at: Option<Duration>) -> bool {
    at.is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests;
