-- Money. Every line of the ledger is added once and never changed: a charge is unique by leg, minute and
-- kind, a payment by the client's own name for it. Amounts are micro-dollars, charges below zero.
CREATE TABLE ledger (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    date INTEGER NOT NULL,
    kind TEXT NOT NULL,
    micro_dollars INTEGER NOT NULL,
    -- What was charged for stays written when the call itself is deleted.
    call_id TEXT,
    leg_id TEXT,
    account_id TEXT,
    minute INTEGER,
    request_id TEXT,
    CHECK ((leg_id IS NULL) = (minute IS NULL) AND (leg_id IS NULL) = (request_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ledger_charge ON ledger (leg_id, minute, kind) WHERE leg_id IS NOT NULL;
CREATE UNIQUE INDEX ledger_payment ON ledger (organization_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX ledger_of_organization ON ledger (organization_id, date DESC, id DESC);
CREATE INDEX ledger_of_call ON ledger (call_id, date);

CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is only added to');
END;
CREATE TRIGGER ledger_is_not_deleted BEFORE DELETE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is only added to');
END;

-- The running total, which is checked against the sum.
CREATE TABLE balance (
    organization_id TEXT PRIMARY KEY REFERENCES organization (id),
    micro_dollars INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER ledger_adds_up AFTER INSERT ON ledger
BEGIN
    INSERT INTO balance (organization_id, micro_dollars) VALUES (NEW.organization_id, NEW.micro_dollars)
    ON CONFLICT (organization_id) DO UPDATE SET micro_dollars = micro_dollars + NEW.micro_dollars;
END;

-- When the service was last known to run with a call in it: what was cut off is charged until then.
CREATE TABLE alive (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
