-- database: shop.json
ALTER TABLE logs ATTACH PARTITION logs_new FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
