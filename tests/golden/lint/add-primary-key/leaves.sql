CREATE TABLE orders (id bigint);
ALTER TABLE orders ADD PRIMARY KEY (id);
ALTER TABLE users ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_id_key;
