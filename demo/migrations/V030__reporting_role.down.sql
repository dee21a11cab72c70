-- The way back from V030__reporting_role.sql; the role stays, for other databases of the server may use it.
REVOKE SELECT ON orders, order_items, products, categories FROM shop_report;
REVOKE USAGE ON SCHEMA public FROM shop_report;
