//! The service's HTTP API, typed.

mod ask;

pub use ask::Answer;

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Url};
use tokio::sync::watch;
use wire::{
    AcceptInviteRequest, DeviceId, InviteLookup, InviteOffer, RefreshRequest, SignInRequest,
    SignOutRequest, Tokens, UserId, route,
};

use crate::keeper::{Keeper, KeyRingTroubles};
use crate::{ClientError, Credentials};

const CONNECT_WAIT: Duration = Duration::from_secs(5);
const ANSWER_WAIT: Duration = Duration::from_secs(15);

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
    sign_in: RwLock<SignIn>,
    keeper: Option<Keeper>,
    kept: watch::Receiver<bool>,
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
        Self::with_credentials(server, None)
    }

    /// The same, with a place where the sign-in is kept for the next run.
    ///
    /// # Errors
    /// As [`Api::new`].
    pub fn with_credentials(
        server: &str,
        credentials: Option<Arc<dyn Credentials>>,
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
            .tcp_nodelay(true)
            .build()
            .map_err(|error| settings(error.to_string()))?;
        let (says_kept, kept) = watch::channel(false);
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                base,
                sign_in: RwLock::default(),
                keeper: credentials.map(|credentials| Keeper::start(credentials, says_kept)),
                kept,
                refreshing: tokio::sync::Mutex::new(()),
            }),
        })
    }

    /// The address that all paths are under.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.inner.base
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
        let tokens = self.call_as_anybody(&route::SIGN_IN, request).await?;
        Ok(self.begin(tokens).await)
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
        let rotated = self.call_as_anybody(&route::REFRESH, &request).await;
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
        self.inner.http.request(method, url)
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
