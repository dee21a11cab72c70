CREATE TABLE aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa (id bigint);
CREATE INDEX "Index éééééééééééééééééééééééééééééé" ON orders (id);
