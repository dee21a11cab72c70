-- The way back of V007__case.sql.
ALTER TABLE a_table_with_a_name_that_is_quite_long_indeed_for_a_table_name DROP CONSTRAINT a_table_with_a_name_that_is_q_a_column_that_is_long_as_wel_fkey;
-- Not undone here: ALTER TABLE IF EXISTS orders ADD CHECK (x > 1)
ALTER TABLE orders ALTER COLUMN total DROP NOT NULL;
-- Not undone here: ALTER TABLE orders ADD EXCLUDE USING gist (span WITH &&)
ALTER TABLE orders DROP CONSTRAINT orders_key;
ALTER TABLE orders ALTER COLUMN id DROP NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_a_b_c_key;
-- Not undone here: ALTER TABLE ONLY shop."Orders" ADD CHECK (a > b) NOT VALID
ALTER TABLE orders DROP CONSTRAINT orders_total_check;
-- Not undone here: ALTER TABLE orders ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES user…
ALTER TABLE orders DROP CONSTRAINT of_user;
