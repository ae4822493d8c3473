//! Recordings of calls: played, sought in, paused and deleted.

use super::call::caller;
use super::error::Refused;
use super::extract::{Caller, Id, JsonBody, Params};
use crate::app::App;
use crate::audit::Note;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use recordings::{DeleteError, Recordings, StorageError};
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;
use store::Kept;
use wire::{AuditAction, Call, CallId, Code, RecordingPeaks, RecordingRequest, RecordingStatus};

/// How the recording is wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecordingQuery {
    /// Whether it is to be saved as a file rather than played.
    pub download: Option<bool>,
}

/// The recording of a call: Ogg Opus, mono. Whole, or one range of its bytes.
///
/// There is none before it is `stored`. It takes `Range`, `If-Range` and `If-None-Match` (RFC 9110).
#[utoipa::path(
    get, path = "/api/v1/activity/call/{id}/recording/", tag = "recording",
    params(("id" = CallId, Path), RecordingQuery),
    responses(
        (status = 200, description = "The whole.", content_type = "audio/ogg", body = [u8]),
        (status = 206, description = "The range.", content_type = "audio/ogg", body = [u8]),
        (status = 304, description = "It is as it was."),
        (status = 416, description = "The range is outside of it."),
    )
)]
pub async fn recording(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
    Params(query): Params<RecordingQuery>,
    note: Note,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if query.download.unwrap_or(false) {
        note.action(AuditAction::RecordingDownloaded);
    }
    let recordings = recordings(&app)?;
    let kept = recordings
        .of_call(&who.organization_id, &id)
        .await?
        .ok_or_else(|| Refused::not_found("recording"))?;
    is_playable(&kept)?;
    // It never changes: its call and its length name it.
    let tag = format!("\"{}-{}\"", id, kept.recording.bytes);
    let said = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if said(header::IF_NONE_MATCH).is_some_and(|known| known == "*" || known.contains(&tag)) {
        // Nothing of it was given out.
        note.silent();
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let total = u64::from(kept.recording.bytes);
    let wanted = said(header::RANGE)
        .filter(|_| said(header::IF_RANGE).is_none_or(|known| known == tag))
        .map_or(Wanted::Whole, |text| Wanted::read(text, total));
    let range = match wanted {
        Wanted::Whole => None,
        Wanted::Part(range) => Some(range),
        Wanted::Outside => {
            let body = Refused::new(
                Code::InvalidRequest,
                format!("The range is outside of the recording, which has {total} bytes."),
            );
            let nothing = [(header::CONTENT_RANGE, format!("bytes */{total}"))];
            let body = Json(body.0);
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, nothing, body).into_response());
        }
    };
    // A range that begins later is the same playing, when the log has that already.
    let goes_on = range.as_ref().is_some_and(|range| range.start > 0);
    if app.audit.was_given(&who.device_id, &id) && goes_on {
        note.silent();
    }
    let sound = recordings.sound(&kept, range.clone()).await;
    let sound = sound.map_err(|error| unreadable(&id, &error))?;
    let part = sound.range.clone();
    let mut response = Response::new(Body::from_stream(sound.into_stream()));
    let mut set = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, "audio/ogg".into());
    set(header::ACCEPT_RANGES, "bytes".into());
    set(header::ETAG, tag);
    // Not for a cache that others share.
    set(header::CACHE_CONTROL, "private, no-cache".into());
    set(header::CONTENT_LENGTH, (part.end - part.start).to_string());
    if query.download.unwrap_or(false) {
        let value = format!("attachment; filename=\"{id}.ogg\"");
        set(header::CONTENT_DISPOSITION, value);
    }
    if range.is_some() {
        let last = part.end.saturating_sub(1);
        let value = format!("bytes {}-{last}/{total}", part.start);
        set(header::CONTENT_RANGE, value);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The waveform of a call's recording.
#[utoipa::path(
    get, path = "/api/v1/activity/call/{id}/recording/peaks/", tag = "recording",
    params(("id" = CallId, Path)),
    responses((status = 200, description = "The waveform.", body = RecordingPeaks))
)]
pub async fn peaks(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
) -> Result<Json<RecordingPeaks>, Refused> {
    let peaks = recordings(&app)?
        .peaks_of_call(&who.organization_id, &id)
        .await?;
    peaks
        .map(Json)
        .ok_or_else(|| Refused::not_found("recording"))
}

/// Pauses the recording of the asking rep's call, or lets it go on. What is said meanwhile is nowhere
/// in it; a gap of the same length stands in its place.
#[utoipa::path(
    put, path = "/api/v1/activity/call/{id}/recording/", tag = "recording",
    params(("id" = CallId, Path)), request_body = RecordingRequest,
    responses((status = 200, description = "The call, as it is now.", body = Call))
)]
pub async fn pause(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
    note: Note,
    JsonBody(request): JsonBody<RecordingRequest>,
) -> Result<Json<Call>, Refused> {
    note.detail(if request.paused { "paused" } else { "resumed" });
    let call = app
        .calls
        .set_recording_paused(&caller(&who), &id, request.paused)
        .await?;
    Ok(Json(call))
}

/// Deletes the recording of a call, with its waveform. It takes the permission `delete_recordings`.
#[utoipa::path(
    delete, path = "/api/v1/activity/call/{id}/recording/", tag = "recording",
    params(("id" = CallId, Path)), responses((status = 204, description = "Deleted."))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
) -> Result<StatusCode, Refused> {
    let recordings = recordings(&app)?;
    match recordings.delete_of_call(&who.organization_id, &id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(DeleteError::NotFound) => Err(Refused::not_found("recording")),
        Err(DeleteError::Running) => Err(still_running()),
        Err(DeleteError::Store(error)) => Err(error.into()),
        Err(DeleteError::Storage(error)) => Err(unreadable(&id, &error)),
    }
}

fn recordings(app: &App) -> Result<&Arc<Recordings>, Refused> {
    app.recordings.as_ref().ok_or_else(|| {
        Refused::new(
            Code::Unavailable,
            "The service only reads its store, and has no recordings.",
        )
    })
}

fn is_playable(kept: &Kept) -> Result<(), Refused> {
    match kept.recording.status {
        RecordingStatus::Stored => Ok(()),
        RecordingStatus::Recording | RecordingStatus::Paused => Err(still_running()),
        RecordingStatus::Failed | RecordingStatus::Deleted => Err(Refused::not_found("recording")),
    }
}

fn still_running() -> Refused {
    Refused::new(
        Code::Conflict,
        "The recording is still being made. Try again once the call is over.",
    )
}

fn unreadable(call: &CallId, error: &StorageError) -> Refused {
    tracing::error!(call_id = %call, %error, "the store of recordings refused");
    Refused::new(
        Code::Unavailable,
        "The recordings cannot be reached just now. Try again shortly.",
    )
}

/// Which bytes are wanted.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<u64>),
    Outside,
}

impl Wanted {
    /// Reads a `Range`. What is none, or more than one, is passed over, as it may be.
    fn read(text: &str, total: u64) -> Self {
        let number = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| text.parse::<u64>().ok())
        };
        let Some((from, to)) = text
            .strip_prefix("bytes=")
            .and_then(|range| range.trim().split_once('-'))
        else {
            return Self::Whole;
        };
        let range = match (from, to) {
            ("", "") => return Self::Whole,
            ("", last) => match number(last).flatten() {
                Some(length) => total.saturating_sub(length)..total,
                None => return Self::Whole,
            },
            (from, "") => match number(from).flatten() {
                Some(from) => from..total,
                None => return Self::Whole,
            },
            (from, to) => match (number(from).flatten(), number(to).flatten()) {
                (Some(from), Some(to)) if from <= to => from..total.min(to.saturating_add(1)),
                _ => return Self::Whole,
            },
        };
        if range.start < range.end {
            Self::Part(range)
        } else {
            Self::Outside
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_a_range_is_read_as_the_standard_says() {
        for (text, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=10-19", Wanted::Part(10..20)),
            ("bytes=90-", Wanted::Part(90..100)),
            ("bytes=90-500", Wanted::Part(90..100)),
            ("bytes=-7", Wanted::Part(93..100)),
            ("bytes=-700", Wanted::Part(0..100)),
            ("bytes=100-", Wanted::Outside),
            ("bytes=100-200", Wanted::Outside),
            ("bytes=-0", Wanted::Outside),
            ("bytes=9-3", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("seconds=0-1", Wanted::Whole),
            ("bytes=99999999999999999999-", Wanted::Whole),
        ] {
            assert_eq!(Wanted::read(text, 100), expected, "{text}");
        }
    }
}
