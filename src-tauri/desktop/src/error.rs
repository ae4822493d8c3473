//! What goes wrong, as it crosses to the user interface.

use client::ClientError;
use serde::Serialize;

/// A code for the program, a sentence for the person: what happened and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, specta::Type, thiserror::Error)]
#[error("{message} ({code})")]
pub struct AppError {
    /// One of the service's codes, or `unreachable`, `not_possible`, `protocol`, `media`, `audio`,
    /// `settings`, `local_service`.
    pub code: String,
    /// For the person.
    pub message: String,
    /// The field of the form that it's about, as the service names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl AppError {
    /// With a code of the shell's own.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            field: None,
        }
    }
}

impl From<ClientError> for AppError {
    fn from(error: ClientError) -> Self {
        let (code, message) = match error {
            ClientError::Refused {
                code,
                message,
                field,
            } => {
                return Self {
                    field,
                    ..Self::new(&code_text(code), message)
                };
            }
            ClientError::SecondStep { code, message, .. } => {
                return Self::new(&code_text(code), message);
            }
            ClientError::NotPossible(message) => ("not_possible", message),
            ClientError::Unreachable(why) => {
                log::info!("can't reach the service: {why}");
                let message = "Can't reach the service. Check your connection and try again.";
                ("unreachable", message.into())
            }
            ClientError::Protocol(why) => {
                log::warn!("an unexpected answer: {why}");
                let message =
                    "The service gave an unexpected answer. Check that the app is up to date.";
                ("protocol", message.into())
            }
            ClientError::Media(why) => {
                log::warn!("no audio connection: {why}");
                let message = "Audio couldn't be connected. Check your network and try again.";
                ("media", message.into())
            }
            ClientError::Audio(_) => ("audio", error.to_string()),
            ClientError::Settings(_) => ("settings", error.to_string()),
        };
        Self::new(code, message)
    }
}

impl From<tauri::Error> for AppError {
    fn from(error: tauri::Error) -> Self {
        Self::new("not_possible", error.to_string())
    }
}

/// A code as the wire writes it.
pub fn code_text(code: wire::Code) -> String {
    serde_json::to_value(code)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_code_and_sentence_cross_as_they_are() {
        let error = AppError::from(ClientError::Refused {
            code: wire::Code::PermissionRequired,
            message: "You don't have permission to whisper.".into(),
            field: None,
        });
        assert_eq!(
            error,
            AppError::new(
                "permission_required",
                "You don't have permission to whisper."
            )
        );
    }
}
