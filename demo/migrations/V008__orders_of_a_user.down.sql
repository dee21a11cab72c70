-- The way back from V008__orders_of_a_user.sql.
DROP INDEX CONCURRENTLY orders_user_id_placed_at;
