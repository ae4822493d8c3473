//! The service that the desktop app brings, shut to everyone but the app (O2): no other user of the
//! computer and no web page gets in, and the app can tell it from a stranger on its port.
//!
//! Both know a secret in a file that only its owner can read. The service proves that it knows it over a
//! number that the app has just made up; the app shows with every request something that only who knows it
//! can compute.

use super::error::Refused;
use axum::extract::{Query, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use wire::Code;

/// The path that proves the service. It is asked by who does not trust it yet.
pub const PROOF_PATH: &str = "/local/proof";
/// The header in which the app shows that it knows the secret.
pub const HEADER: &str = "x-call-coaching-local";
/// A secret has so many bytes at least: 256 random bits in hexadecimal digits have twice as many.
const SECRET_BYTES_MIN: usize = 32;
const SECRET_BYTES_MAX: usize = 1024;
/// The longest number that is proved over.
const NONCE_BYTES_MAX: usize = 128;

/// What the app and its service know, and nobody else.
#[derive(Clone)]
pub struct LocalSecret {
    secret: Arc<[u8]>,
    /// Where the service listens: a stranger on another port, who passes the question on, has no answer
    /// for his own.
    port: u16,
}

impl std::fmt::Debug for LocalSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LocalSecret")
    }
}

impl LocalSecret {
    /// From its file, for a service that doesn't listen yet.
    ///
    /// # Errors
    /// In words, when it can't be read, is too short or too long, or others could read it.
    pub fn read(file: &Path) -> Result<Self, String> {
        let failed = |why: &str| format!("the local secret {} {why}", file.display());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let known = std::fs::metadata(file)
                .map_err(|error| failed(&format!("can't be read: {error}")))?;
            if known.permissions().mode() & 0o077 != 0 {
                return Err(failed("can be read by others; run chmod 600 on it"));
            }
        }
        let text = std::fs::read_to_string(file)
            .map_err(|error| failed(&format!("can't be read: {error}")))?;
        let secret = text.trim().as_bytes();
        if (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len()) {
            Ok(Self {
                secret: secret.into(),
                port: 0,
            })
        } else {
            Err(failed("must have 32 to 1024 bytes"))
        }
    }

    /// Of a service that listens on this port.
    #[must_use]
    pub fn on(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// HMAC-SHA256 over this purpose, in hexadecimal digits.
    fn over(&self, purpose: &str) -> String {
        // A key may have any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            return String::new();
        };
        mac.update(purpose.as_bytes());
        store::random::hex(&mac.finalize().into_bytes())
    }

    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(HEADER).map(|value| value.as_bytes());
        let expected = self.over("app");
        shown.is_some_and(|shown| bool::from(shown.ct_eq(expected.as_bytes())))
    }
}

/// What is proved over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Challenge {
    nonce: String,
}

/// Lets nobody through but the app: by address, without a page, and with the secret.
pub async fn guard(State(secret): State<LocalSecret>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // A name that somebody else's server has may lead here too (DNS rebinding).
    if !is_loopback(headers, request.uri()) || headers.contains_key(ORIGIN) {
        return refused();
    }
    if request.uri().path() == PROOF_PATH {
        return prove(&secret, request.uri());
    }
    if !secret.is_shown(headers) {
        return refused();
    }
    next.run(request).await
}

fn prove(secret: &LocalSecret, uri: &Uri) -> Response {
    match Query::<Challenge>::try_from_uri(uri) {
        Ok(Query(Challenge { nonce })) if (16..=NONCE_BYTES_MAX).contains(&nonce.len()) => secret
            .over(&format!("service {} {nonce}", secret.port))
            .into_response(),
        _ => refused(),
    }
}

fn is_loopback(headers: &HeaderMap, uri: &Uri) -> bool {
    let named = headers.get(HOST).and_then(|value| value.to_str().ok());
    let Some(named) = named.or(uri.authority().map(|authority| authority.as_str())) else {
        return false;
    };
    let host = match named.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => named,
    };
    ["127.0.0.1", "[::1]"].contains(&host)
}

fn refused() -> Response {
    Refused::new(
        Code::PermissionRequired,
        "This service belongs to the Call Coaching app of this computer's user.",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o2_only_an_address_of_this_computer_is_one_of_ours() {
        let is = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            is_loopback(&headers, &Uri::from_static("/"))
        };
        for ours in ["127.0.0.1:7780", "127.0.0.1", "[::1]:7780", "[::1]"] {
            assert!(is(ours), "{ours}");
        }
        for other in [
            "evil.example",
            "evil.example:7780",
            "localhost:7780",
            "127.0.0.1.evil.example",
            "::1",
        ] {
            assert!(!is(other), "{other}");
        }
        assert!(!is_loopback(&HeaderMap::new(), &Uri::from_static("/")));
    }

    #[cfg(unix)]
    #[test]
    fn o2_a_secret_that_others_can_read_is_none() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "x".repeat(64)).unwrap();
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(LocalSecret::read(&file).is_ok(), good, "{mode:o}");
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, "short").unwrap();
        assert!(LocalSecret::read(&file).is_err());
        assert!(LocalSecret::read(&folder.path().join("none")).is_err());
        std::fs::write(&file, "hidden".repeat(9)).unwrap();
        let hidden = LocalSecret::read(&file).unwrap();
        assert_eq!(format!("{hidden:?}"), "LocalSecret");
    }
}
