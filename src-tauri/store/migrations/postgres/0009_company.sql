-- What an organization is to whoever runs the service (O1, O2, O5): where it is, what it may do by itself,
-- which numbers it was given, and the links by which organizations are set up.
ALTER TABLE organization ADD COLUMN country TEXT COLLATE "C" NOT NULL DEFAULT 'US';
ALTER TABLE organization ADD COLUMN time_zone TEXT COLLATE "C" NOT NULL DEFAULT 'UTC';
ALTER TABLE organization ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organization ADD COLUMN suspended BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organization ADD COLUMN top_up_allowed BIGINT NOT NULL DEFAULT 0;
-- Whether it is of the demonstration.
ALTER TABLE organization ADD COLUMN demo BIGINT NOT NULL DEFAULT 0;
-- Grows with each change that was made beside the running service, over all organizations.
ALTER TABLE organization ADD COLUMN operated BIGINT NOT NULL DEFAULT 0;
CREATE INDEX organization_by_operated ON organization (operated);

-- Only the demonstration has put in credit by this name.
UPDATE organization SET demo = 1, top_up_allowed = 1
WHERE EXISTS (SELECT 1 FROM ledger WHERE ledger.organization_id = organization.id AND request_id = 'demo');

-- What was written about credit or a correction.
ALTER TABLE ledger ADD COLUMN note TEXT COLLATE "C";

-- Whose a number is to use. Also one that the organization doesn't use now.
CREATE TABLE assigned_number (
    number TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id)
);
CREATE INDEX assigned_number_of_organization ON assigned_number (organization_id, number);
INSERT INTO assigned_number (number, organization_id) SELECT number, organization_id FROM phone_number;

-- A link by which an organization is set up, once. Its secret is kept only as its SHA-256.
CREATE TABLE setup_link (
    token_hash BYTEA PRIMARY KEY,
    -- The organization that its first admin comes into; null for one that is yet to be made.
    organization_id TEXT COLLATE "C" REFERENCES organization (id),
    plan TEXT COLLATE "C" NOT NULL,
    top_up_allowed BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used BIGINT NOT NULL DEFAULT 0
);
