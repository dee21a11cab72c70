-- Carts without an owner that nobody opened since spring.
-- pgkeep:batch key=id size=200
DELETE FROM carts WHERE user_id IS NULL AND updated_on < date '2024-06-01';
