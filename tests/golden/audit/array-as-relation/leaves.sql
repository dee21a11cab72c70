CREATE TABLE products (id bigint PRIMARY KEY, tags text[], scores integer[]);
CREATE TABLE product_tags (product_id bigint, tag_id bigint, PRIMARY KEY (product_id, tag_id));
