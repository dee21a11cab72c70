-- What a customer has bought in all. It stands on order_overview, whatever the names of the files say.
CREATE OR REPLACE VIEW customer_totals WITH (security_invoker = true) AS
SELECT user_id, full_name, count(*) AS orders, sum(total_cents) AS total_cents FROM order_overview GROUP BY user_id, full_name;
