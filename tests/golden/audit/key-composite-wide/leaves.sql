CREATE TABLE prices (shop_id bigint, product_id bigint, valid_from date, price numeric(12, 2),
    PRIMARY KEY (shop_id, product_id, valid_from));
