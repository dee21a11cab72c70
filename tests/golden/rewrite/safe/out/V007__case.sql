-- Nothing to do here.
CREATE TABLE fresh (id int);
ALTER TABLE fresh ALTER id SET NOT NULL;
ALTER TABLE orders ADD a int;; -- fine
SELECT ';' /* ; */;
