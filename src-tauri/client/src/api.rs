//! The service's HTTP API, typed.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url};
use serde::{Serialize, de::DeserializeOwned};
use wire::{
    Availability, Call, CallId, CoachLeg, CoachMode, Contact, DeviceId, DtmfRequest, ErrorBody,
    Group, HoldRequest, Invitation, InvitationId, InvitationRequest, InvitationTarget, JoinRequest,
    Lead, LeadId, List, Me, MediaAnswer, MediaOffer, MembershipId, MembershipPatch, ModeRequest,
    MuteRequest, OrganizationId, OrganizationPatch, PhoneNumber, PlaceCallRequest, RefreshRequest,
    Role, SignInRequest, SignOutRequest, Tokens, User, UserId,
};

use crate::ClientError;

const CONNECT_WAIT: Duration = Duration::from_secs(5);
const ANSWER_WAIT: Duration = Duration::from_secs(15);
/// The longest answer that is read, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The service's HTTP API. It holds the tokens of one sign-in, in memory only, and gets a new access
/// token by itself when the old one is no longer taken. A clone shares the sign-in.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    base: Url,
    tokens: RwLock<Option<Tokens>>,
    /// One refresh at a time: a refresh token is good once.
    refreshing: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Api {{ base: {} }}", self.inner.base)
    }
}

impl Api {
    /// The API of the service at this address, such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// [`ClientError::Settings`] when it is not an `http` or `https` address.
    pub fn new(server: &str) -> Result<Self, ClientError> {
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
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                base,
                tokens: RwLock::new(None),
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

    /// `POST auth/sign_in/`.
    ///
    /// # Errors
    /// As every request: [`ClientError::Refused`], [`ClientError::Unreachable`] or
    /// [`ClientError::Protocol`].
    pub async fn sign_in(
        &self,
        request: &SignInRequest,
    ) -> Result<(UserId, DeviceId), ClientError> {
        let builder = self.builder(Method::POST, "auth/sign_in/").json(request);
        let tokens: Tokens = read(send(builder).await?).await?;
        let who = (tokens.user_id.clone(), tokens.device_id.clone());
        self.set_tokens(Some(tokens));
        Ok(who)
    }

    /// `POST auth/sign_out/`; the tokens are forgotten whatever the service says.
    ///
    /// # Errors
    /// As every request.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        let Some(tokens) = self.tokens() else {
            return Ok(());
        };
        let refresh_token = tokens.refresh_token.clone();
        let builder = self
            .builder(Method::POST, "auth/sign_out/")
            .bearer_auth(&tokens.access_token)
            .json(&SignOutRequest { refresh_token });
        self.set_tokens(None);
        done(send(builder).await?).await
    }

    /// Gets a new access token, unless another than `old` is there by now.
    ///
    /// # Errors
    /// As every request; [`wire::Code::Unauthenticated`] means that the sign-in is over.
    pub async fn refresh(&self, old: Option<&str>) -> Result<(), ClientError> {
        let _one_at_a_time = self.inner.refreshing.lock().await;
        let Some(tokens) = self.tokens() else {
            return Err(ClientError::Refused {
                code: wire::Code::Unauthenticated,
                message: "nobody is signed in".into(),
            });
        };
        if old.is_some_and(|old| old != tokens.access_token) {
            return Ok(());
        }
        let refresh_token = tokens.refresh_token;
        let builder = self
            .builder(Method::POST, "auth/refresh/")
            .json(&RefreshRequest { refresh_token });
        let tokens: Tokens = read(send(builder).await?).await?;
        self.set_tokens(Some(tokens));
        Ok(())
    }

    /// `GET me/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.get("me/").await
    }

    /// `GET user/`: the organization's members.
    ///
    /// # Errors
    /// As every request.
    pub async fn users(&self) -> Result<List<User>, ClientError> {
        self.get("user/?_limit=200").await
    }

    /// `GET user/availability/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn availability(&self) -> Result<Availability, ClientError> {
        self.get("user/availability/").await
    }

    /// `GET role/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn roles(&self) -> Result<List<Role>, ClientError> {
        self.get("role/?_limit=200").await
    }

    /// `GET group/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn groups(&self) -> Result<List<Group>, ClientError> {
        self.get("group/?_limit=200").await
    }

    /// `GET lead/`: those whose name holds `query`; all when it is empty.
    ///
    /// # Errors
    /// As every request.
    pub async fn leads(&self, query: &str) -> Result<List<Lead>, ClientError> {
        let query = [("query", query), ("_limit", "200")];
        let query = if query[0].1.is_empty() {
            &query[1..]
        } else {
            &query[..]
        };
        self.ask(|api| api.builder(Method::GET, "lead/").query(query))
            .await
    }

    /// `GET lead/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn lead(&self, id: &LeadId) -> Result<Lead, ClientError> {
        self.get(&format!("lead/{id}/")).await
    }

    /// `GET contact/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn contacts(&self) -> Result<List<Contact>, ClientError> {
        self.get("contact/?_limit=200").await
    }

    /// `GET phone_number/`: the organization's own numbers.
    ///
    /// # Errors
    /// As every request.
    pub async fn phone_numbers(&self) -> Result<List<PhoneNumber>, ClientError> {
        self.get("phone_number/?_limit=200").await
    }

    /// `PATCH membership/{id}/`, for those who manage the organization.
    ///
    /// # Errors
    /// As every request.
    pub async fn patch_membership(
        &self,
        id: &MembershipId,
        patch: &MembershipPatch,
    ) -> Result<(), ClientError> {
        let path = format!("membership/{id}/");
        self.tell(Method::PATCH, &path, Some(patch)).await
    }

    /// `PATCH organization/{id}/`, for those who manage it.
    ///
    /// # Errors
    /// As every request.
    pub async fn patch_organization(
        &self,
        id: &OrganizationId,
        patch: &OrganizationPatch,
    ) -> Result<(), ClientError> {
        let path = format!("organization/{id}/");
        self.tell(Method::PATCH, &path, Some(patch)).await
    }

    /// `GET activity/call/?active=true`: the calls in progress.
    ///
    /// # Errors
    /// As every request.
    pub async fn active_calls(&self) -> Result<List<Call>, ClientError> {
        self.get("activity/call/?active=true&_limit=200").await
    }

    /// `GET activity/call/?lead_id=…`: a lead's calls, newest first.
    ///
    /// # Errors
    /// As every request.
    pub async fn calls_of_lead(&self, lead_id: &LeadId) -> Result<List<Call>, ClientError> {
        self.get(&format!("activity/call/?lead_id={lead_id}")).await
    }

    /// `GET activity/call/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn call(&self, id: &CallId) -> Result<Call, ClientError> {
        self.get(&call_path(id, "")).await
    }

    /// `POST activity/call/`: places a call.
    ///
    /// # Errors
    /// As every request.
    pub async fn place_call(&self, request: &PlaceCallRequest) -> Result<Call, ClientError> {
        self.post("activity/call/", request).await
    }

    /// `POST activity/call/{id}/hangup/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn hang_up(&self, id: &CallId) -> Result<(), ClientError> {
        self.tell::<()>(Method::POST, &call_path(id, "hangup/"), None)
            .await
    }

    /// `PUT activity/call/{id}/hold/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn hold(&self, id: &CallId, held: bool) -> Result<(), ClientError> {
        let path = call_path(id, "hold/");
        self.tell(Method::PUT, &path, Some(&HoldRequest { held }))
            .await
    }

    /// `PUT activity/call/{id}/mute/`: of the user's own leg.
    ///
    /// # Errors
    /// As every request.
    pub async fn mute(&self, id: &CallId, muted: bool) -> Result<(), ClientError> {
        let path = call_path(id, "mute/");
        self.tell(Method::PUT, &path, Some(&MuteRequest { muted }))
            .await
    }

    /// `POST activity/call/{id}/dtmf/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn dtmf(&self, id: &CallId, request: &DtmfRequest) -> Result<(), ClientError> {
        let path = call_path(id, "dtmf/");
        self.tell(Method::POST, &path, Some(request)).await
    }

    /// `POST activity/call/{id}/media/`: the SDP answer to an offer for the user's own leg.
    ///
    /// # Errors
    /// As every request.
    pub async fn media(&self, id: &CallId, offer_sdp: String) -> Result<String, ClientError> {
        let offer = MediaOffer { sdp: offer_sdp };
        let answer: MediaAnswer = self.post(&call_path(id, "media/"), &offer).await?;
        Ok(answer.sdp)
    }

    /// `POST activity/call/{id}/coach_leg/`: joins.
    ///
    /// # Errors
    /// As every request.
    pub async fn join(&self, id: &CallId, request: &JoinRequest) -> Result<CoachLeg, ClientError> {
        self.post(&call_path(id, "coach_leg/"), request).await
    }

    /// `PUT activity/call/{id}/coach_leg/mode/`: switches the mode.
    ///
    /// # Errors
    /// As every request.
    pub async fn set_mode(&self, id: &CallId, mode: CoachMode) -> Result<CoachLeg, ClientError> {
        let path = call_path(id, "coach_leg/mode/");
        self.ask(|api| api.builder(Method::PUT, &path).json(&ModeRequest { mode }))
            .await
    }

    /// `DELETE activity/call/{id}/coach_leg/`: leaves.
    ///
    /// # Errors
    /// As every request.
    pub async fn leave(&self, id: &CallId) -> Result<(), ClientError> {
        self.tell::<()>(Method::DELETE, &call_path(id, "coach_leg/"), None)
            .await
    }

    /// `GET activity/call/{id}/invitation_target/`: whom the rep could invite.
    ///
    /// # Errors
    /// As every request.
    pub async fn invitation_targets(
        &self,
        id: &CallId,
    ) -> Result<List<InvitationTarget>, ClientError> {
        self.get(&call_path(id, "invitation_target/")).await
    }

    /// `POST activity/call/{id}/invitation/`: the rep invites teammates.
    ///
    /// # Errors
    /// As every request.
    pub async fn invite(
        &self,
        id: &CallId,
        request: &InvitationRequest,
    ) -> Result<List<Invitation>, ClientError> {
        self.post(&call_path(id, "invitation/"), request).await
    }

    /// `GET invitation/`: the user's own open ones.
    ///
    /// # Errors
    /// As every request.
    pub async fn invitations(&self) -> Result<List<Invitation>, ClientError> {
        self.get("invitation/").await
    }

    /// `POST invitation/{id}/decline/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn decline(&self, id: &InvitationId) -> Result<(), ClientError> {
        self.tell::<()>(Method::POST, &format!("invitation/{id}/decline/"), None)
            .await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(|api| api.builder(Method::GET, path)).await
    }

    async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        self.ask(|api| api.builder(Method::POST, path).json(body))
            .await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        build: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<T, ClientError> {
        read(self.authorized(build).await?).await
    }

    /// A request whose answer's body says nothing that matters.
    async fn tell<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<(), ClientError> {
        let build = |api: &Self| {
            let builder = api.builder(method.clone(), path);
            match body {
                Some(body) => builder.json(body),
                None => builder,
            }
        };
        done(self.authorized(build).await?).await
    }

    /// Sends with the access token; when it is no longer taken, once more with a new one.
    async fn authorized(
        &self,
        build: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        let with_token = |token: &Option<String>| match token {
            Some(token) => build(self).bearer_auth(token),
            None => build(self),
        };
        let token = self.access_token();
        let response = send(with_token(&token)).await?;
        if response.status() != reqwest::StatusCode::UNAUTHORIZED || token.is_none() {
            return Ok(response);
        }
        self.refresh(token.as_deref()).await?;
        send(with_token(&self.access_token())).await
    }

    fn builder(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.inner.base);
        self.inner.http.request(method, url)
    }

    fn tokens(&self) -> Option<Tokens> {
        let tokens = self.inner.tokens.read();
        tokens.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_tokens(&self, tokens: Option<Tokens>) {
        let slot = self.inner.tokens.write();
        *slot.unwrap_or_else(PoisonError::into_inner) = tokens;
    }
}

fn call_path(id: &CallId, rest: &str) -> String {
    format!("activity/call/{id}/{rest}")
}

async fn send(builder: RequestBuilder) -> Result<Response, ClientError> {
    builder.send().await.map_err(unreachable)
}

/// Never with the address, which may hold an id, nor with a body.
fn unreachable(error: reqwest::Error) -> ClientError {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    ClientError::Unreachable(cause.unwrap_or_else(|| error.to_string()))
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let body = accepted(response).await?;
    serde_json::from_slice(&body).map_err(|error| ClientError::Protocol(error.to_string()))
}

async fn done(response: Response) -> Result<(), ClientError> {
    accepted(response).await.map(drop)
}

/// The body of an answer that is no error.
async fn accepted(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(ClientError::Protocol("the answer is too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    let status = response.status();
    if status.is_success() {
        return Ok(body);
    }
    match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(ErrorBody { error }) => Err(ClientError::Refused {
            code: error.code,
            message: error.message,
        }),
        Err(_) => Err(ClientError::Protocol(format!("HTTP status {status}"))),
    }
}
