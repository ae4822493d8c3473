//! The service's HTTP API, typed.

mod routes;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url};
use serde::{Serialize, de::DeserializeOwned};
use wire::{DeviceId, ErrorBody, RefreshRequest, SignInRequest, SignOutRequest, Tokens, UserId};

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
