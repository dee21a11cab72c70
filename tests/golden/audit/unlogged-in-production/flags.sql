-- a_hits comes first by name, but can only be logged after the table that it references.
CREATE UNLOGGED TABLE cache (term text PRIMARY KEY);
CREATE UNLOGGED TABLE a_hits (term text PRIMARY KEY REFERENCES cache (term));
