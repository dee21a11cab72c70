"""A large catalog of ordinary shape, made quickly: tables in 20 schemas, each of ten columns, three indexes and a few rows.

A tenth are written as good schemas are (identity keys, indexed foreign keys, row security), the others carry what databases that grew carry:
foreign keys without an index, indexes twice, no primary key, money as float. Nothing is random: the same number gives the same catalog.
"""

COLUMNS = 10
INDEXES = 3
BATCH = 250  # Tables a transaction: all their locks must fit into the lock table.

SETTINGS = {"shared_buffers": "512MB", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": 0, "max_wal_size": "8GB",
            "checkpoint_timeout": "1h", "autovacuum": "off", "synchronous_commit": "off", "max_locks_per_transaction": 128}

HEAD = """
CREATE ROLE big_app NOLOGIN;
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE FUNCTION public.who() RETURNS text STABLE LANGUAGE sql AS $$ SELECT current_setting('app.user', true) $$;
DO $$ BEGIN FOR s IN 0..19 LOOP EXECUTE format('CREATE SCHEMA area_%s', s); END LOOP; END $$;
"""

# Only what is in format() texts doubles its percent signs.
TABLES = """
DO $$
DECLARE
  place text;
BEGIN
  FOR n IN {first}..{last} LOOP
    place := format('area_%s.item_%s', n % 20, n);
    EXECUTE format('CREATE TABLE %s (id %s, tenant_id int NOT NULL, parent_id bigint, name %s, status text NOT NULL DEFAULT ''new'', '
                   'price %s, created_at %s NOT NULL DEFAULT now(), updated_at timestamptz, tags text[], payload %s%s)', place,
                   CASE WHEN n % 10 = 0 THEN 'bigint GENERATED ALWAYS AS IDENTITY' WHEN n % 10 < 6 THEN 'bigserial' ELSE 'bigint NOT NULL' END,
                   CASE WHEN n % 3 = 0 THEN 'varchar(255)' ELSE 'text' END,
                   CASE WHEN n % 4 = 0 THEN 'real' ELSE 'numeric(12,2)' END,
                   CASE WHEN n % 5 = 0 THEN 'timestamp' ELSE 'timestamptz' END,
                   CASE WHEN n % 7 = 0 THEN 'json' ELSE 'jsonb' END,
                   CASE WHEN n % 50 = 49 THEN '' ELSE ', PRIMARY KEY (id)' END);
    IF n % 50 = 49 THEN EXECUTE format('CREATE INDEX ON %s (id)', place); END IF;
    EXECUTE format('CREATE INDEX ON %s (tenant_id, created_at)', place);
    EXECUTE format(CASE n % 5 WHEN 0 THEN 'CREATE INDEX ON %s (tenant_id, created_at)' WHEN 1 THEN 'CREATE INDEX ON %s (lower(name))'
                              WHEN 2 THEN 'CREATE INDEX ON %s (status) WHERE status <> ''done''' ELSE 'CREATE INDEX ON %s (parent_id)' END, place);
    EXECUTE format('INSERT INTO %s (%stenant_id, parent_id, name, price) SELECT %si %% 3, NULL, ''name '' || i, i FROM generate_series(1, 5) i',
                   place, CASE WHEN n % 10 < 6 THEN '' ELSE 'id, ' END, CASE WHEN n % 10 < 6 THEN '' ELSE 'i, ' END);
    IF n >= 60 AND n % 2 = 0 THEN
      EXECUTE format('ALTER TABLE %s ADD FOREIGN KEY (parent_id) REFERENCES area_%s.item_%s', place, n % 20, n - 20);
    END IF;
    IF n % 4 = 1 THEN EXECUTE format('ALTER TABLE %s ADD CHECK (price >= 0)', place); END IF;
    IF n % 10 = 0 THEN
      EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', place);
      EXECUTE format('CREATE POLICY own ON %s USING (name = public.who())', place);
      EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION public.touch()', place);
    END IF;
    IF n % 2 = 0 THEN EXECUTE format('GRANT SELECT, INSERT ON %s TO big_app', place); END IF;
    IF n % 100 = 7 THEN EXECUTE format('CREATE VIEW area_%s.view_%s AS SELECT id, name FROM %s', n % 20, n, place); END IF;
  END LOOP;
END $$;
"""


def build(server, tables, database="postgres"):
    """Makes the catalog in an empty database of a support.Server, and analyses it."""
    server.psql(HEAD, database)
    for first in range(0, tables, BATCH):
        server.psql(TABLES.replace("{first}", str(first)).replace("{last}", str(min(first + BATCH, tables) - 1)), database)
    server.psql("ANALYZE", database)
    server.psql("CHECKPOINT", database)


def size(server, database="postgres"):
    """Tables, indexes and columns that users made."""
    return [int(n) for n in server.psql("""
        SELECT count(*) FILTER (WHERE c.relkind = 'r'), count(*) FILTER (WHERE c.relkind = 'i'),
               (SELECT count(*) FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace m ON m.oid = t.relnamespace
                WHERE t.relkind = 'r' AND a.attnum > 0 AND m.nspname LIKE 'area%')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'area%'""", database)[0]]
