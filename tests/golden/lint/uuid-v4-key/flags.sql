-- pg-version: 18
CREATE TABLE a (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
CREATE TABLE b (id uuid DEFAULT uuid_generate_v4(), PRIMARY KEY (id));
