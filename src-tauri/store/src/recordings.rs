//! Recordings of calls.

use crate::StoreError;
use crate::database::Database;
use crate::sql::{Row, sql, to_text};
use wire::{
    CallId, CallRecording, OrganizationId, RecordingGap, RecordingOverride, RecordingPeaks,
    Timestamp, UserId,
};

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// A recording, as the store of the service knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which call.
    pub call: CallId,
    /// How it stands.
    pub recording: CallRecording,
    /// Where it is in the store of recordings; none when it is not there.
    pub key: Option<String>,
}

/// How a call is to be recorded. Decided when it is placed, for the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingPlan {
    /// Whether it begins with an announcement.
    pub announced: bool,
}

impl Database {
    /// How the calls of a member are recorded now: as they say, or else as the organization does (R1).
    /// None when they are not recorded.
    pub async fn recording_plan(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<RecordingPlan>, StoreError> {
        let row = sql(
            "SELECT recording_enabled, recording_announced, membership.recording
             FROM membership JOIN organization ON organization.id = membership.organization_id
             WHERE organization_id = $1 AND account_id = $2 AND active = 1",
        )
        .bind(organization.as_str())
        .bind(user.as_str())
        .optional(&self.reader)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let recorded = match row.named("recording")? {
            RecordingOverride::Inherit => row.truth("recording_enabled")?,
            RecordingOverride::On => true,
            RecordingOverride::Off => false,
        };
        let announced = row.truth("recording_announced")?;
        Ok(recorded.then_some(RecordingPlan { announced }))
    }

    /// Saves a recording, and its waveform when it is given. The call must have been saved before.
    pub async fn save_recording(
        &self,
        kept: &Kept,
        peaks: Option<&RecordingPeaks>,
    ) -> Result<(), StoreError> {
        let recording = &kept.recording;
        let gaps: Vec<String> = recording
            .gaps
            .iter()
            .map(|gap| format!("{}-{}", gap.from_ms, gap.to_ms))
            .collect();
        let mut tx = self.write(kept.organization.as_str()).await?;
        // The condition keeps one organization from writing over another's recording.
        sql(
            "INSERT INTO recording (call_id, organization_id, status, object_key, date_started,
                                    duration_ms, bytes, gaps, peaks, peak_interval_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (call_id) DO UPDATE SET
                 status = excluded.status, object_key = excluded.object_key,
                 date_started = excluded.date_started, duration_ms = excluded.duration_ms,
                 bytes = excluded.bytes, gaps = excluded.gaps, peaks = excluded.peaks,
                 peak_interval_ms = excluded.peak_interval_ms
             WHERE recording.organization_id = excluded.organization_id",
        )
        .bind(kept.call.as_str())
        .bind(kept.organization.as_str())
        .bind(to_text(&recording.status)?)
        .bind(kept.key.as_deref())
        .bind(recording.date_started.0)
        .bind(i64::from(recording.duration_ms))
        .bind(i64::from(recording.bytes))
        .bind(gaps.join(","))
        .bind(peaks.map(|peaks| peaks.peaks.as_slice()))
        .bind(peaks.map_or(100, |peaks| i64::from(peaks.interval_ms)))
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// The recording of a call.
    pub async fn recording(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Option<Kept>, StoreError> {
        sql("SELECT * FROM recording WHERE organization_id = $1 AND call_id = $2")
            .bind(organization.as_str())
            .bind(call.as_str())
            .optional(&self.reader)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// Its waveform; none when there is no recording or it is not stored.
    pub async fn recording_peaks(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Option<RecordingPeaks>, StoreError> {
        let row = sql("SELECT peaks, peak_interval_ms FROM recording
             WHERE organization_id = $1 AND call_id = $2 AND status = 'stored'
                 AND peaks IS NOT NULL")
        .bind(organization.as_str())
        .bind(call.as_str())
        .optional(&self.reader)
        .await?;
        row.map(|row| {
            Ok(RecordingPeaks {
                interval_ms: row.number("peak_interval_ms")?,
                peaks: row.bytes("peaks")?,
            })
        })
        .transpose()
    }

    /// Stored recordings that are older than their organization keeps them, at most so many.
    pub async fn expired_recordings(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Kept>, StoreError> {
        let rows = sql("SELECT recording.* FROM recording
             JOIN organization ON organization.id = recording.organization_id
             WHERE recording.status = 'stored' AND recording_retention_days > 0
                 AND recording.date_started < $1 - recording_retention_days * $2
             LIMIT $3")
        .bind(now.0)
        .bind(DAY_MS)
        .bind(i64::from(limit))
        .all(&self.reader)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Recordings that run, as far as is known: what a service that died left behind.
    pub async fn unfinished_recordings(&self) -> Result<Vec<Kept>, StoreError> {
        sql("SELECT * FROM recording WHERE status IN ('recording', 'paused')")
            .all(&self.reader)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Deleted recordings whose file is still there, at most so many.
    pub async fn undeleted_recordings(&self, limit: u32) -> Result<Vec<Kept>, StoreError> {
        sql("SELECT * FROM recording WHERE status = 'deleted' AND object_key IS NOT NULL LIMIT $1")
            .bind(i64::from(limit))
            .all(&self.reader)
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

fn read(row: &Row) -> Result<Kept, StoreError> {
    let gaps = row.text("gaps")?;
    let gap = |text: &str| {
        let (from, to) = text.split_once('-')?;
        Some(RecordingGap {
            from_ms: from.parse().ok()?,
            to_ms: to.parse().ok()?,
        })
    };
    Ok(Kept {
        organization: row.named("organization_id")?,
        call: row.named("call_id")?,
        recording: CallRecording {
            status: row.named("status")?,
            date_started: row.moment("date_started")?,
            duration_ms: row.number("duration_ms")?,
            bytes: row.number("bytes")?,
            gaps: gaps.split(',').filter_map(gap).collect(),
        },
        key: row.optional_text("object_key")?,
    })
}
