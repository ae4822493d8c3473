-- Where a company is: numbers are read as they are written there, and days are its own.
ALTER TABLE organization ADD COLUMN country TEXT NOT NULL DEFAULT 'US';
ALTER TABLE organization ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
