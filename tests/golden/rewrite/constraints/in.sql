-- Rules for orders.
ALTER TABLE orders ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE, ALTER note SET DEFAULT 'a, b', ADD CHECK (total > 0);
ALTER TABLE ONLY shop."Orders" ADD CHECK (a > b) NOT VALID;
ALTER TABLE orders ADD UNIQUE (a, b) INCLUDE (c) WITH (fillfactor = 70) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE orders ADD CONSTRAINT orders_key PRIMARY KEY (id);
ALTER TABLE orders ADD EXCLUDE USING gist (span WITH &&);
ALTER TABLE orders ALTER COLUMN total SET NOT NULL;
ALTER TABLE IF EXISTS orders ADD CHECK (x > 1);
ALTER TABLE a_table_with_a_name_that_is_quite_long_indeed_for_a_table_name ADD FOREIGN KEY (a_column_that_is_long_as_well_to_be_cut) REFERENCES users;
