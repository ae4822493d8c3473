//! Every refusal in one shape: `{"error": {"code", "message"}}`.

use crate::auth::AuthError;
use crate::imports::ImportError;
use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use store::StoreError;
use wire::{Code, ErrorBody};

/// A request that was refused, and how it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub ErrorBody);

impl Refused {
    /// With this code and sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(ErrorBody::new(code, message))
    }

    /// There is no such thing, or it is not for this user to see.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There's no such {what}."))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.error.code.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = self.0.error.code;
        let mut response = (status, Json(self.0)).into_response();
        // For the audit log, which says why.
        response.extensions_mut().insert(code);
        let retry_after_s = match status {
            StatusCode::TOO_MANY_REQUESTS => Some("30"),
            StatusCode::SERVICE_UNAVAILABLE => Some("2"),
            _ => None,
        };
        if let Some(seconds) = retry_after_s {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}

impl From<ErrorBody> for Refused {
    fn from(body: ErrorBody) -> Self {
        Self(body)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Conflict(_) | StoreError::NoCursor => {}
            StoreError::Unavailable(_) | StoreError::Fault(_) => {
                tracing::error!(%error, "the store refused");
            }
        }
        Self(error.into())
    }
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Store(error) => error.into(),
            other => Self(other.into()),
        }
    }
}

impl From<ImportError> for Refused {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::NotFound => Self::not_found("import"),
            ImportError::Refused(code, message) => Self::new(code, message),
            ImportError::Store(error) => error.into(),
            ImportError::Disk(error) => {
                tracing::error!(%error, "the folder of imports can't be used");
                Self::new(
                    Code::Unavailable,
                    "The service can't save or read the file right now. Try again later.",
                )
            }
        }
    }
}

/// The answer to a method that a path is not for.
pub async fn method_not_allowed() -> Response {
    let body = ErrorBody::new(
        Code::InvalidRequest,
        "This path doesn't support that method. See /api/openapi.json.",
    );
    (StatusCode::METHOD_NOT_ALLOWED, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n4_who_is_turned_away_is_told_when_to_try_again() {
        for (error, status, retry_after) in [
            (AuthError::Busy, 503, Some("2")),
            (AuthError::RateLimited, 429, Some("30")),
            (AuthError::WrongCredentials, 401, None),
        ] {
            let response = Refused::from(error).into_response();
            assert_eq!(response.status(), status);
            let header = response.headers().get("retry-after");
            assert_eq!(header.map(|value| value.to_str().unwrap()), retry_after);
        }
    }
}
