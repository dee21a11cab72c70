-- What an application of five years has collected in the cluster: a superuser for the application, old passwords, no timeouts, forgotten
-- slots and transactions. A statement under "may-fail" may find its work done by a load that was killed.
-- A killed load may have come as far as switching the counters off.
ALTER SYSTEM RESET ALL;
SELECT pg_reload_conf();
-- may-fail
ROLLBACK PREPARED 'payment-2291';
DROP ROLE IF EXISTS shop_app, shop_report, shop_admin, shop_worker;
SET password_encryption = 'md5';
CREATE ROLE shop_app LOGIN SUPERUSER PASSWORD 'shop_app';
CREATE ROLE shop_admin LOGIN SUPERUSER PASSWORD 'admin-2019' VALID UNTIL '2025-06-30';
CREATE ROLE shop_report LOGIN PASSWORD 'report-2019' CREATEROLE CONNECTION LIMIT 2;
GRANT pg_read_server_files TO shop_report;
CREATE ROLE shop_worker LOGIN;
RESET password_encryption;
-- The one thing that somebody did see to.
ALTER ROLE shop_app SET statement_timeout = '30s';
ALTER ROLE shop_app SET idle_in_transaction_session_timeout = '10min';

-- "It was slow, so I switched it off."
ALTER SYSTEM SET fsync = off;
ALTER SYSTEM SET full_page_writes = off;
ALTER SYSTEM SET synchronous_commit = off;
ALTER SYSTEM SET autovacuum = off;
ALTER SYSTEM SET max_wal_size = '64MB';
-- A replica that is gone for good: its slot was invalidated, then the limit was taken away.
ALTER SYSTEM SET max_slot_wal_keep_size = '1MB';
SELECT pg_reload_conf();
-- may-fail
SELECT pg_drop_replication_slot('replica_2019');
-- may-fail
SELECT pg_drop_replication_slot('replica_2021');
SELECT pg_create_physical_replication_slot('replica_2019', true);
SELECT pg_sleep(0.5);
DO $$
BEGIN
  FOR i IN 1..4 LOOP
    PERFORM pg_logical_emit_message(false, 'demo', 'a segment each');
    PERFORM pg_switch_wal();
  END LOOP;
END $$;
CHECKPOINT;
ALTER SYSTEM RESET max_slot_wal_keep_size;
SELECT pg_reload_conf();
SELECT pg_sleep(0.5);
-- And one whose slot goes on keeping everything.
SELECT pg_create_physical_replication_slot('replica_2021', true);

-- A payment that a coordinator prepared and forgot.
BEGIN;
SELECT pg_current_xact_id();
PREPARE TRANSACTION 'payment-2291';

-- may-fail
CREATE DATABASE legacy TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';
