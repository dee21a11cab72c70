-- Keys of every form, and a table that a publication sends by its replica identity.
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE memberships (org_id bigint, user_id bigint, PRIMARY KEY (org_id, user_id));
CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW recent AS SELECT * FROM events;
CREATE TEMPORARY TABLE scratch (x integer);
CREATE PUBLICATION g_missing_primary_key FOR ALL TABLES;
