UPDATE t SET a = b, c = o.c FROM o WHERE o.id = t.id;
INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = excluded.a;
