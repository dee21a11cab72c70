-- What the list of orders shows: one row an order, with who and how much.
CREATE OR REPLACE VIEW order_overview WITH (security_invoker = true) AS
SELECT o.id, o.user_id, u.full_name, o.state, o.placed_at, order_total(o.id) AS total_cents
FROM orders o JOIN users u ON u.id = o.user_id;
