-- database: shop.json
-- Fifty rows.
UPDATE people SET email = lower(email);
