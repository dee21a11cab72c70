CREATE TABLE products (id bigint PRIMARY KEY, tag_ids integer[]);
CREATE TABLE teams (id bigint PRIMARY KEY, member_ids uuid[] NOT NULL DEFAULT '{}');
