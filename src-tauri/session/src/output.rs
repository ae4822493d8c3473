//! What a session wants done.

use std::time::Duration;

use mix::Mode;
use wire::{
    AcceptInviteRequest, Call, CallId, ClientMessage, CoachMode, Invitation, InvitationId,
    InvitationRequest, JoinRequest, LeadQuality, Level, PlaceCallRequest, SignInRequest,
    UserAvailability,
};

use crate::coaching::Coaching;
use crate::input::{CommandId, Failure, MediaId, Reply, RequestId};
use crate::view::{Connection, EndReason, MediaStatus, MyCall};

/// A request to the service. Each is answered with the [`Reply`] named here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// [`Reply::SignedIn`].
    SignIn(SignInRequest),
    /// [`Reply::SignedIn`].
    AcceptInvite(AcceptInviteRequest),
    /// Signs in with what was kept: [`Reply::SignedIn`] or [`Reply::NothingKept`].
    Resume,
    /// [`Reply::Done`].
    SignOut,
    /// Gets a new access token: [`Reply::Done`].
    Refresh,
    /// [`Reply::Me`].
    Me,
    /// [`Reply::Users`].
    Users,
    /// [`Reply::Availability`].
    Availability,
    /// [`Reply::ActiveCalls`].
    ActiveCalls,
    /// [`Reply::Invitations`].
    Invitations,
    /// [`Reply::Balance`]; only those who manage the organization may ask.
    Balance,
    /// [`Reply::Call`].
    Call(CallId),
    /// [`Reply::Call`].
    PlaceCall(PlaceCallRequest),
    /// [`Reply::Call`].
    Answer(CallId),
    /// [`Reply::Done`].
    HangUp(CallId),
    /// [`Reply::Done`].
    Hold(CallId, bool),
    /// [`Reply::Done`].
    Mute(CallId, bool),
    /// [`Reply::Done`].
    PauseRecording(CallId, bool),
    /// [`Reply::Done`]. Whether the user's microphone does not work.
    MicrophoneTrouble(CallId, bool),
    /// [`Reply::Done`]. The digits are not printed.
    Dtmf(CallId, wire::DtmfRequest),
    /// [`Reply::MediaAnswer`].
    Media(CallId, String),
    /// [`Reply::CoachLeg`].
    Join(CallId, JoinRequest),
    /// [`Reply::CoachLeg`].
    Mode(CallId, CoachMode),
    /// [`Reply::Done`].
    Leave(CallId),
    /// [`Reply::Invitations`].
    Invite(CallId, InvitationRequest),
    /// [`Reply::Done`].
    Decline(InvitationId),
}

/// Where an event stream is to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The stream.
    pub stream_id: String,
    /// The last event that was dealt with.
    pub after_seq: u64,
}

/// As what the user speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaRole {
    /// The salesperson: packets need no stamp.
    Rep,
    /// A coach: each packet carries the mode that it was captured in.
    Coach,
}

/// Why nobody is signed in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedOutReason {
    /// The user signed out.
    Asked,
    /// The service no longer takes the sign-in.
    Expired,
}

/// What changed, for the user interface. Each holds the whole of it, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Somebody is signed in; names and teammates follow.
    SignedIn,
    /// Nobody is.
    SignedOut(SignedOutReason),
    /// Whether the next run can resume this sign-in.
    SignInKept(bool),
    /// The service takes the sign-in no longer. The call goes on; nobody is signed in when it ends.
    SignInLost,
    /// Who is signed in, or what they may do, changed.
    MeChanged,
    /// The connection to the service.
    Connection(Connection),
    /// The state was read anew: everything may have changed.
    Refreshed,
    /// A teammate came, went, or got on or off a call.
    Availability(UserAvailability),
    /// A call of the organization changed.
    Call(Box<Call>),
    /// The user's own call changed.
    MyCall(Box<MyCall>),
    /// The user's own call is over.
    MyCallEnded(Box<Call>),
    /// The user's coaching changed: its mode, its leg, its connection.
    Coaching(Box<Coaching>),
    /// The user's coaching is over.
    CoachingEnded(CallId, EndReason),
    /// The connection of the sound.
    Media(MediaStatus),
    /// Why the user cannot be heard although the microphone should be open; `None` once it is well.
    Microphone(Option<String>),
    /// The user was invited.
    Invited(Box<Invitation>),
    /// An invitation, sent or got, is answered or over.
    InvitationEnded(Box<Invitation>),
    /// An invitation that this user sent changed.
    InvitationSent(Box<Invitation>),
    /// Who is how loud.
    Levels(CallId, Vec<Level>),
    /// The lead of this user's call pressed a key of their phone. Only on the device that is on the call.
    LeadKey(CallId, char),
    /// How the network to the lead's phone does. Only on the device that is on the call.
    LeadQuality(CallId, LeadQuality),
    /// The service could not be told of this yet: it is told as soon as it can be reached again.
    Postponed(Request),
    /// The service could not do something that nobody waits for.
    Trouble(Failure),
}

/// Everything that a session wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send a request, and say [`crate::Input::Answer`] in the end, whatever comes.
    Http(RequestId, Request),
    /// Open a WebSocket in place of any other, and say `hello` with the newest access token.
    SocketConnect(Option<Resume>),
    /// Say something on the WebSocket.
    SocketSend(ClientMessage),
    /// Close the WebSocket. No `SocketClosed` is wanted for it.
    SocketClose,
    /// Make a media connection in place of any other, and an offer for it.
    MediaStart(MediaId, MediaRole),
    /// The SDP answer to the offer.
    MediaAnswer(MediaId, String),
    /// Close the media connection. Nothing more of it is wanted.
    MediaClose(MediaId),
    /// The call or coaching is over: let go of microphone and loudspeaker.
    MediaEnd,
    /// The mode that the microphone's frames are stamped with from now on.
    Stamp(Mode),
    /// Open or close the microphone. Closed, nothing is captured or sent (M4).
    Microphone {
        /// Whether it is to be open.
        open: bool,
    },
    /// Tell the user interface.
    Notify(Notice),
    /// A command is done, or could not be.
    Finished(CommandId, Result<Reply, Failure>),
    /// Say [`crate::Input::Wake`] at this time; it takes the place of the time asked for before.
    WakeAt(Duration),
}
