CREATE TABLE coupons (code varchar(40) PRIMARY KEY);
INSERT INTO coupons SELECT 'SAVE' || g FROM generate_series(1, 2000) g;
CREATE TABLE articles (slug text PRIMARY KEY);
INSERT INTO articles SELECT 'article-' || g FROM generate_series(1, 2000) g;
ANALYZE;
