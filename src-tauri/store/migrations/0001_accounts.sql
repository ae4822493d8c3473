-- People, organizations, who is called, and sign-ins. Every id is text with its prefix; every moment is
-- milliseconds since the Unix epoch. What belongs to an organization carries its id (A3).
CREATE TABLE organization (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    plan TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE role (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    name TEXT NOT NULL,
    UNIQUE (organization_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE role_permission (
    role_id TEXT NOT NULL REFERENCES role (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, permission)
) STRICT, WITHOUT ROWID;

-- `email` is kept in lower case: it is what people sign in with.
CREATE TABLE account (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    password_hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A person is a member of one organization.
CREATE TABLE membership (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    account_id TEXT NOT NULL UNIQUE REFERENCES account (id),
    role_id TEXT NOT NULL REFERENCES role (id),
    active INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_of_organization ON membership (organization_id, account_id);

CREATE TABLE team (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX team_of_organization ON team (organization_id, name);

CREATE TABLE team_member (
    team_id TEXT NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id),
    PRIMARY KEY (team_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE lead (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    display_name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lead_of_organization ON lead (organization_id, display_name);

CREATE TABLE contact (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    lead_id TEXT NOT NULL REFERENCES lead (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    display_name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_of_lead ON contact (lead_id, position);
CREATE INDEX contact_of_organization ON contact (organization_id, display_name);

CREATE TABLE contact_phone (
    contact_id TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    number TEXT NOT NULL,
    PRIMARY KEY (contact_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE phone_number (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    number TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL,
    kind TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX phone_number_of_organization ON phone_number (organization_id, number);

-- One sign-in is one device. Tokens are kept only as SHA-256 of what the client holds.
CREATE TABLE sign_in (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    device_id TEXT NOT NULL UNIQUE,
    client_type TEXT NOT NULL,
    refresh_hash BLOB NOT NULL,
    refresh_expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_of_account ON sign_in (account_id, created_at);

CREATE TABLE access_token (
    hash BLOB PRIMARY KEY,
    sign_in_id TEXT NOT NULL REFERENCES sign_in (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_token_of_sign_in ON access_token (sign_in_id, expires_at);

-- What the readiness check writes and takes away again.
CREATE TABLE write_probe (
    id INTEGER PRIMARY KEY,
    filler BLOB NOT NULL
) STRICT;
