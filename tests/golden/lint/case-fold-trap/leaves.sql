CREATE TABLE Users (ID bigint PRIMARY KEY, firstName text, "order" text);
CREATE TEMP TABLE "T" (x int);
