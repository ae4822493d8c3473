-- Leads as people keep them: who looks after one, where it stands, what is known of it, labelled phones and
-- email addresses, and how it is found.
CREATE TABLE lead_status (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    position BIGINT NOT NULL,
    label TEXT COLLATE "C" NOT NULL
);
CREATE INDEX lead_status_of_organization ON lead_status (organization_id, position);
INSERT INTO lead_status (id, organization_id, position, label)
SELECT 'stat_' || substr(organization.id, 6) || '_' || new.position, organization.id, new.position, new.label
FROM organization CROSS JOIN (
    SELECT 0 AS position, 'Potential' AS label
    UNION ALL SELECT 1, 'Qualified'
    UNION ALL SELECT 2, 'Customer'
    UNION ALL SELECT 3, 'Not interested'
) AS new;

ALTER TABLE lead ADD COLUMN description TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lead ADD COLUMN status_id TEXT COLLATE "C" REFERENCES lead_status (id);
ALTER TABLE lead ADD COLUMN owner_id TEXT COLLATE "C" REFERENCES account (id);
ALTER TABLE lead ADD COLUMN date_created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lead ADD COLUMN date_updated BIGINT NOT NULL DEFAULT 0;
-- The name as lists are in order of it: without capitals and accents.
ALTER TABLE lead ADD COLUMN sort_name TEXT COLLATE "C" NOT NULL DEFAULT '';
-- By which number it stands in `lead_search` and `lead_key`; 0 until it stands there.
ALTER TABLE lead ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
UPDATE lead SET status_id = 'stat_' || substr(organization_id, 6) || '_0';
DROP INDEX lead_of_organization;
CREATE INDEX lead_by_name ON lead (organization_id, sort_name, id);
CREATE INDEX lead_by_status ON lead (organization_id, status_id, sort_name, id);
CREATE INDEX lead_by_owner ON lead (organization_id, owner_id, sort_name, id);
CREATE INDEX lead_of_place ON lead (place);

-- `office`, `mobile`, `home`, `direct`, `fax` or `other`.
ALTER TABLE contact_phone ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'office';
ALTER TABLE contact_phone ADD COLUMN extension TEXT COLLATE "C";
CREATE TABLE contact_email (
    contact_id TEXT COLLATE "C" NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (contact_id, position)
);

-- What a lead is found by exactly, or by its beginning: `n` and the digits of a number, with and without
-- country code; `r` and its digits from the last to the first; `e` and an email address.
CREATE TABLE lead_key (
    place BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organization (id),
    PRIMARY KEY (place, key)
);
CREATE INDEX lead_key_of_organization ON lead_key (organization_id, key, place);

-- The words of names and email addresses. Which words there are is decided by the code, so that both
-- engines find the same. Places are random here, so that whatever is searched for is spread evenly over them.
CREATE TABLE lead_search (
    place BIGINT PRIMARY KEY,
    words TSVECTOR NOT NULL
);
CREATE INDEX lead_search_of_words ON lead_search USING gin (words);
