-- The way back of V007__case.sql.
-- pgkeep:loses fresh: all its rows
DROP TABLE fresh;
-- Not undone here: DROP INDEX old_three CASCADE
-- Not undone here: what index shop.old_two was, the text does not say
-- Not undone here: what index old_one was, the text does not say
DROP INDEX CONCURRENTLY orders_tags_idx;
DROP INDEX CONCURRENTLY shop.orders_email;
DROP INDEX CONCURRENTLY IF EXISTS orders_day;
