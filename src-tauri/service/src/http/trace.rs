//! Around every request: its id, its time limit, its line in the log and its place in the metrics.

use super::error::Refused;
use crate::app::App;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Instant;
use store::clock::now;
use store::random;
use tracing::Instrument;
use wire::{CallId, Code};

/// The header with the request's id, which log lines about it carry.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Watches over one request.
pub async fn watch(
    State(app): State<Arc<App>>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = matched.map_or_else(
        || "unknown".to_owned(),
        |matched| matched.as_str().to_owned(),
    );
    let request_id = random::id_suffix(now());
    // The path without its query; on a line about a call, the call.
    let call_id = call_in(request.uri().path());
    let span = tracing::info_span!(
        "request",
        request_id,
        call_id = call_id.as_ref().map(tracing::field::display)
    );
    let answered = tokio::time::timeout(app.config.request_timeout(), next.run(request));
    let mut response = match answered.instrument(span.clone()).await {
        Ok(response) => response,
        Err(_) => {
            Refused::new(Code::Unavailable, "The request took too long. Try again.").into_response()
        }
    };
    let took = started.elapsed();
    let status = response.status().as_u16();
    span.in_scope(|| {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(target: "service::access", %method, route, status, took_us, "served");
    });
    app.metrics.request(&method, &route, status, took);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The call that a path is about.
fn call_in(path: &str) -> Option<CallId> {
    path.strip_prefix("/api/v1/activity/call/")?
        .split('/')
        .next()
        .and_then(|id| CallId::parse(id).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_about_a_call_names_it() {
        let call = call_in("/api/v1/activity/call/acti_1/coach_leg/mode/").unwrap();
        assert_eq!(call.as_str(), "acti_1");
        assert_eq!(call_in("/api/v1/activity/call/"), None);
        assert_eq!(call_in("/api/v1/me/"), None);
    }
}
