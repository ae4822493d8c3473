//! Recordings of calls (R1–R3).

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use wire_macros::wire_type;

/// A recording's status.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStatus {
    /// It's being recorded.
    Recording,
    /// The rep has paused it.
    Paused,
    /// It's complete and can be played.
    Stored,
    /// It couldn't be saved.
    Failed,
    /// It was deleted, by a person or because its retention ended.
    Deleted,
}

/// A stretch without sound: the rep had paused, the lead was on hold, or packets were lost.
#[wire_type]
pub struct RecordingGap {
    /// Its start, from the start of the recording.
    pub from_ms: u32,
    /// Its end.
    pub to_ms: u32,
}

/// A call's recording.
#[wire_type]
pub struct CallRecording {
    /// Its status.
    pub status: RecordingStatus,
    /// When its first sample was mixed. Moments of the call are found in it by this.
    pub date_started: Timestamp,
    /// Its length; 0 while it's being recorded.
    pub duration_ms: u32,
    /// Its size in bytes; 0 while it's being recorded.
    pub bytes: u32,
    /// What was left out. Silence is in its place.
    pub gaps: Vec<RecordingGap>,
}

/// `GET …/recording/peaks/`: the waveform.
#[wire_type]
pub struct RecordingPeaks {
    /// The length of each piece.
    pub interval_ms: u32,
    /// The loudest sample of each piece: 0 silence, 255 full scale.
    pub peaks: Vec<u8>,
}

/// `PUT …/recording/`: pauses or resumes the recording of the rep's own call.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct RecordingRequest {
    /// Whether to pause it.
    pub paused: bool,
}

/// An organization's recording settings.
#[wire_type(Copy)]
pub struct RecordingSettings {
    /// Whether calls are recorded. A member's own setting overrides it.
    pub enabled: bool,
    /// Whether the lead is told at the start that the call is being recorded.
    pub announced: bool,
    /// How many days recordings are kept. 0 keeps them until the lead is deleted.
    pub retention_days: u32,
}

/// A member's own setting for recording their calls.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum RecordingOverride {
    /// Same as the organization.
    Inherit,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How to return a recording.
#[derive(
    Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams, specta::Type,
)]
#[into_params(parameter_in = Query)]
pub struct RecordingQuery {
    /// Whether to save it as a file instead of playing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<bool>,
}
