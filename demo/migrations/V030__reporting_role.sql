-- Reports read, and nothing else. Roles belong to the server, so another database may have made it.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_report') THEN
    CREATE ROLE shop_report NOLOGIN;
  END IF;
END $$;
GRANT USAGE ON SCHEMA public TO shop_report;
GRANT SELECT ON orders, order_items, products, categories TO shop_report;
