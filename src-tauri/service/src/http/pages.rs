//! Pages for whoever opens a link of a mail, perhaps on a device without the app. What they show and send
//! is that of the API; the link's secret is after `#`, which a browser keeps to itself.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

const RESET: &str = include_str!("pages/reset.html");
const CONFIRM: &str = include_str!("pages/confirm.html");
const SCRIPT: &str = include_str!("pages/account.js");

/// A page to choose a new password on.
pub async fn reset() -> Response {
    served("text/html; charset=utf-8", RESET)
}

/// A page to confirm a new address on.
pub async fn confirm() -> Response {
    served("text/html; charset=utf-8", CONFIRM)
}

/// What both do.
pub async fn script() -> Response {
    served("text/javascript; charset=utf-8", SCRIPT)
}

fn served(media_type: &'static str, text: &'static str) -> Response {
    let policy = "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'none'; \
                  base-uri 'none'; frame-ancestors 'none'";
    let headers = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}
