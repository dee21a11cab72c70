CREATE ROLE g_lock_timeout_none_deploy LOGIN;
CREATE TABLE orders (id bigint PRIMARY KEY);
ALTER TABLE orders OWNER TO g_lock_timeout_none_deploy;
CREATE ROLE g_lock_timeout_none_app LOGIN;
