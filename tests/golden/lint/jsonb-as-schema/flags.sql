SELECT id FROM t WHERE data->>'user_id' = '42';
