//! Recordings of calls: played, sought in, paused and deleted.

use super::call::caller;
use super::error::Refused;
use super::routes::{Ask, Routes};
use crate::app::App;
use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use recordings::{DeleteError, Recordings, StorageError};
use std::ops::Range;
use std::sync::Arc;
use store::Kept;
use wire::{
    AuditAction, Call, CallId, Code, RecordingPeaks, RecordingQuery, RecordingRequest,
    RecordingStatus, route,
};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::GET_RECORDING, recording)
        .on(route::RECORDING_PEAKS, peaks)
        .on(route::PAUSE_RECORDING, pause)
        .on(route::DELETE_RECORDING, delete)
}

/// The whole of it, or one range of its bytes (RFC 9110).
async fn recording(ask: Ask<CallId, RecordingQuery>) -> Result<Response, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        note,
        headers,
        ..
    } = ask;
    if input.download.unwrap_or(false) {
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
                format!("The range is outside the recording, which is {total} bytes long."),
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
    if input.download.unwrap_or(false) {
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

async fn peaks(Ask { app, who, id, .. }: Ask<CallId, ()>) -> Result<RecordingPeaks, Refused> {
    let peaks = recordings(&app)?
        .peaks_of_call(&who.organization_id, &id)
        .await?;
    peaks.ok_or_else(|| Refused::not_found("recording"))
}

async fn pause(ask: Ask<CallId, RecordingRequest>) -> Result<Call, Refused> {
    let (id, paused) = (ask.id, ask.input.paused);
    ask.note.detail(if paused { "paused" } else { "resumed" });
    let calls = &ask.app.calls;
    Ok(calls
        .set_recording_paused(&caller(&ask.who), &id, paused)
        .await?)
}

async fn delete(Ask { app, who, id, .. }: Ask<CallId, ()>) -> Result<(), Refused> {
    let recordings = recordings(&app)?;
    match recordings.delete_of_call(&who.organization_id, &id).await {
        Ok(()) => Ok(()),
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
            "This service is read-only and has no recordings.",
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
        "The call is still being recorded. Try again when it's over.",
    )
}

fn unreadable(call: &CallId, error: &StorageError) -> Refused {
    tracing::error!(call_id = %call, %error, "the recordings' storage refused");
    Refused::new(
        Code::Unavailable,
        "Recordings aren't available right now. Try again shortly.",
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
