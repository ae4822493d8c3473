-- What a call can come to: a list that those who manage the organization edit.
CREATE TABLE outcome (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    position INTEGER NOT NULL,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outcome_of_organization ON outcome (organization_id, position, id);

-- Organizations that are there already begin with the same list as new ones.
INSERT INTO outcome (id, organization_id, position, name)
SELECT 'outcome_' || lower(hex(randomblob(16))), organization.id, first.position, first.name
FROM organization
CROSS JOIN (
    SELECT 0 AS position, 'Connected' AS name
    UNION ALL SELECT 1, 'Left voicemail'
    UNION ALL SELECT 2, 'No answer'
    UNION ALL SELECT 3, 'Wrong number'
    UNION ALL SELECT 4, 'Not interested'
) AS first;
