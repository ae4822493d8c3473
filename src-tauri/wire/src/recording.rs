//! Recordings of calls (R1–R3).

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use wire_macros::wire_type;

/// Where a recording stands.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStatus {
    /// It runs.
    Recording,
    /// The rep has paused it.
    Paused,
    /// It is whole and can be played.
    Stored,
    /// It could not be kept.
    Failed,
    /// It was deleted, by a person or after the days it is kept.
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
    /// Where it stands.
    pub status: RecordingStatus,
    /// When its first sample was mixed: what happened on the call is found in it by this.
    pub date_started: Timestamp,
    /// How long it is; 0 while it runs.
    pub duration_ms: u32,
    /// How large it is, in bytes; 0 while it runs.
    pub bytes: u32,
    /// What was left out; silence is in its place.
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

/// `PUT …/recording/`: the rep pauses the recording of their call, or lets it go on.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct RecordingRequest {
    /// Whether it is to be paused.
    pub paused: bool,
}

/// How an organization records.
#[wire_type(Copy)]
pub struct RecordingSettings {
    /// Whether calls are recorded, where the member does not say otherwise.
    pub enabled: bool,
    /// Whether a recorded call begins with an announcement of it.
    pub announced: bool,
    /// For how many days recordings are kept; 0 for as long as the lead is.
    pub retention_days: u32,
}

/// What a member says about the recording of their calls.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum RecordingOverride {
    /// As the organization does.
    Inherit,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How a recording is wanted.
#[derive(
    Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams, specta::Type,
)]
#[into_params(parameter_in = Query)]
pub struct RecordingQuery {
    /// Whether it is to be saved as a file rather than played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<bool>,
}
