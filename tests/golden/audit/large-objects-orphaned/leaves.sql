CREATE TABLE attachments (id bigint NOT NULL, content oid NOT NULL);
INSERT INTO attachments SELECT 1, lo_create(0);
