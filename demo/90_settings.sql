-- Settings of the server that somebody once "tuned"; last, for they would slow the rest down or hide it from the counters.
SELECT pg_stat_force_next_flush();
DO $$
BEGIN
  -- Before 17 a slot does not tell since when it is idle: what it keeps must speak for it.
  WHILE current_setting('server_version_num')::integer < 170000 AND
        (SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM pg_replication_slots WHERE slot_name = 'replica_2021') < 1200000000 LOOP
    PERFORM pg_logical_emit_message(false, 'demo', 'a segment each');
    PERFORM pg_switch_wal();
  END LOOP;
END $$;
ALTER SYSTEM SET archive_command = '/bin/false';
SELECT pg_reload_conf();
SELECT pg_sleep(0.5);
DO $$
BEGIN
  FOR i IN 1..14 LOOP
    PERFORM pg_logical_emit_message(false, 'demo', 'a segment each');
    PERFORM pg_switch_wal();
  END LOOP;
END $$;
DO $$
BEGIN
  FOR i IN 1..100 LOOP  -- Until the archiver has failed once.
    PERFORM pg_stat_clear_snapshot();
    EXIT WHEN (SELECT failed_count FROM pg_stat_archiver) > 0;
    PERFORM pg_sleep(0.1);
  END LOOP;
END $$;
ALTER SYSTEM SET archive_command = '';
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
CHECKPOINT;
ALTER SYSTEM SET work_mem = '512MB';
ALTER SYSTEM SET effective_cache_size = '64MB';
ALTER SYSTEM SET enable_hashjoin = off;
ALTER SYSTEM SET zero_damaged_pages = on;
ALTER SYSTEM SET log_statement = 'all';
ALTER SYSTEM SET log_hostname = on;
ALTER SYSTEM SET password_encryption = 'md5';
ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1';
ALTER SYSTEM SET max_worker_processes = 12;  -- and nobody restarted
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 10', current_database()); END $$;
SELECT pg_stat_force_next_flush();
ALTER SYSTEM SET track_counts = off;
SELECT pg_reload_conf();
