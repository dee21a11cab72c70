/// One immutable picture of a database: catalog, sizes, statistics, settings, roles, activity,
/// replication.
///
/// Read in one REPEATABLE READ READ ONLY transaction by a constant number of set-based statements
/// (read_snapshot), or from a JSON file (snapshot_file.h). Everything that judges a database reads
/// a Snapshot; nothing that judges opens a connection. It holds no secret and no user data: readers
/// compute verdicts in place of password hashes, function bodies, options and common values.
///
/// User relations only: not in pg_catalog, information_schema, pg_toast or temporary schemas, nor
/// owned by an extension. Units: bytes, rows, seconds (ages are relative to Server::now); -1 =
/// unknown where a field says so. Field names are the JSON names and the column names of the
/// readers' SQL (fields.h lists them once). Thread-safety: immutable after link(); any number of
/// readers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/facts.h"
#include "catalog/host.h"
#include "postgres/conn.h"
#include "postgres/types.h"

namespace pgkeep::catalog {

using OidNumber = std::uint32_t;

struct Server {
  std::int32_t version = 0; ///< server_version_num.
  std::string version_text; ///< "15.18 (Debian 15.18-0+deb12u1)".
  double now = 0;           ///< Unix seconds, the server's clock at the transaction's start.
  double client_now = 0;    ///< Unix seconds, ours, at the same time.
  double start_time = 0;    ///< Unix seconds: pg_postmaster_start_time().
  double stats_since = 0; ///< Newest of the database's stats_reset, the bgwriter's, and the start.
                          ///< Since when counters count.
  bool is_standby = false;
  std::string database;
  OidNumber database_oid = 0;
  std::string user;
  bool is_superuser = false;
  bool is_monitor = false; ///< Member of pg_monitor (or superuser).
  bool is_local = false;   ///< We came over a Unix socket or loopback to a server of this machine.
  std::string address;     ///< Where we connected: "/run/x:5432" or "10.0.0.5:5432".
  std::string system_identifier; ///< Empty where pg_control_system() may not be called.
  std::int64_t wal_position = 0; ///< Current (or replayed) LSN as a number of bytes.
  std::string managed_by; ///< "rds", "cloudsql", "azure", ... by the roles and settings such hosts
                          ///< have; empty = none recognised.
};

struct Standby {
  double replay_age_s =
      -1; ///< now - pg_last_xact_replay_timestamp(), when received <> replayed; else 0.
  std::int64_t receive_position = 0;
  std::int64_t replay_position = 0;
  std::int64_t conflicts = 0; ///< pg_stat_database_conflicts, all kinds, this database.
};

struct Setting {
  std::string name;
  std::string value; ///< What the server gives to sessions: never this session's own, nor the
                     ///< auditor's role's or database's.
  std::string boot_value;
  std::string unit; ///< "8kB", "ms", "kB", "s", "min" or empty.
  std::string type; ///< bool, integer, real, string, enum.
  std::string source;
  std::string source_file; ///< Superuser only.
  std::int32_t source_line = 0;
  std::string context; ///< postmaster, sighup, superuser, user, ...
  bool pending_restart = false;
};

/// An error in postgresql.conf, postgresql.auto.conf or included files.
struct FileError {
  std::string file;
  std::int32_t line = 0;
  std::string name;
  std::string error;
};

struct HbaRule {
  std::string file; ///< 16+; hba_file before.
  std::int32_t line = 0;
  std::string type; ///< local, host, hostssl, hostnossl, hostgssenc, hostnogssenc.
  std::vector<std::string> databases;
  std::vector<std::string> users;
  std::string address;
  std::string netmask;
  std::string method;
  std::vector<std::string> options;
  std::string error;
};

struct Database {
  OidNumber oid = 0;
  std::string name;
  std::string owner;
  std::string encoding;
  std::string collate;
  std::int32_t connection_limit = -1;
  bool is_template = false;
  bool allows_connections = true;
  std::string collation_version;        ///< 15+; recorded.
  std::string collation_version_actual; ///< 15+; of the library now.
  std::int64_t xid_age = 0;             ///< age(datfrozenxid).
  std::int64_t mxid_age = 0;            ///< mxid_age(datminmxid).
  std::int64_t size_bytes = -1;         ///< -1: no CONNECT right.
  bool public_connect = false;
  bool public_temporary = false;
  // pg_stat_database:
  std::int64_t backends = 0;
  std::int64_t commits = 0;
  std::int64_t rollbacks = 0;
  std::int64_t blocks_read = 0;
  std::int64_t blocks_hit = 0;
  std::int64_t temp_files = 0;
  std::int64_t temp_bytes = 0;
  std::int64_t deadlocks = 0;
  std::int64_t conflicts = 0;
  std::int64_t checksum_failures = 0;
  double checksum_last_failure = 0; ///< Unix seconds; 0 = never.
  double session_time_s = 0;
  std::int64_t sessions = 0;
  std::int64_t sessions_abandoned = 0;
  std::int64_t sessions_fatal = 0;
  std::int64_t sessions_killed = 0;
  double stats_reset = 0; ///< Unix seconds; 0 = never reset.
};

/// Checkpoints, background writes, WAL: one row, whatever view the version keeps them in.
struct Background {
  std::int64_t checkpoints_timed = 0;
  std::int64_t checkpoints_requested = 0;
  std::int64_t buffers_checkpoint = 0;
  std::int64_t buffers_clean = 0;
  std::int64_t buffers_backend =
      0;                      ///< Written by client backends (bgwriter view; pg_stat_io from 16).
  std::int64_t wal_bytes = 0; ///< pg_stat_wal.
  double wal_stats_reset = 0;
  double stats_reset = 0; ///< Of the checkpoint counters.
};

struct Archiver {
  std::int64_t archived = 0;
  std::int64_t failed = 0;
  std::string last_archived_wal;
  double last_archived = 0; ///< Unix seconds; 0 = never.
  std::string last_failed_wal;
  double last_failed = 0;
};

struct Role {
  OidNumber oid = 0;
  std::string name;
  bool superuser = false;
  bool inherits = true;
  bool create_role = false;
  bool create_database = false;
  bool can_login = false;
  bool replication = false;
  bool bypass_rls = false;
  std::int32_t connection_limit = -1;
  double valid_until = 0;      ///< Unix seconds; 0 = no limit.
  std::int64_t sessions = 0;   ///< Client backends of it now.
  bool owns_relations = false; ///< User relations in this database.
  // Verdicts on pg_authid (section `passwords`):
  std::string password_kind; ///< "scram-sha-256", "md5", "none", "other"; empty = could not look.
  bool password_equals_name = false;
};

struct Membership {
  std::string role; ///< The group.
  std::string member;
  bool admin = false;
  bool inherit = true; ///< 16+: per membership.
  bool set = true;     ///< 16+.
};

/// ALTER ROLE / ALTER DATABASE ... SET. Empty role or database = all.
struct RoleSetting {
  std::string role;
  std::string database;
  std::string name;
  std::string value; ///< Only of settings whose values are no secrets (all of PostgreSQL's own;
                     ///< others are empty).
};

struct Session {
  std::int32_t pid = 0;
  std::string user;
  std::string database;
  std::string application_name;
  std::string client_address; ///< Empty = Unix socket.
  std::string backend_type;
  std::string state;
  std::string wait_event_type;
  std::string wait_event;
  double backend_age_s = -1;
  double xact_age_s = -1; ///< -1: no transaction.
  double query_age_s = -1;
  double state_age_s = -1;
  std::int64_t xid_age = -1;  ///< age(backend_xid); -1 = none.
  std::int64_t xmin_age = -1; ///< age(backend_xmin); -1 = none.
  bool uses_tls = false;
  bool is_remote = false; ///< Neither Unix socket nor loopback.
  bool is_superuser = false;
  std::string query;                    ///< Normalised: constants are $n. Never the text itself.
  std::vector<std::int32_t> blocked_by; ///< pg_blocking_pids().
  double wait_age_s = -1;               ///< Since pg_locks.waitstart; -1 = waits for no lock.
  std::string wait_relation;            ///< The relation it waits for, if one.
  bool is_own = false;                  ///< This audit's own session.
};

struct LockTable {
  std::int64_t used = 0; ///< Rows of pg_locks that are not fast-path.
  std::int64_t slots =
      0; ///< (MaxBackends + max_prepared_transactions) x max_locks_per_transaction.
};

struct PreparedTransaction {
  std::string gid;
  std::string owner;
  std::string database;
  double age_s = 0;
  std::int64_t xid_age = 0;
};

struct Schema {
  OidNumber oid = 0;
  std::string name;
  std::string owner;
  bool public_create = false;
  bool public_usage = false;
};

/// Tables, partitioned tables, views, materialised views, foreign tables. Sequences and indexes
/// have lists of their own.
struct Relation {
  OidNumber oid = 0;
  std::string schema;
  std::string name;
  std::string kind; ///< r table, p partitioned table, v view, m materialised view, f foreign table.
  std::string persistence; ///< p permanent, u unlogged.
  std::string owner;
  OidNumber parent = 0; ///< Partitioned or inherited parent; 0 = none.
  bool is_partition = false;
  std::string partition_strategy; ///< Of a partitioned table: range, list, hash.
  std::string partition_key;      ///< pg_get_partkeydef().
  std::string partition_bound;    ///< pg_get_expr(relpartbound): "DEFAULT" or "FOR VALUES ...".
  double rows = -1;               ///< reltuples; -1 = never analysed.
  std::int64_t pages = 0;         ///< relpages (8 kB).
  std::int64_t size_bytes = 0;    ///< Heap pages x 8 kB.
  std::int64_t toast_bytes = 0;
  double toast_rows = -1;   ///< reltuples of the TOAST table (chunks); -1 = none or never vacuumed.
  std::int64_t xid_age = 0; ///< age(relfrozenxid), worst of heap and toast.
  std::int64_t mxid_age = 0;
  std::vector<std::string>
      options; ///< reloptions, "fillfactor=90"; toast's as "toast.autovacuum_enabled=false".
  std::string replica_identity; ///< d, n, f, i.
  bool row_security = false;
  bool force_row_security = false;
  bool public_select = false;         ///< ACL of PUBLIC.
  bool public_write = false;          ///< INSERT, UPDATE, DELETE or TRUNCATE.
  std::vector<std::string> readers;   ///< Roles with SELECT that are not owner (capped at 20).
  std::vector<std::string> inserters; ///< Roles with INSERT that are not owner (capped at 20).
  std::vector<OidNumber> view_tables; ///< A view's: relations that it reads directly.
  bool view_security_invoker = false;
  bool owner_bypasses_rls = false; ///< Owner is superuser or has BYPASSRLS.
  // pg_stat_user_tables (section table_stats); -1 = not read:
  std::int64_t seq_scans = -1;
  std::int64_t seq_rows_read = -1;
  std::int64_t index_scans = -1;
  std::int64_t inserted = -1;
  std::int64_t updated = -1;
  std::int64_t hot_updated = -1;
  std::int64_t deleted = -1;
  std::int64_t live_rows = -1;
  std::int64_t dead_rows = -1;
  std::int64_t modified_since_analyze = -1;
  double vacuumed = 0; ///< Newest of manual and auto, Unix seconds; 0 = never.
  double analyzed = 0;
  double autovacuumed = 0;
  std::int64_t heap_blocks_read = -1;
  std::int64_t heap_blocks_hit = -1;

  // Filled by link(): places in the Snapshot's vectors.
  std::uint32_t column_first = 0;
  std::uint32_t column_count = 0;
  [[nodiscard]] bool is_table() const { return kind == "r" || kind == "p"; }
};

struct Column {
  OidNumber relation = 0;
  std::int32_t number = 0; ///< attnum.
  std::string name;
  std::string type;      ///< format_type(): "character varying(255)".
  std::string base_type; ///< Type's name: "varchar", "timestamp", "int4", "numeric", "_text"; of a
                         ///< domain the type below it.
  std::string type_schema;
  std::string type_kind; ///< b base, e enum, d domain, c composite, r range.
  std::int32_t type_modifier = -1;
  std::int32_t length = 0; ///< attlen; -1 = variable.
  std::string alignment;   ///< c, s, i, d.
  bool not_null = false;
  std::string default_expression; ///< Text of the default or generation expression; constants that
                                  ///< are text are replaced by ''.
  std::string identity;           ///< a, d or empty.
  std::string generated;          ///< s, v or empty.
  std::string collation;          ///< Empty = the type's default.
  std::string comment;            ///< "yes" where there is one; its text is not kept.
  std::string default_digest =
      {}; ///< sha256 of the default as it stands, where constants were replaced.
  bool type_pinned =
      false; ///< ALTER COLUMN TYPE is refused: a view or rule, policy, generated column, trigger,
             ///< publication filter or SQL-body function uses it, or it is part of a partition key.
  // pg_stats (section column_stats):
  bool has_stats = false;
  double null_fraction = 0;
  double average_width = 0;
  double distinct = 0; ///< n_distinct: negative = fraction of rows.
  double correlation = 0;
  double most_common_frequency = 0;
  std::string value_shape; ///< Of sensitive-looking names only: "hash", "plain", "unknown";
                           ///< computed in the server from pg_stats.
  std::string flat_shape;  ///< Of text columns: what the sampled values look like: "json", "date",
                           ///< "number", "boolean", "inet", "list" or empty.
};

struct Constraint {
  OidNumber oid = 0;
  OidNumber relation = 0;
  std::string name;
  std::string
      type; ///< p primary key, u unique, f foreign key, c check, x exclusion, n not null (18).
  std::vector<std::int32_t> columns; ///< conkey.
  OidNumber target = 0;              ///< Foreign key: referenced relation.
  std::vector<std::int32_t> target_columns;
  OidNumber index = 0; ///< conindid.
  bool is_validated = true;
  bool is_enforced = true; ///< 18+.
  bool is_deferrable = false;
  bool is_inherited = false; ///< conparentid <> 0 or coninhcount > 0.
  std::string on_delete;     ///< a no action, r restrict, c cascade, n set null, d set default.
  std::string on_update;
  std::string definition; ///< pg_get_constraintdef().
};

struct Index {
  OidNumber oid = 0;
  OidNumber relation = 0;
  std::string schema;
  std::string name;
  std::string method; ///< btree, gin, gist, hash, brin, ...
  bool is_unique = false;
  bool is_primary = false;
  bool is_exclusion = false;
  bool is_valid = true;
  bool is_ready = true;
  bool is_live = true;
  bool is_immediate = true;
  bool is_replica_identity = false;
  bool nulls_not_distinct = false;   ///< 15+.
  bool is_partitioned = false;       ///< relkind I.
  bool is_partition = false;         ///< Attached to a partitioned index.
  bool is_building = false;          ///< pg_stat_progress_create_index names it.
  std::vector<std::int32_t> columns; ///< indkey: 0 = expression; key columns first, then INCLUDE.
  std::int32_t key_count = 0;        ///< indnkeyatts.
  std::vector<std::string> operator_classes;
  std::vector<OidNumber> collations;     ///< indcollation, per key.
  std::vector<std::int32_t> key_options; ///< indoption: 1 DESC, 2 NULLS FIRST.
  std::string expressions;               ///< pg_get_expr(indexprs).
  std::string predicate;                 ///< pg_get_expr(indpred).
  std::string definition;                ///< pg_get_indexdef().
  std::vector<std::string> options;      ///< reloptions.
  double rows = -1;
  std::int64_t pages = 0;
  std::int64_t size_bytes = 0;
  std::string
      constraint; ///< Name of the constraint it carries (conindid of p, u, x); empty = none.
  bool supports_foreign_key = false; ///< Some foreign key references its columns through it.
  bool uses_old_collation =
      false; ///< A key's collation has a version other than the library's now.
  // pg_stat_user_indexes (section index_stats):
  std::int64_t scans = -1;
  double last_scan = 0; ///< 16+; Unix seconds, 0 = never or unknown.
};

struct Sequence {
  OidNumber oid = 0;
  std::string schema;
  std::string name;
  std::string owner;
  std::string type; ///< smallint, integer, bigint.
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
  std::int64_t start = 1; ///< seqstart: what a sequence that was never used gives first.
  std::int64_t increment = 1;
  bool cycles = false;
  bool has_last_value = false; ///< False: never used, or no right to see it.
  bool may_read = false;       ///< We have SELECT or USAGE on it.
  std::int64_t last_value = 0;
  OidNumber relation = 0; ///< Owning (identity, serial) or using (default nextval) table; 0 = none.
  std::int32_t column = 0;
  std::string column_type; ///< int2, int4, int8, ...
  bool is_owned = false;   ///< pg_depend a or i: dropped with its column.
  bool is_identity = false;
  bool has_column_maximum = false; ///< Section sequence_maxima.
  std::int64_t column_maximum = 0;
  std::vector<std::string> users; ///< Roles with USAGE that are not owner (capped at 20).
};

struct Trigger {
  OidNumber relation = 0;
  std::string name;
  std::string enabled; ///< O origin, D disabled, R replica, A always.
  bool is_internal = false;
  std::string function;
  std::string constraint; ///< Of an internal one: the constraint it serves.
};

struct Function {
  OidNumber oid = 0;
  std::string schema;
  std::string name;
  std::string arguments; ///< pg_get_function_identity_arguments().
  std::string kind;      ///< f, p, a, w.
  std::string owner;
  std::string language;
  std::string volatility; ///< i, s, v.
  bool security_definer = false;
  bool owner_is_superuser = false;
  bool pins_search_path = false; ///< search_path stands in proconfig.
  bool public_execute = false;
  bool body_has_secret = false; ///< Verdict: password=, key shapes in prosrc.
};

struct Policy {
  OidNumber relation = 0;
  std::string name;
  bool is_permissive = true;
  std::vector<std::string> roles; ///< "public" for PUBLIC.
  std::string command;            ///< r SELECT, a INSERT, w UPDATE, d DELETE, * all.
  std::string using_expression;   ///< pg_get_expr; text constants replaced by ''.
  std::string check_expression;
  bool using_is_true = false;
  bool check_is_true = false;
  bool calls_per_row =
      false; ///< Calls current_setting(), current_user or a stable function outside a sub-select.
  std::string using_digest = {}; ///< sha256 of the expression as it stands, where constants were
                                 ///< replaced.
  std::string check_digest = {};
};

struct Extension {
  std::string name;
  std::string version;
  std::string default_version; ///< Of pg_available_extensions; empty = not available any more.
  std::string schema;
  bool is_relocatable = false;
};

struct Language {
  std::string name;
  bool is_trusted = false;
};

/// A table as published (FOR ALL TABLES and IN SCHEMA included).
struct PublishedTable {
  std::string publication;
  OidNumber relation = 0;
  bool publishes_updates = false; ///< Or deletes.
};

struct Subscription {
  std::string name;
  bool is_enabled = true;
  std::int64_t apply_errors = 0; ///< 15+.
  std::int64_t sync_errors = 0;
  std::int64_t tables_not_ready = 0; ///< srsubstate not r.
  bool has_worker = false;
  bool connection_has_secret = false; ///< password= in subconninfo (superuser).
};

struct Replica {
  std::string application_name;
  std::string client_address;
  std::string user;
  std::string state;
  std::string sync_state;
  std::int64_t lag_bytes = 0; ///< Current LSN - replay (or flush where there is no replay).
  double replay_lag_s = 0;
  std::int64_t xmin_age = -1;
  bool is_backup_or_receiver = false; ///< pg_basebackup, pg_receivewal.
};

struct Slot {
  std::string name;
  std::string plugin;
  std::string type; ///< physical, logical.
  std::string database;
  bool is_active = false;
  double inactive_since = 0; ///< 17+; Unix seconds, 0 = unknown or active.
  std::int64_t retained_bytes = 0;
  std::string wal_status;
  bool has_safe_wal_size = false;
  std::int64_t safe_wal_size = 0;
  std::string invalidation_reason; ///< conflicting (16), invalidation_reason (17+).
  std::int64_t xmin_age = -1;
  std::int64_t catalog_xmin_age = -1;
  bool is_temporary = false;
};

struct DefaultPrivilege {
  std::string owner;       ///< For objects that this role creates.
  std::string schema;      ///< Empty = everywhere.
  std::string object_type; ///< r tables, S sequences, f functions, T types, n schemas.
  std::string grantee;     ///< "public" for PUBLIC.
  std::string privilege;   ///< SELECT, USAGE, EXECUTE, ...
};

struct LargeObjects {
  std::int64_t count = 0;
  std::int64_t reference_columns = 0; ///< Columns of type oid or lo in user tables.
};

/// An option or command that holds a secret: where, never what.
struct SecretPlace {
  std::string kind; ///< "foreign server", "user mapping", "cron job".
  std::string name;
};

struct Statement {
  std::string query_id;
  std::string query; ///< Normalised, at most 2,000 bytes.
  std::string user;
  std::int64_t calls = 0;
  double total_ms = 0;
  double mean_ms = 0;
  double max_ms = 0;
  std::int64_t rows = 0;
  std::int64_t shared_hit = 0;
  std::int64_t shared_read = 0;
  std::int64_t temp_written = 0;
  std::int64_t wal_bytes = 0;
};

struct StatementsInfo {
  bool is_preloaded = false;
  bool is_installed = false;
  std::int64_t entries = 0;
  std::int64_t entries_max = 0;
  std::int64_t evictions = 0; ///< dealloc, 14+.
  double stats_reset = 0;
  double total_ms = 0; ///< Of all statements of this database.
  std::int64_t single_call_variants =
      0; ///< Entries whose query id is new but whose text differs in constants only.
};

struct Progress {
  std::string kind; ///< "create index", "vacuum".
  std::int32_t pid = 0;
  OidNumber relation = 0;
  OidNumber index = 0;
  std::string phase;
  std::int64_t index_vacuum_count = 0;
  bool is_autovacuum = false;
};

struct WalDirectory {
  std::int64_t files = 0;
  std::int64_t bytes = 0;
};

struct ArchiveStatus {
  std::int64_t ready = 0;
};

struct CollationUse {
  std::string name;
  std::string provider;
  std::string version;
  std::string version_actual;
  std::int64_t indexes = 0; ///< Indexes with a key of it.
};

struct Tablespace {
  std::string name;
  std::string location;
  std::int64_t size_bytes = -1;
};

struct UserType {
  std::string schema;
  std::string name;
  std::string kind; ///< e enum, d domain.
  std::int64_t label_count = 0;
  bool has_unvalidated_constraint = false;
};

/// A property of an object, for comparing databases (diff.h). Texts that may hold what is nobody
/// else's business (bodies, comments, values of options) are digests, "md5:...".
struct Definition {
  std::string kind; ///< "view", "function", "trigger", ...: PostgreSQL's words.
  std::string
      object; ///< As pg_identify_object() writes it: "public.orders", "own on public.orders".
  std::string property; ///< "definition", "owner", "grants", "comment", ...
  std::string value;
};

/// A section that is not there, and why.
struct Absence {
  Facts fact = Facts::none;
  std::string reason; ///< "permission denied for function pg_ls_waldir", "extension
                      ///< pg_stat_statements is not installed".
};

struct Snapshot {
  Server server;
  std::optional<Standby> standby;
  std::vector<Setting> settings;
  std::vector<FileError> file_errors; ///< Of postgresql.conf.
  std::vector<HbaRule> hba;
  std::vector<Database> databases;
  Background background;
  Archiver archiver;
  std::vector<Role> roles;
  std::vector<Membership> memberships;
  std::vector<RoleSetting> role_settings;
  std::vector<Session> sessions;
  LockTable lock_table;
  std::vector<PreparedTransaction> prepared_transactions;
  std::vector<Schema> schemas;
  std::vector<Relation> relations;
  std::vector<Column> columns;         ///< Sorted by relation, number.
  std::vector<Constraint> constraints; ///< Sorted by relation.
  std::vector<Index> indexes;          ///< Sorted by relation.
  std::vector<Sequence> sequences;
  std::vector<Trigger> triggers;
  std::vector<Function> functions;
  std::vector<Policy> policies;
  std::vector<Extension> extensions;
  std::vector<Language> languages;
  std::vector<PublishedTable> published_tables;
  std::vector<Subscription> subscriptions;
  std::vector<Replica> replicas;
  std::vector<Slot> slots;
  std::vector<DefaultPrivilege> default_privileges;
  LargeObjects large_objects;
  std::vector<SecretPlace> secret_places;
  std::vector<Statement> statements; ///< The top 200 by total time.
  StatementsInfo statements_info;
  std::vector<Progress> progress;
  WalDirectory wal_directory;
  ArchiveStatus archive_status;
  std::vector<CollationUse> collations;
  std::vector<Tablespace> tablespaces;
  std::vector<UserType> types;
  std::vector<Definition> definitions; ///< What the structs above do not say.
  Outside outside;                     ///< host.h.
  Facts present = Facts::none;
  std::vector<Absence> absent;
  std::vector<std::string>
      notes; ///< Caps that were reached ("200 of 5,123 sequences compared with their columns").
  std::int32_t statement_count = 0; ///< Statements sent to the server for this Snapshot.

  /// Fills lookups and sorts; the readers and the file loader call it once.
  void link();
  [[nodiscard]] const Relation* relation(OidNumber oid) const;
  [[nodiscard]] std::span<const Column> columns_of(const Relation& relation) const;
  [[nodiscard]] const Column* column(OidNumber relation, std::int32_t number) const;
  [[nodiscard]] std::span<const Constraint> constraints_of(OidNumber relation) const;
  [[nodiscard]] std::span<const Index> indexes_of(OidNumber relation) const;
  [[nodiscard]] const Index* index(OidNumber oid) const;
  [[nodiscard]] const Setting* setting(std::string_view name) const;
  [[nodiscard]] const Role* role(std::string_view name) const;
  [[nodiscard]] const Database* current_database() const;
  /// Whether `member` is `role` or is in it, directly or not. Superusers are not members of
  /// everything here.
  [[nodiscard]] bool is_member(std::string_view member, std::string_view role) const;
  /// The reason why a section is absent; empty where it is present.
  [[nodiscard]] std::string why_absent(Facts fact) const;
  /// Seconds since the counters count.
  [[nodiscard]] double counters_age_s() const { return server.now - server.stats_since; }

private:
  std::unordered_map<OidNumber, std::uint32_t> relation_index_;
  std::unordered_map<OidNumber, std::uint32_t> index_index_;
  // Keys own their text: a copied Snapshot must not look into the one it was copied from.
  std::map<std::string, std::uint32_t, std::less<>> setting_index_;
  std::map<std::string, std::uint32_t, std::less<>> role_index_;
};

/// Marks the outside facts that are filled as present, and the others as absent with the reason
/// (which command or flag would fill them).
void mark_outside(Snapshot& snapshot);

/// "public.orders", each part quoted where SQL needs it.
std::string qualified_name(const Relation& relation);
std::string qualified_name(const Index& index);
std::string qualified_name(const Sequence& sequence);
/// "public.orders.user_id": for Finding::object (quoted where SQL needs it).
std::string column_object(const Relation& relation, const Column& column);
/// The names of the numbered columns, quoted, joined by ", ".
std::string column_list(const Snapshot& db, OidNumber relation,
                        std::span<const std::int32_t> numbers);

/// A setting's value in its base unit: bytes for memory, milliseconds for time, else the plain
/// number. nullopt = no number or unknown.
std::optional<double> setting_number(const Snapshot& db, std::string_view name);
/// 'on' as true. False where unknown.
bool setting_is_on(const Snapshot& db, std::string_view name);
std::string setting_text(const Snapshot& db, std::string_view name);
/// What a session of that role in the snapshot's database gets: role+database > role > database >
/// all roles > server. Source: PostgreSQL manual, catalog-pg-db-role-setting and sql-alterrole
/// (precedence).
std::string effective_setting(const Snapshot& db, std::string_view role, std::string_view name);
/// The same as milliseconds or bytes ("30s", "500", "64MB" in `unit` of the setting).
std::optional<double> effective_number(const Snapshot& db, std::string_view role,
                                       std::string_view name);

struct ReadOptions {
  Facts left_out = Facts::none; ///< Sections that the caller has no use for.
  std::int32_t sequence_maxima_max =
      200; ///< Sequences compared with their columns; the cap is reported.
  /// Called before each section, for a progress bar: (done, total, name).
  std::function<void(int, int, std::string_view)> on_progress = {};
};
/// Reads everything in one transaction. A reader that fails is recorded in `absent`. Errors: only
/// when the connection itself fails.
base::Result<Snapshot> read_snapshot(postgres::Connection& connection,
                                     const ReadOptions& options = {});

} // namespace pgkeep::catalog
