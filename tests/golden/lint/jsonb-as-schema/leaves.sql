SELECT data->>'user_id' FROM t WHERE data @> '{"source": "mobile"}';
SELECT id FROM t WHERE data->>$1 = '42';
