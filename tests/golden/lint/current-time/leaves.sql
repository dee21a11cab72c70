SELECT CURRENT_TIMESTAMP, LOCALTIME, now();
CREATE TABLE t (id bigint PRIMARY KEY, "current_time" text);
