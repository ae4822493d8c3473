-- Who calls in is found by their number, in whichever way it was entered.
ALTER TABLE contact_phone ADD COLUMN digits TEXT GENERATED ALWAYS AS (
    replace(replace(replace(replace(replace(replace(replace(
        number, '+', ''), ' ', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', '')) VIRTUAL;
CREATE INDEX contact_phone_of_digits ON contact_phone (digits, contact_id);

-- The one lead of an organization that stands for everybody who withholds their number.
ALTER TABLE lead ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX lead_of_withheld_number ON lead (organization_id) WHERE withheld = 1;
