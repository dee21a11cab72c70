CREATE TABLE cache (term text PRIMARY KEY);
CREATE TEMPORARY TABLE hits (term text);
