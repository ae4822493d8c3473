-- Imports of leads, each as the API shows it, and how its file is read. What an import did is kept so that
-- it can be undone: which leads it made, and how those that it changed were before.
CREATE TABLE import (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    touched_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX import_of_organization ON import (organization_id, created_at, id);

-- `version` is what the lead's was after the import's last change to it: any other says that someone
-- changed it since. `before` is empty for a lead that the import made. The lead may be gone by now.
CREATE TABLE import_lead (
    import_id TEXT NOT NULL REFERENCES import (id) ON DELETE CASCADE,
    lead_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    version INTEGER NOT NULL,
    before TEXT,
    PRIMARY KEY (import_id, lead_id)
) STRICT, WITHOUT ROWID;
