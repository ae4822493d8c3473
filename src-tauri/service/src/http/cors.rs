//! Browser pages of other origins (the Fetch standard, CORS): those that the settings name may ask.
//!
//! Nothing here lets anyone in. A page has to have an access token like every other client, and no
//! cookie is ever read.

use crate::app::App;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// What a page may send beyond what every page may.
const REQUEST_HEADERS: &str = "authorization, content-type, if-none-match, if-range, range";
/// What a page may read beyond what every page may.
const RESPONSE_HEADERS: &str =
    "accept-ranges, content-disposition, content-range, etag, retry-after, x-request-id";
/// How long a browser may remember it, in seconds.
const MAX_AGE: &str = "3600";

/// Answers what browsers ask before a request of another origin, and says on every answer whether the
/// page may read it.
pub async fn cors(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if app.config.allowed_origins.is_empty() {
        return next.run(request).await;
    }
    let origin = allowed(&app.config.allowed_origins, request.headers());
    let is_preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match &origin {
        Some(_) if is_preflight => {
            let headers = [
                (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
                (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
                (ACCESS_CONTROL_MAX_AGE, MAX_AGE),
            ];
            (StatusCode::NO_CONTENT, headers).into_response()
        }
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    // A cache must not give one origin's answer to another.
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let readable = HeaderValue::from_static(RESPONSE_HEADERS);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
    }
    response
}

/// The origin that asks, if the settings name it.
fn allowed(origins: &[String], headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    origins
        .iter()
        .any(|known| known.as_bytes() == origin.as_bytes())
        .then(|| origin.clone())
}
