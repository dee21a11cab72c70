CREATE TABLE product_attributes (product_id bigint, attribute_name text, value text, PRIMARY KEY (product_id, attribute_name));
