CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz DEFAULT now(), day date, opens time);
