CREATE TABLE payments (id bigint PRIMARY KEY, status text NOT NULL CHECK (status IN ('new', 'paid')),
                       kind text REFERENCES kinds, order_type order_type, content_type text, state smallint);
CREATE TABLE kinds (kind text PRIMARY KEY);
ALTER TABLE payments ADD COLUMN refund_state text;
ALTER TABLE payments ADD CONSTRAINT known CHECK (refund_state = ANY (ARRAY['a', 'b'])) NOT VALID;
