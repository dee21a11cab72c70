-- "Shipment" meant the lorry to everybody else. Programs that ask for the old name find a view.
ALTER TABLE shipments RENAME TO deliveries;
CREATE VIEW shipments WITH (security_invoker = true) AS SELECT id, order_id, carrier, shipped_on FROM deliveries;
