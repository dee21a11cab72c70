CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, begins_at timestamptz NOT NULL, kept timestamp);
SELECT begins_at AT TIME ZONE 'Europe/Berlin' FROM events;
SELECT kept AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin' FROM events;
SELECT unknown_at AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin' FROM elsewhere;
SELECT date_trunc('day', begins_at AT TIME ZONE 'Europe/Berlin') AT TIME ZONE 'Europe/Berlin' FROM events;
