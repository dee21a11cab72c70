-- How much lies where. What can be sold is computed by the server, so that no program gets it wrong.
CREATE TABLE inventory (
    product_id bigint NOT NULL REFERENCES products (id),
    warehouse text NOT NULL,
    on_hand integer NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
    reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    available integer GENERATED ALWAYS AS (on_hand - reserved) STORED,
    PRIMARY KEY (product_id, warehouse)
);
INSERT INTO inventory (product_id, warehouse, on_hand, reserved)
SELECT i, warehouse, i % 100, i % 7 FROM generate_series(1, sample_rows(1000)) AS i, unnest(ARRAY['north', 'south']) AS warehouse;
