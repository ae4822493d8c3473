//! The service's HTTP API, typed.

mod ask;

pub use ask::Answer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Url};
use tokio::sync::watch;
use wire::{
    AcceptInviteRequest, DeviceId, ForgotPasswordRequest, InviteLookup, InviteOffer,
    PasswordResetLookup, PasswordResetOffer, PasswordResetRequest, RefreshRequest,
    SecondFactorSetup, SecondStepRequest, SetUp, SetUpRequest, SetupLookup, SetupOffer,
    SignInRequest, SignOutRequest, TicketRequest, Tokens, UserId, route,
};

use crate::error::Ticket;
use crate::keeper::{Keeper, KeyRingTroubles};
use crate::local::{self, LocalDoor, LocalSecret};
use crate::{ClientError, Credentials};

const CONNECT_WAIT: Duration = Duration::from_secs(5);
const ANSWER_WAIT: Duration = Duration::from_secs(15);
/// How often a refresh is sent whose answer doesn't arrive. The service answers the same again for a
/// minute, and not for longer: so it's sent at once, and each answer is waited for 5 s only.
const REFRESH_TRIES: usize = 3;

/// The service's HTTP API. It holds the tokens of one sign-in and gets a new access token by itself
/// when the old one is no longer taken. The refresh token, and nothing else, is kept with the
/// [`Credentials`] that it was given; otherwise tokens are in memory only. A clone shares the sign-in.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    base: Url,
    /// The way to the app's own service; none to another.
    door: Option<LocalDoor>,
    sign_in: RwLock<SignIn>,
    keeper: Option<Keeper>,
    kept: watch::Receiver<bool>,
    /// Of a sign-in whose second step is to come.
    ticket: Mutex<Option<Ticket>>,
    /// One refresh at a time: a refresh token is good once.
    refreshing: tokio::sync::Mutex<()>,
}

/// Who is signed in now.
#[derive(Default)]
struct SignIn {
    tokens: Option<Tokens>,
    /// Counts sign-ins and their ends: an answer from before changes nothing.
    epoch: u64,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Api {{ base: {} }}", self.inner.base)
    }
}

impl Api {
    /// The API of the service at this address, such as `http://127.0.0.1:8080`. The sign-in is for
    /// this run only.
    ///
    /// # Errors
    /// [`ClientError::Settings`] when it is not an `http` or `https` address.
    pub fn new(server: &str) -> Result<Self, ClientError> {
        Self::with(server, None, None)
    }

    /// The same, with a place where the sign-in is kept for the next run, and the secret of the app's own
    /// service.
    ///
    /// # Errors
    /// As [`Api::new`].
    pub fn with(
        server: &str,
        credentials: Option<Arc<dyn Credentials>>,
        local_secret: Option<LocalSecret>,
    ) -> Result<Self, ClientError> {
        let settings = |error: String| ClientError::Settings(format!("{server}: {error}"));
        let mut base = Url::parse(server).map_err(|error| settings(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(settings("not an http or https address".into()));
        }
        base.set_path("/api/v1/");
        base.set_query(None);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(crate::tls::config()?)
            .connect_timeout(CONNECT_WAIT)
            .timeout(ANSWER_WAIT)
            .tcp_nodelay(true);
        let http = match local_secret {
            Some(_) => local::plain(http),
            None => http,
        };
        let http = http.build().map_err(|error| settings(error.to_string()))?;
        let door = local_secret.map(|secret| LocalDoor::with(http.clone(), base.clone(), secret));
        let (says_kept, kept) = watch::channel(false);
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                base,
                door,
                sign_in: RwLock::default(),
                keeper: credentials.map(|credentials| Keeper::start(credentials, says_kept)),
                kept,
                ticket: Mutex::default(),
                refreshing: tokio::sync::Mutex::new(()),
            }),
        })
    }

    /// The address that all paths are under.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.inner.base
    }

    /// The way to the app's own service, if it's that.
    pub(crate) fn door(&self) -> Option<&LocalDoor> {
        self.inner.door.as_ref()
    }

    /// The newest access token, for the WebSocket's `hello`.
    #[must_use]
    pub fn access_token(&self) -> Option<String> {
        self.tokens().map(|tokens| tokens.access_token)
    }

    /// Whether the newest refresh token is kept for the next run.
    #[must_use]
    pub fn kept(&self) -> watch::Receiver<bool> {
        self.inner.kept.clone()
    }

    /// What is wrong with the place where the sign-in is kept.
    #[must_use]
    pub fn key_ring(&self) -> watch::Receiver<KeyRingTroubles> {
        match &self.inner.keeper {
            Some(keeper) => keeper.troubles(),
            None => watch::channel(KeyRingTroubles::default()).1,
        }
    }

    /// `POST auth/sign_in/`.
    ///
    /// # Errors
    /// As every request: [`ClientError::Refused`], [`ClientError::Unreachable`] or
    /// [`ClientError::Protocol`].
    pub async fn sign_in(
        &self,
        request: &SignInRequest,
    ) -> Result<(UserId, DeviceId), ClientError> {
        // After a refresh under way: its answer is of the sign-in before.
        let _one_at_a_time = self.inner.refreshing.lock().await;
        let answer = self.call_as_anybody(&route::SIGN_IN, request).await;
        if let Err(ClientError::SecondStep { ticket, .. }) = &answer {
            *self.ticket() = Some(ticket.clone());
        }
        Ok(self.begin(answer?).await)
    }

    /// `POST auth/second_factor/`: the second step of the sign-in that was tried last. Call
    /// [`crate::Session::resume`] then.
    ///
    /// # Errors
    /// As every request; [`wire::Code::WrongCode`], and [`wire::Code::Unauthenticated`] when it took too
    /// long.
    pub async fn second_step(&self, code: String) -> Result<(), ClientError> {
        let _one_at_a_time = self.inner.refreshing.lock().await;
        let request = SecondStepRequest {
            ticket: self.open_ticket()?,
            code,
        };
        let tokens = self.call_as_anybody(&route::SECOND_STEP, &request).await?;
        *self.ticket() = None;
        self.begin(tokens).await;
        Ok(())
    }

    /// `POST auth/second_factor/set_up/`: begins to set up a second factor in that step.
    ///
    /// # Errors
    /// As [`Api::second_step`].
    pub async fn set_up_at_sign_in(&self) -> Result<SecondFactorSetup, ClientError> {
        let request = TicketRequest {
            ticket: self.open_ticket()?,
        };
        self.call_as_anybody(&route::SET_UP_AT_SIGN_IN, &request)
            .await
    }

    /// `POST auth/second_factor/confirm/`: ends that with a first code, and signs in; the recovery codes.
    /// Call [`crate::Session::resume`] then.
    ///
    /// # Errors
    /// As [`Api::second_step`].
    pub async fn confirm_at_sign_in(&self, code: String) -> Result<Vec<String>, ClientError> {
        let _one_at_a_time = self.inner.refreshing.lock().await;
        let request = SecondStepRequest {
            ticket: self.open_ticket()?,
            code,
        };
        let confirmed = self
            .call_as_anybody(&route::CONFIRM_AT_SIGN_IN, &request)
            .await?;
        *self.ticket() = None;
        self.begin(confirmed.tokens).await;
        Ok(confirmed.recovery_codes)
    }

    fn ticket(&self) -> MutexGuard<'_, Option<Ticket>> {
        let ticket = self.inner.ticket.lock();
        ticket.unwrap_or_else(PoisonError::into_inner)
    }

    fn open_ticket(&self) -> Result<String, ClientError> {
        let ticket = self.ticket().as_ref().map(|Ticket(ticket)| ticket.clone());
        ticket.ok_or_else(|| ClientError::NotPossible("Enter your password first.".into()))
    }

    /// `POST auth/invite/`: what an invitation's link offers.
    ///
    /// # Errors
    /// As every request; [`wire::Code::InviteExpired`] when it cannot be used any more.
    pub async fn look_up_invite(&self, token: String) -> Result<InviteOffer, ClientError> {
        let lookup = InviteLookup { token };
        self.call_as_anybody(&route::LOOK_UP_INVITE, &lookup).await
    }

    /// `POST auth/accept_invite/`: becomes a member, and is signed in.
    ///
    /// # Errors
    /// As every request.
    pub async fn accept_invite(
        &self,
        request: &AcceptInviteRequest,
    ) -> Result<(UserId, DeviceId), ClientError> {
        let _one_at_a_time = self.inner.refreshing.lock().await;
        let tokens = self.call_as_anybody(&route::ACCEPT_INVITE, request).await?;
        Ok(self.begin(tokens).await)
    }

    /// `POST setup/look_up/`: what a set-up link is good for.
    ///
    /// # Errors
    /// As every request; [`wire::Code::InviteExpired`] when it cannot be used any more.
    pub async fn look_up_setup(&self, token: String) -> Result<SetupOffer, ClientError> {
        let lookup = SetupLookup { token };
        self.call_as_anybody(&route::LOOK_UP_SETUP, &lookup).await
    }

    /// `POST setup/`: makes an organization and its first admin, who can sign in then.
    ///
    /// # Errors
    /// As every request.
    pub async fn set_up(&self, request: &SetUpRequest) -> Result<SetUp, ClientError> {
        self.call_as_anybody(&route::SET_UP, request).await
    }

    /// `POST auth/reset/`: whose password a link is for.
    ///
    /// # Errors
    /// As every request; [`wire::Code::InviteExpired`] when it cannot be used any more.
    pub async fn look_up_password_reset(
        &self,
        token: String,
    ) -> Result<PasswordResetOffer, ClientError> {
        let lookup = PasswordResetLookup { token };
        self.call_as_anybody(&route::LOOK_UP_PASSWORD_RESET, &lookup)
            .await
    }

    /// `POST auth/reset_password/`: chooses a new password. Nobody is signed in by it.
    ///
    /// # Errors
    /// As every request.
    pub async fn reset_password(&self, request: &PasswordResetRequest) -> Result<(), ClientError> {
        self.call_as_anybody(&route::RESET_PASSWORD, request).await
    }

    /// `POST auth/forgot/`: asks for a reset link by mail.
    ///
    /// # Errors
    /// As every request.
    pub async fn forgot_password(&self, email: String) -> Result<(), ClientError> {
        let request = ForgotPasswordRequest { email };
        self.call_as_anybody(&route::FORGOT_PASSWORD, &request)
            .await
    }

    /// Signs in with what was kept, by `POST auth/refresh/`; none when nothing is, or when it can't be
    /// read, which [`Api::key_ring`] then says. What is refused is kept no longer.
    ///
    /// # Errors
    /// As every request; [`wire::Code::Unauthenticated`] means that the kept sign-in is over.
    pub async fn resume(&self) -> Result<Option<(UserId, DeviceId)>, ClientError> {
        let (tokens, epoch) = self.sign_in_now();
        let refresh_token = match (tokens, &self.inner.keeper) {
            (Some(tokens), _) => Some(tokens.refresh_token),
            (None, Some(keeper)) => keeper.load().await,
            (None, None) => None,
        };
        let Some(refresh_token) = refresh_token else {
            return Ok(None);
        };
        let _one_at_a_time = self.inner.refreshing.lock().await;
        if self.sign_in_now().1 != epoch {
            return Err(ClientError::NotPossible(
                "Someone else signed in meanwhile.".into(),
            ));
        }
        let tokens = self.rotate(refresh_token, epoch).await?;
        Ok(Some(self.begin(tokens).await))
    }

    /// `POST auth/sign_out/`; the tokens are forgotten whatever the service says.
    ///
    /// # Errors
    /// As every request.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        let (tokens, epoch) = self.sign_in_now();
        let Some(tokens) = tokens else {
            return Ok(());
        };
        let cleared = self.end(epoch);
        let request = SignOutRequest {
            refresh_token: tokens.refresh_token,
        };
        let told = self.call_as_anybody(&route::SIGN_OUT, &request);
        let (told, ()) = tokio::join!(told, self.settled(cleared));
        told
    }

    /// Gets a new access token, unless another than `old` is there by now.
    ///
    /// # Errors
    /// As every request; [`wire::Code::Unauthenticated`] means that the sign-in is over.
    pub async fn refresh(&self, old: Option<&str>) -> Result<(), ClientError> {
        let (api, old) = (self.clone(), old.map(str::to_owned));
        // On a task of its own: were it dropped between the service's answer and here, the only token
        // that is still good would be lost.
        let refreshing = tokio::spawn(async move { api.refresh_if(old.as_deref()).await });
        let ended = |_| ClientError::NotPossible("Signing in was interrupted. Try again.".into());
        refreshing.await.map_err(ended)?
    }

    async fn refresh_if(&self, old: Option<&str>) -> Result<(), ClientError> {
        let _one_at_a_time = self.inner.refreshing.lock().await;
        let (tokens, epoch) = self.sign_in_now();
        let Some(tokens) = tokens else {
            return Err(ClientError::Refused {
                code: wire::Code::Unauthenticated,
                message: "You're signed out. Sign in first.".into(),
                field: None,
            });
        };
        if old.is_some_and(|old| old != tokens.access_token) {
            return Ok(());
        }
        let new = self.rotate(tokens.refresh_token, epoch).await?;
        // Kept before it is used: the old one, shown again after a crash, would end the sign-in.
        let saved = {
            let sign_in = self.writing();
            if sign_in.epoch != epoch {
                return Err(ClientError::NotPossible("You signed out meanwhile.".into()));
            }
            self.keep(Some(&new.refresh_token))
        };
        self.settled(saved).await;
        let mut sign_in = self.writing();
        if sign_in.epoch == epoch {
            sign_in.tokens = Some(new);
        }
        Ok(())
    }

    /// `POST auth/refresh/`. A token that is refused is forgotten.
    async fn rotate(&self, refresh_token: String, epoch: u64) -> Result<Tokens, ClientError> {
        let request = RefreshRequest { refresh_token };
        let mut rotated = self.call_as_anybody_soon(&route::REFRESH, &request).await;
        for _ in 1..REFRESH_TRIES {
            if !matches!(rotated, Err(ClientError::Unreachable(_))) {
                break;
            }
            rotated = self.call_as_anybody_soon(&route::REFRESH, &request).await;
        }
        if let Err(error) = &rotated
            && error.code() == Some(wire::Code::Unauthenticated)
        {
            self.settled(self.end(epoch)).await;
        }
        rotated
    }

    /// Somebody is signed in from now on.
    async fn begin(&self, tokens: Tokens) -> (UserId, DeviceId) {
        let who = (tokens.user_id.clone(), tokens.device_id.clone());
        let saved = {
            let mut sign_in = self.writing();
            sign_in.epoch += 1;
            let saved = self.keep(Some(&tokens.refresh_token));
            sign_in.tokens = Some(tokens);
            saved
        };
        self.settled(saved).await;
        who
    }

    /// Nobody is signed in from now on, unless somebody else is by now.
    fn end(&self, epoch: u64) -> Option<u64> {
        let mut sign_in = self.writing();
        if sign_in.epoch != epoch {
            return None;
        }
        sign_in.epoch += 1;
        sign_in.tokens = None;
        self.keep(None)
    }

    fn keep(&self, refresh_token: Option<&str>) -> Option<u64> {
        let keeper = self.inner.keeper.as_ref();
        keeper.map(|keeper| keeper.want(refresh_token))
    }

    async fn settled(&self, version: Option<u64>) {
        if let (Some(keeper), Some(version)) = (&self.inner.keeper, version) {
            keeper.done(version).await;
        }
    }

    fn builder(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.inner.base.clone();
        url.set_path(path);
        let builder = self.inner.http.request(method, url);
        match &self.inner.door {
            Some(door) => builder.header(local::HEADER, door.shown()),
            None => builder,
        }
    }

    fn tokens(&self) -> Option<Tokens> {
        self.sign_in_now().0
    }

    fn sign_in_now(&self) -> (Option<Tokens>, u64) {
        let sign_in = self.inner.sign_in.read();
        let sign_in = sign_in.unwrap_or_else(PoisonError::into_inner);
        (sign_in.tokens.clone(), sign_in.epoch)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, SignIn> {
        let sign_in = self.inner.sign_in.write();
        sign_in.unwrap_or_else(PoisonError::into_inner)
    }
}
