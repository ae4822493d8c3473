-- Recordings of calls. What is shown of one stands on its call too; here is what it is found, kept and
-- deleted by.
CREATE TABLE recording (
    call_id TEXT PRIMARY KEY REFERENCES call (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    status TEXT NOT NULL,
    -- Where it is in the store of recordings; null before it is there, and once it is gone from there.
    object_key TEXT,
    date_started INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    -- Pairs of milliseconds, `from-to`, with commas.
    gaps TEXT NOT NULL,
    -- The waveform: one byte for each piece.
    peaks BLOB,
    peak_interval_ms INTEGER NOT NULL DEFAULT 100
) STRICT, WITHOUT ROWID;
CREATE INDEX recording_by_age ON recording (organization_id, date_started) WHERE status = 'stored';
CREATE INDEX recording_unfinished ON recording (call_id) WHERE status IN ('recording', 'paused');
CREATE INDEX recording_undeleted ON recording (call_id)
    WHERE status = 'deleted' AND object_key IS NOT NULL;
