SELECT id FROM orders WHERE created_at > clock_timestamp() - interval '1 hour';
