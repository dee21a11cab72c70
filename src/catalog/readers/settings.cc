// Settings as the server gives them to sessions, errors in its files, and pg_hba.conf.
//
// reset_val is what a session started with: right, unless our own role, database or connection
// string changed it. Then the value stands in the files, and where these may not be read the
// built-in default is taken, which a note says. Values that can hold a secret are not kept.
#include <fmt/format.h>

#include "base/text.h"
#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

// "" and "***" in place of a value: options of extensions that we do not know, and texts with
// passwords in them.
constexpr std::string_view kSettings = R"(
WITH file AS MATERIALIZED (
  {{file_values}}
), changed AS (
  SELECT DISTINCT lower(split_part(e.entry, '=', 1)) AS name
  FROM pg_db_role_setting s
  CROSS JOIN LATERAL unnest(s.setconfig) e(entry)
  WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
    AND s.setrole IN (0, (SELECT r.oid FROM pg_roles r WHERE r.rolname = session_user))
), value AS (
  SELECT s.*, is_ours, CASE WHEN is_ours THEN coalesce(file.setting, s.boot_val)
                            ELSE s.reset_val END AS given,
         file.setting IS NOT NULL AS is_in_file,
         s.category = 'Customized Options' AND (s.name ~* 'passw|secret|token|key|credential'
           OR s.name !~ ('^(auto_explain|pg_stat_statements|plpgsql|pgaudit|auth_delay|cron|rds|'
                         'cloudsql|azure|timescaledb|citus|pg_hint_plan|supautils|neon)[.]'))
           AS is_unknown
  FROM pg_settings s
  CROSS JOIN LATERAL (SELECT s.source IN ('client', 'user', 'database', 'database user', 'global')
    OR s.source = 'session' AND lower(s.name) IN (SELECT c.name FROM changed c) AS is_ours) o
  LEFT JOIN file ON file.name = lower(s.name)
)
SELECT v.name,
       CASE WHEN v.is_unknown THEN ''
            WHEN v.name IN ('primary_conninfo', 'ssl_passphrase_command') AND v.given <> ''
              THEN '***'
            WHEN v.name ~ '_command$' THEN regexp_replace(regexp_replace(v.given,
              '((password|passwd|secret[a-z_]*|token|access_key[a-z_]*)[[:space:]]*[= ])'
              '[[:space:]]*[^[:space:]]+',
              '\1***', 'gi'), '://[^/@[:space:]]*@', '://***@', 'g')
            WHEN v.vartype = 'bool' THEN CASE WHEN lower(v.given) = '1'
              OR lower(v.given) ~ '^(on|t|tr|tru|true|y|ye|yes)$' THEN 'on' ELSE 'off' END
            ELSE coalesce(v.given, '') END AS value,
       CASE WHEN v.is_unknown THEN '' ELSE coalesce(v.boot_val, '') END AS boot_value,
       coalesce(v.unit, '') AS unit, v.vartype AS type,
       CASE WHEN v.is_ours THEN CASE WHEN v.is_in_file THEN 'configuration file' ELSE 'assumed' END
            WHEN v.source = 'session' THEN CASE WHEN v.given IS DISTINCT FROM v.boot_val
              THEN 'configuration file' ELSE 'default' END
            ELSE v.source END AS source,
       coalesce(v.sourcefile, '') AS source_file, coalesce(v.sourceline, 0) AS source_line,
       v.context, v.pending_restart
FROM value v ORDER BY v.name)";

void take_settings(const postgres::Rows& rows, ReadState& state) {
  state.db.settings = decode_rows<Setting>(rows);
  std::vector<std::string> assumed;
  for (Setting& setting : state.db.settings) {
    if (setting.source != "assumed") continue;
    setting.source = "default";
    const bool is_of_client =
        setting.name == "application_name" || setting.name == "client_encoding";
    if (!is_of_client && !state.probe.may_read_file_settings) assumed.push_back(setting.name);
  }
  if (assumed.empty()) return;
  state.db.notes.push_back(
      fmt::format("the server's own value of {} is hidden behind this role's or database's, and "
                  "the files may not be read: the built-in default is assumed",
                  base::join(assumed, ", ")));
}

// "setting could not be applied" is also said of a change that only waits for a restart, which is
// pending_restart's to tell; the sub-select runs after the function that finds that out.
constexpr std::string_view kFileErrors = R"(
WITH failed AS MATERIALIZED (
  SELECT f.sourcefile, f.sourceline, f.name, f.error, f.seqno
  FROM pg_file_settings f WHERE f.error IS NOT NULL
)
SELECT coalesce(f.sourcefile, '') AS file, f.sourceline AS line, coalesce(f.name, '') AS name,
       f.error
FROM failed f
WHERE f.error <> 'setting could not be applied'
   OR NOT coalesce((SELECT s.pending_restart FROM pg_settings s
                    WHERE lower(s.name) = lower(f.name)), false)
ORDER BY f.seqno)";
std::string refuse_files(const Probe& probe) {
  return probe.may_read_file_settings ? "" : "permission denied for view pg_file_settings";
}

constexpr std::string_view kHba = R"(
SELECT coalesce({{hba_file}}, '') AS file, h.line_number AS line, h.type,
       h.database AS databases, h.user_name AS users, h.address, h.netmask,
       h.auth_method AS method,
       ARRAY(SELECT regexp_replace(o, '^(ldapbindpasswd|radiussecrets)=.*$', '\1=***')
             FROM unnest(h.options) o) AS options,
       h.error
FROM pg_hba_file_rules h ORDER BY {{hba_order}})";
std::string refuse_hba(const Probe& probe) {
  return probe.may_read_hba ? "" : "permission denied for view pg_hba_file_rules";
}

// Behind the settings, which would show these as the session's. Compilation and parallel workers
// cost more than catalog queries are worth, and hash tables of a large catalog take some memory.
constexpr std::string_view kTuning = R"(
SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true),
       set_config('max_parallel_workers_per_gather', '0', true),
       set_config('search_path', 'pg_catalog', true),
       set_config('quote_all_identifiers', 'off', true),
       set_config('statement_timeout', CASE current_setting('statement_timeout') WHEN '0'
         THEN '30s' ELSE current_setting('statement_timeout') END, true),
       set_config('lock_timeout', CASE current_setting('lock_timeout') WHEN '0'
         THEN '2s' ELSE current_setting('lock_timeout') END, true))";
void take_tuning(const postgres::Rows& /*rows*/, ReadState& /*state*/) {}

constexpr Reader kSettingReaders[] = {
    {.name = "settings",
     .facts = Facts::settings,
     .title = "Settings as sessions get them",
     .sql = kSettings,
     .take = take_settings},
    {.name = "file settings",
     .facts = Facts::file_settings,
     .title = "Errors in postgresql.conf and the files that it includes",
     .sql = kFileErrors,
     .take = take_list<&Snapshot::file_errors>,
     .refuse = refuse_files},
    {.name = "hba",
     .facts = Facts::hba,
     .title = "Rules of pg_hba.conf",
     .sql = kHba,
     .take = take_list<&Snapshot::hba>,
     .refuse = refuse_hba},
    {.name = "our own session",
     .facts = Facts::none,
     .title = "Limits and planner settings of this transaction",
     .sql = kTuning,
     .take = take_tuning},
};

} // namespace

const std::span<const Reader> setting_readers{kSettingReaders};

} // namespace pgkeep::catalog
