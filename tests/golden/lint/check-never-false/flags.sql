CREATE TABLE a (id bigint PRIMARY KEY, x int CHECK (x = NULL), kind text,
  CONSTRAINT two CHECK (kind <> 'a' OR kind <> 'b'), CONSTRAINT lst CHECK (kind IN ('a', NULL)), CHECK (true));
ALTER TABLE a ADD CONSTRAINT opp CHECK (x > 0 OR x <= 0) NOT VALID;
ALTER TABLE a ADD CONSTRAINT same CHECK (x = x AND kind <> NULL) NOT VALID;
