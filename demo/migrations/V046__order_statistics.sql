-- The planner took state and day for independent, and chose badly for the list of open orders.
CREATE STATISTICS orders_user_state (ndistinct, dependencies) ON user_id, state FROM orders;
ALTER TABLE orders ALTER COLUMN state SET STATISTICS 500;
