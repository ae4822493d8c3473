-- What a call can come to: a list that those who manage the organization edit.
CREATE TABLE outcome (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    position BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL
);
CREATE INDEX outcome_of_organization ON outcome (organization_id, position, id);

-- Organizations that are there already begin with the same list as new ones.
INSERT INTO outcome (id, organization_id, position, name)
SELECT 'outcome_' || replace(CAST(gen_random_uuid() AS TEXT), '-', ''), organization.id,
    first.position, first.name
FROM organization
CROSS JOIN (VALUES
    (0, 'Connected'),
    (1, 'Left voicemail'),
    (2, 'No answer'),
    (3, 'Wrong number'),
    (4, 'Not interested')
) AS first (position, name);
