-- Imports of leads, each as the API shows it, and how its file is read. What an import did is kept so that
-- it can be undone: which leads it made, and how those that it changed were before.
CREATE TABLE import (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    state TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX import_of_organization ON import (organization_id, created_at, id);

-- `version` is what the lead's was after the import's last change to it: any other says that someone
-- changed it since. `before` is empty for a lead that the import made. The lead may be gone by now.
CREATE TABLE import_lead (
    import_id TEXT COLLATE "C" NOT NULL REFERENCES import (id) ON DELETE CASCADE,
    lead_id TEXT COLLATE "C" NOT NULL,
    line BIGINT NOT NULL,
    version BIGINT NOT NULL,
    before TEXT COLLATE "C",
    PRIMARY KEY (import_id, lead_id)
);
