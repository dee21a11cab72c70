CREATE TABLE "order" (id bigint PRIMARY KEY, "first name" text, "select" text);
CREATE TABLE tbl_users (id bigint PRIMARY KEY);
