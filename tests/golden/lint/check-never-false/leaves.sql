CREATE TABLE a (id bigint PRIMARY KEY, x int CHECK (x IS NOT NULL), y int, kind text,
  CHECK (kind <> 'a' AND kind <> 'b'), CHECK (kind IN ('a', 'b')), CHECK (x > 0 OR x <= y), CHECK (kind <> 'a' OR x <> 1),
  CHECK (x = y), CHECK (kind NOT IN ('a', NULL)), CHECK (x > 0 OR x IS NULL), CHECK (x = 1 OR x = 2));
