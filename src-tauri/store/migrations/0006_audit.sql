-- The audit log (A4): only ever added to, in the order in which things happened. It outlives what it
-- tells of, so it refers to nothing but its organization.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    date INTEGER NOT NULL,
    action TEXT NOT NULL,
    allowed INTEGER NOT NULL,
    code TEXT,
    account_id TEXT,
    device_id TEXT,
    address TEXT,
    call_id TEXT,
    target TEXT,
    detail TEXT
) STRICT;
CREATE INDEX audit_of_organization ON audit (organization_id, seq DESC);
CREATE INDEX audit_of_account ON audit (organization_id, account_id, seq DESC);
CREATE INDEX audit_of_call ON audit (organization_id, call_id, seq DESC);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
-- A line that is tried again is there already; and none is written over by INSERT OR REPLACE.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR seq = NEW.seq)
BEGIN
    SELECT RAISE(IGNORE);
END;
