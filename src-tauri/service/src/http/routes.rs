//! What a handler takes from a request, each refused in the one shape of errors.

use super::error::Refused;
use crate::access::unauthenticated;
use crate::app::App;
use crate::store::Principal;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use wire::Code;

/// The longest body that is accepted, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes beyond it that are read and thrown away, so that the client gets to read the refusal.
const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Who asks, as the gate in front of all routes found out. It has refused already what their role may
/// not do: see [`crate::access`].
pub struct Caller(pub Principal);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refused> {
        // Nobody is there when the route's line says that anybody may ask.
        let who = parts.extensions.get::<Principal>().cloned();
        who.map(Self).ok_or_else(unauthenticated)
    }
}

/// A body of JSON.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Refused> {
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_none_or(|value| {
                let essence = value.split(';').next().unwrap_or_default().trim();
                essence.eq_ignore_ascii_case("application/json")
            });
        if !is_json {
            return Err(Refused::new(
                Code::InvalidRequest,
                "The body is JSON: send `Content-Type: application/json`.",
            ));
        }
        let bytes = read(request.into_body()).await?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let invalid = |path: String, error: &serde_json::Error| {
            let place = if path.is_empty() || path == "." {
                String::new()
            } else {
                format!(" at `{path}`")
            };
            Refused::new(
                Code::InvalidRequest,
                format!("The body cannot be read{place}: {error}."),
            )
        };
        let value = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| invalid(error.path().to_string(), error.inner()))?;
        reader
            .end()
            .map_err(|error| invalid(String::new(), &error))?;
        Ok(Self(value))
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Refused> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| Refused::new(Code::InvalidRequest, "The body ended too early."))?;
        length += chunk.len();
        if length <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&chunk);
        } else if length > DISCARD_BYTES_MAX {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    if length > BODY_BYTES_MAX {
        return Err(Refused::new(
            Code::TooLarge,
            format!("A body has at most {BODY_BYTES_MAX} bytes."),
        ));
    }
    Ok(bytes)
}

/// An id in the path. One that cannot be an id of its kind is of nothing.
pub struct Id<T>(pub T);

impl<T: TryFrom<String>> FromRequestParts<Arc<App>> for Id<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let not_found = || Refused::not_found("thing");
        let Path(text) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|_| not_found())?;
        T::try_from(text).map(Self).map_err(|_| not_found())
    }
}

/// The query.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Params<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        Query::<T>::from_request_parts(parts, app)
            .await
            .map(|Query(value)| Self(value))
            .map_err(|rejection| {
                Refused::new(
                    Code::InvalidRequest,
                    format!("The query cannot be read: {}.", rejection.body_text()),
                )
            })
    }
}
