-- Rules for orders.
ALTER TABLE orders ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT of_user;
-- pgkeep:step
ALTER TABLE orders ALTER note SET DEFAULT 'a, b';
ALTER TABLE orders ADD CONSTRAINT orders_total_check CHECK (total > 0) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_total_check;
-- pgkeep:step
ALTER TABLE ONLY shop."Orders" ADD CHECK (a > b) NOT VALID;
CREATE UNIQUE INDEX CONCURRENTLY orders_a_b_c_key ON orders (a, b) INCLUDE (c) WITH (fillfactor = 70);
ALTER TABLE orders ADD CONSTRAINT orders_a_b_c_key UNIQUE USING INDEX orders_a_b_c_key DEFERRABLE INITIALLY DEFERRED;
-- pgkeep:step
ALTER TABLE orders ADD CONSTRAINT orders_id_pgkeep_not_null CHECK (id IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_id_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ALTER COLUMN id SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_id_pgkeep_not_null;
CREATE UNIQUE INDEX CONCURRENTLY orders_key ON orders (id);
ALTER TABLE orders ADD CONSTRAINT orders_key PRIMARY KEY USING INDEX orders_key;
-- pgkeep:step
ALTER TABLE orders ADD EXCLUDE USING gist (span WITH &&);
ALTER TABLE orders ADD CONSTRAINT orders_total_pgkeep_not_null CHECK (total IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_total_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ALTER COLUMN total SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_total_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE IF EXISTS orders ADD CHECK (x > 1);
ALTER TABLE a_table_with_a_name_that_is_quite_long_indeed_for_a_table_name ADD CONSTRAINT a_table_with_a_name_that_is_q_a_column_that_is_long_as_wel_fkey FOREIGN KEY (a_column_that_is_long_as_well_to_be_cut) REFERENCES users NOT VALID;
-- pgkeep:step
ALTER TABLE a_table_with_a_name_that_is_quite_long_indeed_for_a_table_name VALIDATE CONSTRAINT a_table_with_a_name_that_is_q_a_column_that_is_long_as_wel_fkey;
