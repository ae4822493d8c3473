-- What people do with their own accounts: see where they are signed in, come back after a lost password,
-- change their address, and prove themselves by a second factor.

-- Which device it is, in the words of its client; from where it was used last, and when.
ALTER TABLE sign_in ADD COLUMN device_name TEXT;
ALTER TABLE sign_in ADD COLUMN address TEXT;
ALTER TABLE sign_in ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
UPDATE sign_in SET used_at = created_at;
-- The refresh token before the newest one: for a minute it gives the same newest one again, if the answer
-- was lost. `successor_key` and that token itself make the newest; each alone is of no use.
ALTER TABLE sign_in ADD COLUMN previous_hash BLOB;
ALTER TABLE sign_in ADD COLUMN successor_key BLOB;
ALTER TABLE sign_in ADD COLUMN rotated_at INTEGER;
ALTER TABLE access_token ADD COLUMN used INTEGER NOT NULL DEFAULT 0;

-- A link that is good once: to choose a new password, or to confirm a new e-mail address. The link's secret
-- is kept only as its SHA-256. There is one of each kind for an account; a newer one takes its place.
CREATE TABLE account_link (
    token_hash BLOB PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    -- `reset_by_admin`, `reset_by_mail` or `email`.
    kind TEXT NOT NULL,
    -- The new address.
    email TEXT,
    -- Who made it; nobody where it was asked for by mail.
    creator_id TEXT REFERENCES account (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (account_id, kind)
) STRICT, WITHOUT ROWID;

-- The second factor of an account (RFC 6238). It counts once its first code was shown.
CREATE TABLE second_factor (
    account_id TEXT PRIMARY KEY REFERENCES account (id),
    secret BLOB NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0,
    -- The step of the last code that was taken: no code counts twice.
    last_step INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Codes for who has lost their second factor, kept as SHA-256. One that was used is gone.
CREATE TABLE recovery_code (
    account_id TEXT NOT NULL REFERENCES account (id),
    hash BLOB NOT NULL,
    PRIMARY KEY (account_id, hash)
) STRICT, WITHOUT ROWID;

-- Who has shown their password, and not yet their second factor. The ticket is kept as its SHA-256.
CREATE TABLE sign_in_ticket (
    token_hash BLOB PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    -- What the client said of itself, as JSON.
    client TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_ticket_of_account ON sign_in_ticket (account_id, expires_at);

-- Whether its members must have a second factor.
ALTER TABLE organization ADD COLUMN second_factor_required INTEGER NOT NULL DEFAULT 0;
