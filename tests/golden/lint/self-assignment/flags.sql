UPDATE t SET a = a, b = t.b WHERE id = 1;
