CREATE TABLE invoices (id bigint PRIMARY KEY);
COMMENT ON TABLE invoices IS 'One row for each invoice that was sent.';
CREATE TEMPORARY TABLE t (id bigint);
