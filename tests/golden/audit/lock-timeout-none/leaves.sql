CREATE ROLE g_lock_timeout_none_deploy LOGIN;
ALTER ROLE g_lock_timeout_none_deploy SET lock_timeout = '5s';
CREATE TABLE orders (id bigint PRIMARY KEY);
ALTER TABLE orders OWNER TO g_lock_timeout_none_deploy;
