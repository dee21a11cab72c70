-- The way back from V045__legacy_notes_go.sql: the column comes back, its notes do not.
ALTER TABLE users ADD COLUMN legacy_notes text;
