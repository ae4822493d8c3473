-- What those who manage an organization change: roles of their own, how it records, whose a number is,
-- and invitations by link.
ALTER TABLE role ADD COLUMN built_in INTEGER NOT NULL DEFAULT 0;
UPDATE role SET built_in = 1 WHERE name IN ('Admin', 'Manager', 'Trainee', 'User');

ALTER TABLE organization ADD COLUMN recording_enabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organization ADD COLUMN recording_announced INTEGER NOT NULL DEFAULT 0;
-- Days; 0 is for as long as the lead is kept.
ALTER TABLE organization ADD COLUMN recording_retention_days INTEGER NOT NULL DEFAULT 0;
-- Micro-dollars below which the balance is low.
ALTER TABLE organization ADD COLUMN low_balance INTEGER NOT NULL DEFAULT 5000000;

-- `inherit`, `on` or `off`.
ALTER TABLE membership ADD COLUMN recording TEXT NOT NULL DEFAULT 'inherit';

-- Whose a number is: calls to it ring them.
ALTER TABLE phone_number ADD COLUMN account_id TEXT REFERENCES account (id);
-- Who may call from it; everybody when there is no row.
CREATE TABLE phone_number_user (
    phone_number_id TEXT NOT NULL REFERENCES phone_number (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id),
    PRIMARY KEY (phone_number_id, account_id)
) STRICT, WITHOUT ROWID;

-- An invitation into the organization. The link's secret is kept only as its SHA-256.
CREATE TABLE member_invite (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    token_hash BLOB NOT NULL UNIQUE,
    email TEXT,
    role_id TEXT NOT NULL REFERENCES role (id) ON DELETE CASCADE,
    inviter_id TEXT NOT NULL REFERENCES account (id),
    account_id TEXT REFERENCES account (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX member_invite_of_organization ON member_invite (organization_id, created_at DESC);

CREATE TABLE member_invite_team (
    member_invite_id TEXT NOT NULL REFERENCES member_invite (id) ON DELETE CASCADE,
    team_id TEXT NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    PRIMARY KEY (member_invite_id, team_id)
) STRICT, WITHOUT ROWID;
