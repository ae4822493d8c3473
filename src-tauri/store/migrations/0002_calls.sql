-- Calls, coaches' legs and invitations. Each row holds the whole of it as the API writes it, and beside
-- it the columns that are searched by.
CREATE TABLE call (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    lead_id TEXT NOT NULL,
    is_over INTEGER NOT NULL,
    date_created INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX call_of_organization ON call (organization_id, date_created DESC, id DESC);
CREATE INDEX call_of_lead ON call (organization_id, lead_id, date_created DESC, id DESC);
CREATE INDEX call_unfinished ON call (id) WHERE is_over = 0;

CREATE TABLE coach_leg (
    id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    date_created INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX coach_leg_of_call ON coach_leg (call_id, date_created, id);

CREATE TABLE invitation (
    id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    is_open INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invitation_of_call ON invitation (call_id);
CREATE INDEX invitation_open ON invitation (id) WHERE is_open = 1;
