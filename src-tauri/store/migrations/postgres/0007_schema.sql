-- The whole schema as it is after the steps 0001 to 0007 of SQLite, for PostgreSQL. A text is compared
-- byte by byte in both engines; what is true or not is 1 or 0.
CREATE TABLE organization (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    plan TEXT COLLATE "C" NOT NULL,
    recording_enabled BIGINT NOT NULL DEFAULT 0,
    recording_announced BIGINT NOT NULL DEFAULT 0,
    -- Days; 0 is for as long as the lead is kept.
    recording_retention_days BIGINT NOT NULL DEFAULT 0,
    -- Micro-dollars below which the balance is low.
    low_balance BIGINT NOT NULL DEFAULT 5000000
);

CREATE TABLE role (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    name TEXT COLLATE "C" NOT NULL,
    built_in BIGINT NOT NULL DEFAULT 0,
    UNIQUE (organization_id, name)
);

CREATE TABLE role_permission (
    role_id TEXT COLLATE "C" NOT NULL REFERENCES role (id) ON DELETE CASCADE,
    permission TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (role_id, permission)
);

-- `email` is kept in lower case: it is what people sign in with.
CREATE TABLE account (
    id TEXT COLLATE "C" PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL UNIQUE,
    first_name TEXT COLLATE "C" NOT NULL,
    last_name TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL
);

-- A person is a member of one organization.
CREATE TABLE membership (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    account_id TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES account (id),
    role_id TEXT COLLATE "C" NOT NULL REFERENCES role (id),
    active BIGINT NOT NULL DEFAULT 1,
    -- `inherit`, `on` or `off`.
    recording TEXT COLLATE "C" NOT NULL DEFAULT 'inherit'
);
CREATE INDEX membership_of_organization ON membership (organization_id, account_id);

CREATE TABLE team (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    name TEXT COLLATE "C" NOT NULL
);
CREATE INDEX team_of_organization ON team (organization_id, name);

CREATE TABLE team_member (
    team_id TEXT COLLATE "C" NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    PRIMARY KEY (team_id, account_id)
);

CREATE TABLE lead (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    display_name TEXT COLLATE "C" NOT NULL,
    -- The one lead of an organization that stands for everybody who withholds their number.
    withheld BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX lead_of_organization ON lead (organization_id, display_name);
CREATE UNIQUE INDEX lead_of_withheld_number ON lead (organization_id) WHERE withheld = 1;

CREATE TABLE contact (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    lead_id TEXT COLLATE "C" NOT NULL REFERENCES lead (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL
);
CREATE INDEX contact_of_lead ON contact (lead_id, position);
CREATE INDEX contact_of_organization ON contact (organization_id, display_name);

CREATE TABLE contact_phone (
    contact_id TEXT COLLATE "C" NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    -- Who calls in is found by their number, in whichever way it was entered.
    digits TEXT COLLATE "C" GENERATED ALWAYS AS (
        replace(replace(replace(replace(replace(replace(replace(
            number, '+', ''), ' ', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', '')) STORED,
    PRIMARY KEY (contact_id, position)
);
CREATE INDEX contact_phone_of_digits ON contact_phone (digits, contact_id);

CREATE TABLE phone_number (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    number TEXT COLLATE "C" NOT NULL UNIQUE,
    label TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    -- Whose a number is: calls to it ring them.
    account_id TEXT COLLATE "C" REFERENCES account (id)
);
CREATE INDEX phone_number_of_organization ON phone_number (organization_id, number);

-- Who may call from it; everybody when there is no row.
CREATE TABLE phone_number_user (
    phone_number_id TEXT COLLATE "C" NOT NULL REFERENCES phone_number (id) ON DELETE CASCADE,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    PRIMARY KEY (phone_number_id, account_id)
);

-- One sign-in is one device. Tokens are kept only as SHA-256 of what the client holds.
CREATE TABLE sign_in (
    id TEXT COLLATE "C" PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    device_id TEXT COLLATE "C" NOT NULL UNIQUE,
    client_type TEXT COLLATE "C" NOT NULL,
    refresh_hash BYTEA NOT NULL,
    refresh_expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX sign_in_of_account ON sign_in (account_id, created_at);

CREATE TABLE access_token (
    hash BYTEA PRIMARY KEY,
    sign_in_id TEXT COLLATE "C" NOT NULL REFERENCES sign_in (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX access_token_of_sign_in ON access_token (sign_in_id, expires_at);

-- What the readiness check writes and takes away again.
CREATE TABLE write_probe (
    id BIGINT PRIMARY KEY,
    filler BYTEA NOT NULL
);

-- Calls, coaches' legs and invitations. Each row holds the whole of it as the API writes it, and beside
-- it the columns that are searched by.
CREATE TABLE call (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    lead_id TEXT COLLATE "C" NOT NULL,
    is_over BIGINT NOT NULL,
    date_created BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX call_of_organization ON call (organization_id, date_created DESC, id DESC);
CREATE INDEX call_of_lead ON call (organization_id, lead_id, date_created DESC, id DESC);
CREATE INDEX call_unfinished ON call (id) WHERE is_over = 0;

CREATE TABLE coach_leg (
    id TEXT COLLATE "C" PRIMARY KEY,
    call_id TEXT COLLATE "C" NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    date_created BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX coach_leg_of_call ON coach_leg (call_id, date_created, id);

CREATE TABLE invitation (
    id TEXT COLLATE "C" PRIMARY KEY,
    call_id TEXT COLLATE "C" NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    is_open BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX invitation_of_call ON invitation (call_id);
CREATE INDEX invitation_open ON invitation (id) WHERE is_open = 1;

-- An invitation into the organization. The link's secret is kept only as its SHA-256.
CREATE TABLE member_invite (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    token_hash BYTEA NOT NULL UNIQUE,
    email TEXT COLLATE "C",
    role_id TEXT COLLATE "C" NOT NULL REFERENCES role (id) ON DELETE CASCADE,
    inviter_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    account_id TEXT COLLATE "C" REFERENCES account (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX member_invite_of_organization ON member_invite (organization_id, created_at DESC);

CREATE TABLE member_invite_team (
    member_invite_id TEXT COLLATE "C" NOT NULL REFERENCES member_invite (id) ON DELETE CASCADE,
    team_id TEXT COLLATE "C" NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    PRIMARY KEY (member_invite_id, team_id)
);

-- Money. Every line of the ledger is added once and never changed: a charge is unique by leg, minute and
-- kind, a payment by the client's own name for it. Amounts are micro-dollars, charges below zero.
CREATE TABLE ledger (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    date BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    micro_dollars BIGINT NOT NULL,
    -- What was charged for stays written when the call itself is deleted.
    call_id TEXT COLLATE "C",
    leg_id TEXT COLLATE "C",
    account_id TEXT COLLATE "C",
    minute BIGINT,
    request_id TEXT COLLATE "C",
    CHECK ((leg_id IS NULL) = (minute IS NULL) AND (leg_id IS NULL) = (request_id IS NOT NULL))
);
CREATE UNIQUE INDEX ledger_charge ON ledger (leg_id, minute, kind) WHERE leg_id IS NOT NULL;
CREATE UNIQUE INDEX ledger_payment ON ledger (organization_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX ledger_of_organization ON ledger (organization_id, date DESC, id DESC);
CREATE INDEX ledger_of_call ON ledger (call_id, date);

-- The running total, which is checked against the sum.
CREATE TABLE balance (
    organization_id TEXT COLLATE "C" PRIMARY KEY REFERENCES organization (id),
    micro_dollars BIGINT NOT NULL
);
CREATE FUNCTION ledger_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO balance (organization_id, micro_dollars) VALUES (NEW.organization_id, NEW.micro_dollars)
    ON CONFLICT (organization_id) DO UPDATE
        SET micro_dollars = balance.micro_dollars + excluded.micro_dollars;
    RETURN NULL;
END
$$;
CREATE TRIGGER ledger_adds_up AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION ledger_adds_up();

CREATE FUNCTION is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION is_only_added_to('the ledger is only added to');

-- When the service was last known to run with a call in it: what was cut off is charged until then.
CREATE TABLE alive (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    at BIGINT NOT NULL
);

-- Recordings of calls. What is shown of one stands on its call too; here is what it is found, kept and
-- deleted by.
CREATE TABLE recording (
    call_id TEXT COLLATE "C" PRIMARY KEY REFERENCES call (id) ON DELETE CASCADE,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    status TEXT COLLATE "C" NOT NULL,
    -- Where it is in the store of recordings; null before it is there, and once it is gone from there.
    object_key TEXT COLLATE "C",
    date_started BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    -- Pairs of milliseconds, `from-to`, with commas.
    gaps TEXT COLLATE "C" NOT NULL,
    -- The waveform: one byte for each piece.
    peaks BYTEA,
    peak_interval_ms BIGINT NOT NULL DEFAULT 100
);
CREATE INDEX recording_by_age ON recording (organization_id, date_started) WHERE status = 'stored';
CREATE INDEX recording_unfinished ON recording (call_id) WHERE status IN ('recording', 'paused');
CREATE INDEX recording_undeleted ON recording (call_id)
    WHERE status = 'deleted' AND object_key IS NOT NULL;

-- The audit log (A4): only ever added to, in the order in which things happened. It outlives what it
-- tells of, so it refers to nothing but its organization.
CREATE TABLE audit (
    seq BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    date BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    allowed BIGINT NOT NULL,
    code TEXT COLLATE "C",
    account_id TEXT COLLATE "C",
    device_id TEXT COLLATE "C",
    address TEXT COLLATE "C",
    call_id TEXT COLLATE "C",
    target TEXT COLLATE "C",
    detail TEXT COLLATE "C"
);
CREATE INDEX audit_of_organization ON audit (organization_id, seq DESC);
CREATE INDEX audit_of_account ON audit (organization_id, account_id, seq DESC);
CREATE INDEX audit_of_call ON audit (organization_id, call_id, seq DESC);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION is_only_added_to('the audit log is only added to');
