-- Stars. They were imported from the old shop, so the rules come after the rows.
CREATE TABLE product_reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL,
    user_id bigint NOT NULL,
    rating integer NOT NULL,
    body text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX product_reviews_product_id ON product_reviews (product_id);
CREATE INDEX product_reviews_user_id ON product_reviews (user_id);
INSERT INTO product_reviews (id, product_id, user_id, rating, created_at) OVERRIDING SYSTEM VALUE
SELECT i, 1 + i % sample_rows(1000), 1 + i % sample_rows(2000), i % 6, timestamptz '2024-05-01 00:00+00' + i * interval '3 minutes'
FROM generate_series(1, sample_rows(2000)) AS i;
SELECT setval(pg_get_serial_sequence('product_reviews', 'id'), (SELECT max(id) FROM product_reviews));
