//! Requests and their answers: the token that goes with each, and how refusals are read.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde::{Serialize, de::DeserializeOwned};
use wire::ErrorBody;

use super::Api;
use crate::ClientError;

/// The longest answer that is read, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest file that is downloaded, in bytes.
const FILE_BYTES_MAX: usize = 512 * 1024 * 1024;
const FILE_WAIT: Duration = Duration::from_secs(600);

impl Api {
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(|api| api.builder(Method::GET, path)).await
    }

    pub(super) async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        self.ask(|api| api.builder(Method::POST, path).json(body))
            .await
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        build: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<T, ClientError> {
        read(self.authorized(build).await?).await
    }

    /// A request whose answer's body says nothing that matters.
    pub(super) async fn tell<B: Serialize>(
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
    pub(super) async fn authorized(
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

    pub(super) async fn put<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        self.ask(|api| api.builder(Method::PUT, path).json(body))
            .await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.tell::<()>(Method::DELETE, path, None).await
    }

    /// A whole file.
    pub(super) async fn download(
        &self,
        build: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<Vec<u8>, ClientError> {
        let response = self.authorized(|api| build(api).timeout(FILE_WAIT)).await?;
        accepted(response, FILE_BYTES_MAX).await
    }

    /// A part of a file, and the length of the whole.
    pub(super) async fn part(
        &self,
        build: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<(Vec<u8>, u64), ClientError> {
        let response = self.authorized(build).await?;
        // `bytes 0-99/1234` (RFC 9110, section 14.4).
        let range = response.headers().get(reqwest::header::CONTENT_RANGE);
        let length = range
            .and_then(|range| range.to_str().ok()?.rsplit_once('/')?.1.parse().ok())
            .or(response.content_length());
        let bytes = accepted(response, BODY_BYTES_MAX).await?;
        let length = length.unwrap_or(bytes.len() as u64);
        Ok((bytes, length))
    }
}

pub(super) async fn send(builder: RequestBuilder) -> Result<Response, ClientError> {
    builder.send().await.map_err(unreachable)
}

/// Never with the address, which may hold an id, nor with a body.
fn unreachable(error: reqwest::Error) -> ClientError {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    ClientError::Unreachable(cause.unwrap_or_else(|| error.to_string()))
}

pub(super) async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let body = accepted(response, BODY_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|error| ClientError::Protocol(error.to_string()))
}

pub(super) async fn done(response: Response) -> Result<(), ClientError> {
    accepted(response, BODY_BYTES_MAX).await.map(drop)
}

/// The body of an answer that is no error.
async fn accepted(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > bytes_max {
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
