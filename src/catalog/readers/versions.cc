// What differs between the server versions 14 to 18, and with our rights, in one place. A name in
// {{}} is looked up in kVersioned (a text from a major version on, another before), then among the
// conditions on the probe, then among the fragments that many readers share.
// Source: PostgreSQL manual of each version: catalogs, monitoring-stats; release notes 15 to 18.
#include <fmt/format.h>

#include <algorithm>

#include "catalog/reader.h"
#include "postgres/quote.h"

namespace pgkeep::catalog {
namespace {

struct Versioned {
  std::string_view name;
  int since;
  std::string_view newer;
  std::string_view older;
};
constexpr Versioned kVersioned[] = {
    {"hba_file", 16, "h.file_name",
     "(SELECT s.setting FROM pg_settings s WHERE s.name = 'hba_file')"},
    {"hba_order", 16, "h.rule_number NULLS LAST, h.line_number", "h.line_number"},
    {"database_collation", 15,
     "d.datcollversion AS collation_version,\n"
     "       pg_database_collation_actual_version(d.oid) AS collation_version_actual,",
     ""},
    {"default_collation_version", 15, "d.datcollversion", "NULL::text"},
    {"default_collation_actual", 15, "pg_database_collation_actual_version(d.oid)", "NULL::text"},
    {"default_collation_provider", 15, "d.datlocprovider", "'c'"},
    {"checkpoints", 17,
     "c.num_timed AS checkpoints_timed, c.num_requested AS checkpoints_requested,\n"
     "       c.buffers_written AS buffers_checkpoint, b.buffers_clean,\n"
     "       extract(epoch FROM c.stats_reset) AS stats_reset",
     "b.checkpoints_timed, b.checkpoints_req AS checkpoints_requested,\n"
     "       b.buffers_checkpoint, b.buffers_clean,\n"
     "       extract(epoch FROM b.stats_reset) AS stats_reset"},
    {"checkpoints_from", 17, "pg_stat_bgwriter b, pg_stat_checkpointer c", "pg_stat_bgwriter b"},
    {"buffers_backend", 16,
     "(SELECT coalesce(sum(io.writes), 0)::bigint FROM pg_stat_io io\n"
     "        WHERE io.backend_type = 'client backend' AND io.object = 'relation'\n"
     "          AND io.context = 'normal')",
     "b.buffers_backend"},
    {"checkpointer_reset", 17, "(SELECT stats_reset FROM pg_stat_checkpointer)", "NULL"},
    {"member_inherit", 16, "bool_or(m.inherit_option)", "bool_or(member.rolinherit)"},
    {"member_set", 16, "bool_or(m.set_option)", "true"},
    {"worker_slots", 18, "autovacuum_worker_slots", "autovacuum_max_workers"},
    {"is_enforced", 18, "con.conenforced", "true"},
    {"is_special_foreign_key", 18, "OR NOT con.conenforced OR con.conperiod {{sets_columns}}",
     "{{sets_columns}}"},
    {"sets_columns", 15, "OR con.confdelsetcols IS NOT NULL", ""},
    {"nulls_not_distinct", 15, "i.indnullsnotdistinct", "false"},
    {"index_last_scan", 16, "coalesce(extract(epoch FROM pg_stat_get_lastscan(i.indexrelid)), 0)",
     "0"},
    {"subscription_errors", 15,
     "coalesce(e.apply_error_count, 0) AS apply_errors,\n"
     "       coalesce(e.sync_error_count, 0) AS sync_errors,",
     ""},
    {"subscription_errors_from", 15, "LEFT JOIN pg_stat_subscription_stats e ON e.subid = s.oid",
     ""},
    {"published_schemas", 15,
     "UNION\n"
     "  SELECT p.oid, c.oid FROM pg_publication p\n"
     "  JOIN pg_publication_namespace pn ON pn.pnpubid = p.oid\n"
     "  JOIN pg_class c ON c.relnamespace = pn.pnnspid\n"
     "  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'",
     ""},
    {"slot_reason", 17, "coalesce(s.invalidation_reason, '')", "{{slot_conflict}}"},
    {"slot_conflict", 16, "CASE WHEN s.conflicting THEN 'conflicting' ELSE '' END", "''"},
    {"collation_locale", 17, "co.colllocale", "{{collation_icu_locale}}"},
    {"collation_icu_locale", 15, "co.colliculocale", "NULL::text"},
    {"collation_rules", 16, "co.collicurules", "NULL::text"},
    {"publication_filter", 15,
     "coalesce(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)\n"
     "         FROM pg_attribute a WHERE a.attrelid = r.prrelid\n"
     "           AND a.attnum = ANY (r.prattrs)) || ')', '')\n"
     "       || coalesce(' where md5:' || md5(pg_get_expr(r.prqual, r.prrelid)), '')",
     "''"},
    {"publication_schemas", 15,
     "UNION ALL\nSELECT 'publication', quote_ident(p.pubname),\n"
     "       'schema ' || quote_ident(s.nspname), 'published'\n"
     "FROM pg_publication_namespace x JOIN pg_publication p ON p.oid = x.pnpubid\n"
     "JOIN pg_namespace s ON s.oid = x.pnnspid",
     ""},
    {"publication_generated", 18, "p.pubgencols = 's'", "false"},
    {"slot_inactive_since", 17, "coalesce(extract(epoch FROM s.inactive_since), 0)", "0"},
};

/// Shared fragments. {{user_schema}} takes n as pg_namespace, {{is_in_scope}} c as pg_class.
constexpr std::pair<std::string_view, std::string_view> kFragments[] = {
    {"user_schema", "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"},
    {"user_kinds", "c.relkind IN ('r', 'p', 'v', 'm', 'f')"},
    {"block", "current_setting('block_size')::bigint"},
};

/// Versions of extensions are not numbers: "1.10" comes after "1.9".
bool is_version_at_least(std::string_view version, int major, int minor) {
  const std::size_t dot = version.find('.');
  int have_major = 0;
  int have_minor = 0;
  decode_value(version.substr(0, dot), have_major);
  if (dot != std::string_view::npos) {
    std::string_view rest = version.substr(dot + 1);
    decode_value(rest.substr(0, rest.find('.')), have_minor);
  }
  return have_major > major || (have_major == major && have_minor >= minor);
}

std::string of_statements(std::string_view name, const Probe& probe) {
  // The columns belong to the extension's version: ALTER EXTENSION ... UPDATE may never have run
  // since the server was upgraded.
  const bool is_timed_apart = is_version_at_least(probe.statements_version, 1, 8);
  const bool has_info = is_version_at_least(probe.statements_version, 1, 9);
  if (name == "statements_total") return is_timed_apart ? "s.total_exec_time" : "s.total_time";
  if (name == "statements_mean") return is_timed_apart ? "s.mean_exec_time" : "s.mean_time";
  if (name == "statements_max") return is_timed_apart ? "s.max_exec_time" : "s.max_time";
  if (name == "statements_wal") return is_timed_apart ? "s.wal_bytes" : "0";
  if (name == "statements_toplevel") return has_info ? "s.toplevel" : "true";
  if (name == "statements_info")
    return has_info ? "{{statements_schema}}.pg_stat_statements_info"
                    : "(SELECT 0 AS dealloc, NULL::timestamptz AS stats_reset)";
  return postgres::quote_identifier(probe.statements_schema.empty() ? std::string_view("public")
                                                                    : probe.statements_schema);
}

std::optional<std::string> of_rights(std::string_view name, const Probe& probe) {
  if (name == "file_values") {
    // Of a setting that stands in the files several times the last one counts.
    return probe.may_read_file_settings
               ? "SELECT DISTINCT ON (lower(f.name)) lower(f.name) AS name, f.setting\n"
                 "  FROM pg_file_settings f WHERE f.error IS NULL\n"
                 "  ORDER BY lower(f.name), f.seqno DESC"
               : "SELECT NULL::text AS name, NULL::text AS setting WHERE false";
  }
  if (name == "subscription_secret") {
    return probe.may_read_subscription_conninfo
               ? "s.subconninfo ~* '(^|[[:space:]])password[[:space:]]*=|://[^/@]*:[^/@]*@'"
               : "false";
  }
  if (name == "cron_jobs") {
    return probe.has_cron ? "UNION ALL\nSELECT 'cron job', j.jobid::text FROM cron.job j\n"
                            "WHERE j.command ~* '{{secret_text}}'"
                          : "";
  }
  if (name == "locked") return fmt::format("'{{{}}}'::oid[]", fmt::join(probe.locked, ","));
  if (name == "is_in_scope") {
    std::string text = "c.oid NOT IN (SELECT x.objid FROM pg_depend x\n"
                       "                     WHERE x.refclassid = 'pg_extension'::regclass\n"
                       "                       AND x.classid = 'pg_class'::regclass\n"
                       "                       AND x.deptype = 'e')";
    if (!probe.locked.empty())
      text += fmt::format("\n  AND c.oid <> ALL ('{{{}}}'::oid[])", fmt::join(probe.locked, ","));
    return text;
  }
  if (name.starts_with("statements_")) return of_statements(name, probe);
  return std::nullopt;
}

std::string text_of(std::string_view name, const Probe& probe) {
  const auto* const versioned = std::ranges::find(kVersioned, name, &Versioned::name);
  if (versioned != std::end(kVersioned))
    return std::string(probe.major >= versioned->since ? versioned->newer : versioned->older);
  for (const auto& [fragment, text] : kFragments) {
    if (fragment == name) return std::string(text);
  }
  // A secret written into a text: a password given to a connection or a comparison, a key by its
  // shape, an address with a password in it.
  if (name == "secret_text") {
    return "(host|dbname|user|port)=[^'']*password=[^''[:space:]%$|]+"
           "|(password|passwd|secret|api_?key)[[:space:]]*(=|:=|=>)[[:space:]]*''[^'']{3,}''"
           "|AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY"
           "|(postgres(ql)?|mysql|amqps?|rediss?|mongodb(\\+srv)?|https?)://[^:/@[:space:]]+:"
           "[^@/[:space:]%]+@";
  }
  auto of_right = of_rights(name, probe);
  PGKEEP_ASSERT(of_right.has_value());
  return *std::move(of_right);
}

} // namespace

std::string expand(std::string_view sql, const Probe& probe) {
  std::string text;
  while (true) {
    const std::size_t open = sql.find("{{");
    if (open == std::string_view::npos) break;
    const std::size_t close = sql.find("}}", open);
    PGKEEP_ASSERT(close != std::string_view::npos);
    text += sql.substr(0, open);
    // Texts may hold names in turn; the table's depth is two.
    text += expand(text_of(sql.substr(open + 2, close - open - 2), probe), probe);
    sql.remove_prefix(close + 2);
  }
  text += sql;
  return text;
}

} // namespace pgkeep::catalog
