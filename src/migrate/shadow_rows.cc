// The statements on rows. The copy is a plain INSERT ... SELECT: looking for conflicts, and keeping
// the rows aside to know where a batch ended, cost as much again (9.6 s of CPU for 2,000,000 rows
// of 100 bytes on PostgreSQL 15 beside 5.0). There are no conflicts because a replay leaves out the
// keys that are still to be copied.
#include <fmt/format.h>

#include "base/text.h"
#include "migrate/key_sql.h"
#include "migrate/shadow_run.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

using postgres::quote_identifier;
using postgres::quote_qualified;

/// "l.k1, l.k2".
std::string log_key(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i <= count; ++i)
    names.push_back(fmt::format("l.k{}", i));
  return base::join(names, ", ");
}

std::string columns_of(const ShadowSql& sql) {
  std::vector<std::string> names;
  names.reserve(sql.columns.size());
  for (const ShadowColumn& each : sql.columns)
    names.push_back(each.name);
  return base::join(names, ", ");
}

std::string values_of(const ShadowSql& sql) {
  std::vector<std::string> values;
  values.reserve(sql.columns.size());
  for (const ShadowColumn& each : sql.columns)
    values.push_back(each.value);
  return base::join(values, ", ");
}

/// " WHERE key > cursor AND key <= end", as far as there are such.
std::string range(const std::vector<std::string>& key, bool has_from, bool has_to) {
  std::string text;
  if (has_from) text = fmt::format(" WHERE {} > {}", row_of(key), parameters_from(1, key.size()));
  if (has_to)
    text += fmt::format("{} {} <= {}", has_from ? " AND" : " WHERE", row_of(key),
                        parameters_from(has_from ? key.size() + 1 : 1, key.size()));
  return text;
}

} // namespace

std::string ShadowNames::table() const {
  return quote_qualified(schema, name);
}
std::string ShadowNames::shadow() const {
  return fmt::format("pgkeep.shadow_{}", oid);
}
std::string ShadowNames::log() const {
  return fmt::format("pgkeep.shadow_log_{}", oid);
}
std::string ShadowNames::trigger() const {
  return fmt::format("pgkeep_shadow_{}", oid);
}
std::string ShadowNames::truncate_trigger() const {
  return fmt::format("pgkeep_shadow_truncate_{}", oid);
}

std::string ShadowSql::last_key() const {
  return fmt::format("SELECT {0}, (SELECT greatest(reltuples, 0)::bigint FROM pg_catalog.pg_class "
                     "WHERE oid = {1}) FROM {2} ORDER BY {3} DESC LIMIT 1",
                     base::join(key, ", "), names.oid, names.table(), base::join(key, " DESC, "));
}

std::string ShadowSql::bound(bool is_first, std::int64_t size) const {
  const std::string names_of_key = base::join(key, ", ");
  return fmt::format("SELECT {0} FROM {1}{2} ORDER BY {0} OFFSET {3} LIMIT 1", names_of_key,
                     names.table(), range(key, !is_first, true), size - 1);
}

std::string ShadowSql::copy(bool is_first) const {
  return fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}{}",
                     names.shadow(), columns_of(*this), values_of(*this), names.table(),
                     range(key, !is_first, true));
}

std::string ShadowSql::next(bool is_first, std::int64_t size) const {
  const std::string names_of_key = base::join(key, ", ");
  return fmt::format("SELECT {0}, n FROM (SELECT {0}, row_number() OVER (ORDER BY {0}) AS n FROM "
                     "(SELECT {0} FROM {1}{2} ORDER BY {0} LIMIT {3}) a) b ORDER BY n DESC LIMIT 1",
                     names_of_key, names.table(), range(key, !is_first, false), size);
}

std::string ShadowSql::differing(bool is_first, bool is_last) const {
  std::vector<std::string> left;
  std::vector<std::string> right;
  std::vector<std::string> values;
  std::vector<std::string> equal;
  std::vector<std::string> known;
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < key.size(); ++i) {
    left.push_back(fmt::format("{} AS k{}", key[i], i + 1));
    equal.push_back(fmt::format("o.k{0} = s.k{0}", i + 1));
    shown.push_back(fmt::format("coalesce(o.k{0}, s.k{0})", i + 1));
    known.push_back(fmt::format("l.k{} = {}", i + 1, shown.back()));
  }
  right = left;
  std::vector<std::string> stored;
  for (const ShadowColumn& each : columns) {
    values.push_back(fmt::format("({})::{}", each.value, each.type));
    stored.push_back(each.name);
  }
  const std::string within = range(key, !is_first, !is_last);
  return fmt::format(
      "SELECT {0} FROM (SELECT {1}, ROW({2}) AS r FROM {3}{4}) o FULL JOIN (SELECT {5}, ROW({6}) "
      "AS r FROM {7}{4}) s ON {8} WHERE (o.k1 IS NULL OR s.k1 IS NULL OR o.r "
      "OPERATOR(pg_catalog.*<>) s.r) AND NOT "
      "EXISTS (SELECT FROM {9} l WHERE {10}) LIMIT 5",
      base::join(shown, ", "), base::join(left, ", "), base::join(values, ", "), names.table(),
      within, base::join(right, ", "), base::join(stored, ", "), names.shadow(),
      base::join(equal, " AND "), names.log(), base::join(known, " AND "));
}

std::string ShadowSql::in_log(Replay replay) const {
  const std::string logged = key.size() == 1 ? log_key(1) : "(" + log_key(key.size()) + ")";
  if (replay == Replay::all) return "NOT l.truncated";
  if (replay == Replay::nothing_copied)
    return fmt::format("NOT l.truncated AND NOT {} <= {}", logged, parameters_from(1, key.size()));
  return fmt::format("NOT l.truncated AND ({0} <= {1} OR {0} > {2})", logged,
                     parameters_from(1, key.size()), parameters_from(key.size() + 1, key.size()));
}

std::string ShadowSql::replay_delete(Replay replay) const {
  std::vector<std::string> equal;
  equal.reserve(key.size());
  for (std::size_t i = 0; i < key.size(); ++i)
    equal.push_back(fmt::format("s.{} = l.k{}", key[i], i + 1));
  return fmt::format("DELETE FROM {0} s USING (SELECT DISTINCT {1} FROM {2} l WHERE {3}) l "
                     "WHERE {4}",
                     names.shadow(), log_key(key.size()), names.log(), in_log(replay),
                     base::join(equal, " AND "));
}

std::string ShadowSql::replay_insert(Replay replay) const {
  return fmt::format("INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {2} FROM {3} WHERE {4} "
                     "IN (SELECT {5} FROM {6} l WHERE {7})",
                     names.shadow(), columns_of(*this), values_of(*this), names.table(),
                     row_of(key), log_key(key.size()), names.log(), in_log(replay));
}

} // namespace pgkeep::migrate
