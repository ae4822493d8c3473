//! The session that a user interface talks to: commands that are awaited, events that are listened to,
//! the state as it is.

use std::net::IpAddr;
use std::sync::Arc;

use session::{Coaching, Command, Failure, Notice, Reply, View};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use wire::{
    AcceptInviteRequest, Call, CallId, ClientType, CoachLeg, CoachMode, Invitation, InvitationId,
    PlaceCallRequest, SignInRequest, UserId,
};

use crate::api::Api;
use crate::credentials::Credentials;
use crate::error::ClientError;
use crate::local::LocalSecret;
use crate::session_loop::{Loop, Order};
use crate::voice_path::{Devices, VoiceSettings, VoiceStats};

/// Commands that may wait.
const ORDERS_MAX: usize = 64;
/// Events that a slow listener may be behind before it misses the oldest.
const EVENTS_MAX: usize = 1024;

/// How a session is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The service's address, such as `http://127.0.0.1:8080`.
    pub server: String,
    /// What kind of client this is; only `native` can coach.
    pub client_type: ClientType,
    /// The address to send sound from; `None` for loopback when the service is there, else every
    /// other interface.
    pub bind: Option<IpAddr>,
    /// How the voice is encoded and buffered.
    pub voice: VoiceSettings,
    /// Where the sign-in is kept for the next run; `None` for this run only.
    pub credentials: Option<Arc<dyn Credentials>>,
    /// The secret of the service that the app brings; nothing but its proof is asked of a service that
    /// doesn't know it, too. `None` for any other service.
    pub local_secret: Option<LocalSecret>,
    /// What this device is called in the user's list of sign-ins.
    pub device_name: Option<String>,
}

impl Settings {
    /// A desktop app's settings for this service.
    #[must_use]
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            client_type: ClientType::Native,
            bind: None,
            voice: VoiceSettings::default(),
            credentials: None,
            local_secret: None,
            device_name: None,
        }
    }
}

/// What a user interface is told.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// Something of the state changed.
    Notice(Notice),
    /// How good the connection of the sound is, every 2 s while there is one.
    Quality(Quality),
}

/// How good the connection of the sound is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quality {
    /// The part of the packets to this client that was lost in the last 2 s, in percent.
    pub lost_percent: f32,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter_ms: u32,
    /// The round trip to the service; `None` before it was measured.
    pub round_trip_ms: Option<f32>,
    /// Packets and levels of the voice's path.
    pub voice: VoiceStats,
}

/// A client's session with a service. A clone is the same session; when the last one is dropped, the
/// session ends as if the network broke.
#[derive(Debug, Clone)]
pub struct Session {
    orders: mpsc::Sender<Order>,
    events: broadcast::Sender<SessionEvent>,
    view: watch::Receiver<Arc<View>>,
    api: Api,
    client_type: ClientType,
    device_name: Option<String>,
}

impl Session {
    /// Starts a session in which nobody is signed in. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ClientError::Settings`] when the service's address is none.
    pub fn start(settings: Settings) -> Result<Self, ClientError> {
        let api = Api::with(
            &settings.server,
            settings.credentials.clone(),
            settings.local_secret.clone(),
        )?;
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let (view_sender, view) = watch::channel(Arc::new(View::default()));
        let client_type = settings.client_type;
        let device_name = settings.device_name.clone();
        let run = Loop::new(settings, api.clone(), events.clone(), view_sender);
        tokio::spawn(run.run(inbox));
        Ok(Self {
            orders,
            events,
            view,
            api,
            client_type,
            device_name,
        })
    }

    /// The HTTP API with this session's sign-in: leads, numbers, and whatever else is only read.
    #[must_use]
    pub const fn api(&self) -> &Api {
        &self.api
    }

    /// Everything that is said from now on. One who is more than 1024 events behind misses the
    /// oldest.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<SessionEvent> {
        self.events.subscribe()
    }

    /// The whole state, as it is now.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// The whole state each time that it changes.
    #[must_use]
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// Waits until the state is as `is` says, and gives it. Give it a time limit where that may never
    /// be.
    ///
    /// # Errors
    /// [`ClientError::NotPossible`] when the session is over.
    pub async fn wait_until(
        &self,
        mut is: impl FnMut(&View) -> bool,
    ) -> Result<Arc<View>, ClientError> {
        let mut view = self.view.clone();
        let found = view.wait_for(|view| is(view)).await;
        found.map(|view| view.clone()).map_err(|_| over())
    }

    /// Signs in. Events flow once [`View::connection`] is online.
    ///
    /// # Errors
    /// Every command: [`ClientError::Refused`] with the service's code, [`ClientError::NotPossible`]
    /// when the session's state does not allow it or the service could not be asked.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<UserId, ClientError> {
        let request = SignInRequest {
            email: email.to_owned(),
            password: password.to_owned(),
            client_type: self.client_type,
            device_name: self.device_name.clone(),
        };
        match self.order(Command::SignIn(request), None).await? {
            Reply::SignedIn { user_id, .. } => Ok(user_id),
            _ => Err(unexpected()),
        }
    }

    /// The second step of a sign-in that was refused with [`wire::Code::SecondFactorRequired`].
    ///
    /// # Errors
    /// As every command; [`wire::Code::WrongCode`].
    pub async fn second_step(&self, code: &str) -> Result<(), ClientError> {
        self.api.second_step(code.to_owned()).await?;
        // What was begun is taken up, as at the next start.
        self.resume().await.map(drop)
    }

    /// The same for one that was refused with [`wire::Code::SecondFactorSetupRequired`], with a first code
    /// of the second factor that was set up by [`Api::set_up_at_sign_in`]; the recovery codes.
    ///
    /// # Errors
    /// As [`Session::second_step`].
    pub async fn confirm_at_sign_in(&self, code: &str) -> Result<Vec<String>, ClientError> {
        let recovery_codes = self.api.confirm_at_sign_in(code.to_owned()).await?;
        self.resume().await?;
        Ok(recovery_codes)
    }

    /// Becomes a member by an invitation's link, and is signed in.
    ///
    /// # Errors
    /// As every command; [`wire::Code::InviteExpired`] when the link cannot be used any more.
    pub async fn accept_invite(
        &self,
        token: &str,
        email: &str,
        (first_name, last_name): (&str, &str),
        password: &str,
    ) -> Result<UserId, ClientError> {
        let request = AcceptInviteRequest {
            token: token.to_owned(),
            email: email.to_owned(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            password: password.to_owned(),
            client_type: self.client_type,
            device_name: self.device_name.clone(),
        };
        match self.order(Command::AcceptInvite(request), None).await? {
            Reply::SignedIn { user_id, .. } => Ok(user_id),
            _ => Err(unexpected()),
        }
    }

    /// Resumes the sign-in that was kept by an earlier run, without a password; `None` when nothing
    /// is kept. While the service cannot be reached it does not return, but is tried again ever more
    /// slowly, with [`View::connection`] offline between the tries, until [`Session::stop_resuming`].
    ///
    /// # Errors
    /// As every command. [`wire::Code::Unauthenticated`] when the service takes what was kept no
    /// longer: then it is not kept any more either.
    pub async fn resume(&self) -> Result<Option<UserId>, ClientError> {
        match self.order(Command::Resume, None).await? {
            Reply::SignedIn { user_id, .. } => Ok(Some(user_id)),
            Reply::NothingKept => Ok(None),
            _ => Err(unexpected()),
        }
    }

    /// Gives up resuming; what is kept stays kept. Does nothing when nothing is being resumed.
    ///
    /// # Errors
    /// As every command.
    pub async fn stop_resuming(&self) -> Result<(), ClientError> {
        self.order(Command::StopResuming, None).await.map(drop)
    }

    /// Signs out; leaves or hangs up first. Nothing is kept any more.
    ///
    /// # Errors
    /// As every command.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        self.order(Command::SignOut, None).await.map(drop)
    }

    /// Calls a lead, and speaks and hears through the devices until the call is over.
    ///
    /// # Errors
    /// As every command.
    pub async fn place_call(
        &self,
        request: PlaceCallRequest,
        devices: Devices,
    ) -> Result<Call, ClientError> {
        let command = Command::PlaceCall(request);
        match self.order(command, Some(devices)).await? {
            Reply::Call(call) => Ok(*call),
            _ => Err(unexpected()),
        }
    }

    /// Takes a call that came in for the user, and speaks and hears through the devices until it is
    /// over.
    ///
    /// # Errors
    /// As every command; `conflict` when another device took it first.
    pub async fn answer(&self, call: CallId, devices: Devices) -> Result<(), ClientError> {
        let command = Command::Answer(call);
        self.order(command, Some(devices)).await.map(drop)
    }

    /// Declines a call that rings for the user.
    ///
    /// # Errors
    /// As every command.
    pub async fn decline_call(&self, call: CallId) -> Result<(), ClientError> {
        self.order(Command::DeclineCall(call), None).await.map(drop)
    }

    /// Hangs up the user's own call. While the service can't be reached it is asked again and again, and
    /// this doesn't return; the call is over here within some seconds all the same. So it is with holding,
    /// muting, pausing, declining and leaving.
    ///
    /// # Errors
    /// As every command.
    pub async fn hang_up(&self) -> Result<(), ClientError> {
        self.order(Command::HangUp, None).await.map(drop)
    }

    /// Puts the lead on hold, or takes them off it.
    ///
    /// # Errors
    /// As every command.
    pub async fn hold(&self, held: bool) -> Result<(), ClientError> {
        self.order(Command::Hold(held), None).await.map(drop)
    }

    /// Pauses the recording of the user's own call, or lets it go on.
    ///
    /// # Errors
    /// As every command.
    pub async fn pause_recording(&self, paused: bool) -> Result<(), ClientError> {
        self.order(Command::PauseRecording(paused), None)
            .await
            .map(drop)
    }

    /// Presses keys on the user's own call: 1 to 32 of `0`–`9`, `*`, `#`, `A`–`D`.
    ///
    /// # Errors
    /// As every command.
    pub async fn dtmf(&self, digits: &str) -> Result<(), ClientError> {
        let command = Command::Dtmf(digits.to_owned());
        self.order(command, None).await.map(drop)
    }

    /// Invites teammates to the user's own call.
    ///
    /// # Errors
    /// As every command.
    pub async fn invite(&self, user_ids: Vec<UserId>) -> Result<Vec<Invitation>, ClientError> {
        match self.order(Command::Invite(user_ids), None).await? {
            Reply::Invitations(invitations) => Ok(invitations),
            _ => Err(unexpected()),
        }
    }

    /// Declines an invitation.
    ///
    /// # Errors
    /// As every command.
    pub async fn decline(&self, invitation_id: InvitationId) -> Result<(), ClientError> {
        let command = Command::Decline(invitation_id);
        self.order(command, None).await.map(drop)
    }

    /// Joins a call as a coach, in Listen (M1), and hears through the devices until it is over. The
    /// microphone is opened only in a wider mode (M4).
    ///
    /// # Errors
    /// As every command.
    pub async fn join(
        &self,
        call_id: CallId,
        invitation_id: Option<InvitationId>,
        devices: Devices,
    ) -> Result<CoachLeg, ClientError> {
        let command = Command::Join {
            call_id,
            invitation_id,
        };
        match self.order(command, Some(devices)).await? {
            Reply::CoachLeg(leg) => Ok(*leg),
            _ => Err(unexpected()),
        }
    }

    /// Switches the mode. Done when the service has confirmed it; a narrowing holds at once. A switch that
    /// a newer one replaces is done, too, with the leg as it is then.
    ///
    /// # Errors
    /// As every command.
    pub async fn set_mode(&self, mode: CoachMode) -> Result<CoachLeg, ClientError> {
        match self.order(Command::SetMode(mode), None).await? {
            Reply::CoachLeg(leg) => Ok(*leg),
            _ => Err(unexpected()),
        }
    }

    /// The key for whispering is down, or up again: Whisper while it is held, and Listen as soon as it
    /// is not, also when the service grants the Whisper only then.
    ///
    /// # Errors
    /// As every command. Letting go is never refused.
    pub async fn hold_to_whisper(&self, held: bool) -> Result<(), ClientError> {
        let command = Command::HoldToWhisper(held);
        self.order(command, None).await.map(drop)
    }

    /// Mutes at once, or unmutes when the service has confirmed it.
    ///
    /// # Errors
    /// As every command.
    pub async fn mute(&self, muted: bool) -> Result<(), ClientError> {
        self.order(Command::Mute(muted), None).await.map(drop)
    }

    /// Leaves the call that is coached.
    ///
    /// # Errors
    /// As every command.
    pub async fn leave(&self) -> Result<(), ClientError> {
        self.order(Command::Leave, None).await.map(drop)
    }

    /// The coaching, as it is now.
    #[must_use]
    pub fn coaching(&self) -> Option<Coaching> {
        self.view.borrow().coaching.clone()
    }

    async fn order(
        &self,
        command: Command,
        devices: Option<Devices>,
    ) -> Result<Reply, ClientError> {
        let (outcome, answer) = oneshot::channel::<Result<Reply, Failure>>();
        let order = Order {
            command,
            devices,
            outcome,
        };
        self.orders.send(order).await.map_err(|_| over())?;
        let reply = answer.await.map_err(|_| over())?;
        reply.map_err(ClientError::from)
    }
}

fn over() -> ClientError {
    ClientError::NotPossible("The app is shutting down.".into())
}

fn unexpected() -> ClientError {
    ClientError::Protocol("not what was asked for".into())
}
